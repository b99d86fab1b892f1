import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Testing
import Wire

/// Sets and maps of several fields with so many elements that they have an index, and large ones of a single field: the program says of
/// each frame what the interpreter says, which asks element by element.
struct LargeKeySetTests {
    struct Shape: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var fields: [Field]
        /// One of so many elements is without an interval.
        var points = 4
        var count = 60
    }

    static let shapes: [Shape] = [
        Shape(testDescription: "an address", fields: [.ipSaddr]),
        Shape(testDescription: "code points", fields: [.ipDscp], points: 1),
        Shape(testDescription: "an address and a port", fields: [.ipSaddr, .thDport]),
        Shape(testDescription: "an address and a port, seldom a range", fields: [.ipSaddr, .thDport], points: 1),
        Shape(testDescription: "few", fields: [.ipSaddr, .thDport], count: 9),
        Shape(testDescription: "addresses of IPv6", fields: [.ip6Saddr, .ip6Daddr]),
        Shape(testDescription: "an interface and bits within octets", fields: [.metaIifname, .ipDscp, .thSport]),
        Shape(testDescription: "all of a connection", fields: [.ipSaddr, .ipDaddr, .ipProtocol, .thSport, .thDport]),
        Shape(
            testDescription: "more fields than an index has",
            fields: [.ipSaddr, .ipTtl, .ipDscp, .ipVersion, .ipProtocol, .ipEcn, .thSport, .ipHdrlength, .thDport, .ipDaddr]),
    ]

    /// What frames may have there, and a little more.
    private static func values(of field: Field) -> [UInt128] {
        switch field {
        case .ipSaddr, .ipDaddr: (0..<12).map { 0x0a00_0000 + 17 * $0 }
        case .ip6Saddr, .ip6Daddr: (0..<12).map { 0x2001_0db8 << 96 + $0 << 60 }
        case .thSport, .thDport: (0..<12).map { 100 * $0 + 7 }
        case .ipTtl: [64]
        case .ipVersion: [4]
        case .ipHdrlength: [5]
        case .ipProtocol: [17]
        default: [0, 1, 2, 3]
        }
    }

    private static func value(of field: Field, isPoint: Bool, _ generator: inout SeededGenerator) -> Value {
        if field.isInterface {
            return isPoint || generator.oneIn(2) ? .interface(generator.pick(ports), isPrefix: false) : .interface("", isPrefix: true)
        }
        let ends = (0..<2).map { _ in generator.pick(values(of: field)) }.sorted()
        if isPoint { return .number(ends[0]) }
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: return .number(ends[0])
        case 1 where field.bitWidth > 16: return .prefix(ends[0], length: field.bitWidth - Int.random(in: 0...8, using: &generator))
        case 2: return .range(0, field.allOnes)
        default: return .range(ends[0], ends[1])
        }
    }

    private static func set(_ shape: Shape, isMap: Bool, isCounted: Bool, _ generator: inout SeededGenerator) -> NamedSet {
        var elements: [SetElement] = []
        var taken: [(low: UInt128, high: UInt128)] = []
        while elements.count < shape.count {
            let isPoint = generator.oneIn(shape.points)
            let parts = shape.fields.map { value(of: $0, isPoint: isPoint, &generator) }
            if parts.count == 1 {
                // Of a single field no element overlaps another.
                guard case .number(let number) = parts[0] else { continue }
                let low = shape.fields[0] == .ipDscp ? UInt128(taken.count) : number * 3 + UInt128(taken.count) * 7_919
                taken.append((low, low))
                if low > shape.fields[0].allOnes { break }
                elements.append(SetElement(value: .number(low), location: Build.nowhere))
            } else {
                elements.append(SetElement(value: .concatenation(parts), location: Build.nowhere))
            }
        }
        for index in elements.indices {
            if isMap { elements[index].mapped = .verdict(generator.pick([.accept, .drop, .continue])) }
            if isCounted { elements[index].counter = SetElement.Counter() }
        }
        var set = NamedSet(
            name: "s", key: SetKey(field: shape.fields[0], rest: Array(shape.fields.dropFirst()), isTypeof: true),
            contents: isMap ? .verdicts : .keys, elements: elements, location: Build.nowhere)
        set.isInterval = true
        set.hasCounters = isCounted
        return set
    }

    private static func frame(_ fields: [Field], _ generator: inout SeededGenerator) -> [UInt8] {
        func address(_ number: UInt128) -> String { (0..<4).map { String(number >> UInt128(24 - 8 * $0) & 0xff) }.joined(separator: ".") }
        func port() -> UInt16 { UInt16(generator.pick(values(of: .thSport))) + (generator.oneIn(4) ? 1 : 0) }
        let (source, target) = (port(), port())
        if fields.contains(.ip6Saddr) {
            let groups = { (number: UInt128) in
                (0..<8).map { String(number >> UInt128(112 - 16 * $0) & 0xffff, radix: 16) }.joined(separator: ":")
            }
            return Frame.ethernet().ipv6(groups(generator.pick(values(of: .ip6Saddr))), groups(generator.pick(values(of: .ip6Saddr))))
                .udp(source, target).bytes
        }
        let first = generator.pick(values(of: .ipSaddr)) * (fields.count == 1 ? 3 : 1)
        let number = fields.count == 1 ? first + UInt128(Int.random(in: 0..<60, using: &generator)) * 7_919 : first
        let code = UInt8.random(in: 0..<64, using: &generator) << 2
        return Frame.ethernet().ipv4(address(number), address(generator.pick(values(of: .ipDaddr))), tos: generator.oneIn(2) ? code : 4)
            .udp(source, target).bytes
    }

    @Test("program and interpreter agree on sets, maps and their counters", arguments: shapes)
    func agreement(_ shape: Shape) throws {
        var generator = SeededGenerator(seed: 65)
        var hits = 0
        for round in 0..<12 {
            let isMap = round % 2 == 1
            let set = Self.set(shape, isMap: isMap, isCounted: round % 3 == 0, &generator)
            let key = MatchKey(MatchKey.Component(shape.fields[0]), rest: shape.fields.dropFirst().map { MatchKey.Component($0) })
            let statement: Statement =
                isMap
                ? .verdictMap(VerdictMap(key: key, elements: .named("s"), location: Build.nowhere))
                : .match(
                    Match(key: key, relation: round % 4 == 0 ? .equal : .notEqual, operand: .named("s"), location: Build.nowhere))
            let table = Table(
                family: .bridge, name: "t", sets: [set],
                chains: [Build.base([Build.rule(statement, Build.counter), Build.rule(Build.verdict(.drop))])], location: Build.nowhere)
            let ruleset = Build.ruleset([table])
            let program = try Program(compiling: ruleset, ports: ports)
            let interpreter = Interpreter(ruleset, ports: ports)
            for _ in 0..<120 {
                let bytes = Self.frame(shape.fields, &generator)
                let both = classifyBothWays(program, interpreter, bytes, ingress: UInt8.random(in: 0...1, using: &generator))
                #expect(both.program == both.interpreter)
                hits += both.program.elements.contains { $0.frames > 0 } ? 1 : 0
            }
        }
        #expect(hits > 5, "\(hits) frames found an element")
    }
}
