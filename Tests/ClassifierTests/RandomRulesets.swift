import FrameBuilder
import Ruleset
import Wire

/// Trees and frames that meet: both draw their numbers from the same few, and rules ask for their corners.
struct RandomRulesets {
    var random: SeededGenerator
    /// Of the table that is being made.
    var sets: [NamedSet] = []

    /// Whether rules have limits, quotas, named objects and events as well.
    let remembers: Bool

    /// Rules of a chain at the most.
    private let length: Int

    init(random: SeededGenerator, remembers: Bool = false, length: Int = 5) {
        self.random = random
        self.length = length
        self.remembers = remembers
    }

    static let addresses = ["10.0.0.1", "10.0.0.2", "10.0.1.0", "10.0.255.255", "192.0.2.7"]
    static let addresses6 = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::", "fe80::1", "ff02::1"]
    static let ports: [UInt16] = [0, 22, 53, 80, 443, 1023, 1024, 65535]
    static let names = ["near0", "far0", "near", "f", "eth7"]
    static let tags: [UInt16] = [0, 0, 5, 6, 4095]

    mutating func ruleset() -> Ruleset {
        Build.ruleset((0..<Int.random(in: 1...3, using: &random)).map { table("t\($0)") })
    }

    private mutating func table(_ name: String) -> Table {
        let depth = Int.random(in: 0...4, using: &random)
        var chains: [Chain] = []
        makeSets(jumpingTo: [])
        for index in 0..<depth {
            // Chains lead to later ones only, so that all of them end.
            let deeper = (index + 1..<depth).map { "c\($0)" }
            chains.append(Build.chain("c\(index)", rules(jumpingTo: deeper)))
        }
        // Base chains may use maps that lead anywhere.
        makeSets(jumpingTo: (0..<depth).map { "c\($0)" })
        for index in 0..<Int.random(in: 0...2, using: &random) {
            let base = Build.base(
                rules(jumpingTo: (0..<depth).map { "c\($0)" }), hook: random.oneIn(2) ? .forward : random.pick(Hook.allCases),
                policy: random.pick([.accept, .accept, .drop]), priority: random.pick([-300, -1, 0, 0, 1, .max]), name: "b\(index)")
            chains.insert(base, at: Int.random(in: 0...chains.count, using: &random))
        }
        let family = random.oneIn(2) ? Family.bridge : random.pick(Family.allCases)
        return Table(
            family: family, name: name, objects: remembers ? Self.objects : [], sets: remembers ? sets + Self.changingSets : sets,
            chains: chains, location: Build.nowhere)
    }

    private mutating func makeSets(jumpingTo chains: [String]) {
        if chains.isEmpty { sets.removeAll() }
        for _ in 0..<Int.random(in: 0...2, using: &random) { sets.append(keyedSet(jumpingTo: chains)) }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let field = random.pick(Self.lasting)
            let isMap = random.oneIn(2)
            let elements =
                isMap
                ? mapElements(of: field, jumpingTo: chains)
                : (0..<Int.random(in: 0...5, using: &random)).map { _ in SetElement(value: value(of: field), location: Build.nowhere) }
            var set = NamedSet(
                name: "s\(sets.count)", key: SetKey(field: field, isTypeof: true), contents: isMap ? .verdicts : .keys,
                elements: elements, location: Build.nowhere)
            set.isInterval = true
            set.mergesElements = !isMap
            sets.append(set)
        }
    }

    /// None of them overlaps another.
    mutating func mapElements(of field: Field, jumpingTo chains: [String]) -> [SetElement] {
        if field.bitWidth == 0 {
            return ["near0", "far0", "eth7"].map {
                SetElement(value: .interface($0, isPrefix: false), mapped: .verdict(verdict(jumpingTo: chains)), location: Build.nowhere)
            }
        }
        let corners = Set((0..<Int.random(in: 1...6, using: &random)).map { _ in corner(of: field) }).sorted()
        var elements: [SetElement] = []
        var index = 0
        while index < corners.count {
            let isRange = index + 1 < corners.count && random.oneIn(2)
            let value: Value = isRange ? .range(corners[index], corners[index + 1]) : .number(corners[index])
            elements.append(SetElement(value: value, mapped: .verdict(verdict(jumpingTo: chains)), location: Build.nowhere))
            index += isRange ? 2 : 1
        }
        return elements.shuffled(using: &random)
    }

    private mutating func verdictMap(jumpingTo chains: [String]) -> Statement {
        if random.oneIn(3) { return keyedVerdictMap(jumpingTo: chains) }
        let maps = sets.filter { $0.contents == .verdicts && $0.key.rest.isEmpty }
        if !maps.isEmpty, random.oneIn(2) {
            let map = random.pick(maps)
            return .verdictMap(VerdictMap(field: map.key.field, elements: .named(map.name), location: Build.nowhere))
        }
        let field = random.pick(Self.lasting)
        return .verdictMap(
            VerdictMap(field: field, elements: .anonymous(mapElements(of: field, jumpingTo: chains)), location: Build.nowhere))
    }

    private mutating func rules(jumpingTo chains: [String]) -> [Rule] {
        (0..<Int.random(in: 0...length, using: &random)).map { _ in
            var statements = (0..<Int.random(in: 0...2, using: &random)).map { _ in random.oneIn(4) ? keyedMatch() : match() }
            if random.oneIn(4) { statements.insert(marking(), at: Int.random(in: 0...statements.count, using: &random)) }
            if random.oneIn(3) {
                let counter = Statement.counter(packets: 1, bytes: 2, location: Build.nowhere)
                statements.insert(counter, at: Int.random(in: 0...statements.count, using: &random))
            }
            if random.oneIn(4) {
                statements.insert(verdictMap(jumpingTo: chains), at: Int.random(in: 0...statements.count, using: &random))
            }
            if remembers, random.oneIn(2) {
                statements.insert(statefulStatement(), at: Int.random(in: 0...statements.count, using: &random))
            }
            if random.oneIn(4) { statements.insert(assignment(), at: Int.random(in: 0...statements.count, using: &random)) }
            if random.oneIn(8) {
                statements.insert(Build.verdict(.continue), at: Int.random(in: 0...statements.count, using: &random))
            }
            if !random.oneIn(4) {
                // No map has it.
                let verdict = random.oneIn(10) ? .reject(.tcpReset) : verdict(jumpingTo: chains)
                statements.append(Build.verdict(verdict))
            }
            if random.oneIn(12) { statements.append(Build.counter) }
            return Build.rule(statements)
        }
    }

    mutating func verdict(jumpingTo chains: [String]) -> Verdict {
        if !chains.isEmpty, random.oneIn(2) {
            return random.oneIn(3) ? .goto(.named(random.pick(chains))) : .jump(.named(random.pick(chains)))
        }
        return random.pick([.accept, .drop, .return, .continue])
    }

    private mutating func match() -> Statement {
        let named = sets.filter { !$0.isMap && $0.key.rest.isEmpty && $0.elements.allSatisfy { $0.value != .any } }
        if !named.isEmpty, random.oneIn(3) {
            let set = random.pick(named)
            return .match(
                Match(
                    field: set.key.field, relation: random.oneIn(3) ? .notEqual : .equal, operand: .named(set.name),
                    location: Build.nowhere))
        }
        let field = field()
        let isInterface = field.isInterface
        let operand: Operand =
            random.oneIn(3)
            ? .set((0..<Int.random(in: 0...6, using: &random)).map { _ in value(of: field) }) : .single(value(of: field))
        let mask: UInt128? = !isInterface && random.oneIn(5) ? corner(of: field) | UInt128(random.next() & 0xff) : nil
        return .match(
            Match(
                field: field, mask: mask, relation: random.oneIn(3) ? .notEqual : .equal, operand: operand, location: Build.nowhere))
    }

    mutating func value(of field: Field) -> Value {
        if field.bitWidth == 0 { return .interface(random.pick(Self.names), isPrefix: random.oneIn(2)) }
        let number = corner(of: field)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            let other = corner(of: field)
            return .range(min(number, other), max(number, other))
        case 1:
            let length = Int.random(in: 0...field.bitWidth, using: &random)
            let host = UInt128(field.bitWidth - length)
            return .prefix((number >> host) << host, length: length)
        default:
            return .number(number)
        }
    }

    /// Often one of those that frames are made to differ in, else any, sometimes without a name.
    mutating func field() -> Field {
        switch Int.random(in: 0..<6, using: &random) {
        // What is drawn a frame finds otherwise when it comes again.
        case 5 where remembers: return random.pick(Self.drawn)
        case 0: return random.pick(Self.lasting)
        case 1: return searchedField()
        case 2:
            let field = Field.raw(
                random.pick([.link, .network, .transport]), bitOffset: Int.random(in: 0...200, using: &random),
                bitWidth: random.pick([1, 3, 8, 12, 16, 32, 48, 64, 121, 128]))
            return field ?? .metaLength
        default: return random.pick(Self.usualFields)
        }
    }

    private static let lasting = Field.allCases.filter { $0.generator == nil }

    /// Numbers that rules draw, few enough to be met.
    static let drawn: [Field] =
        NumberGenerator.Mode.allCases.flatMap { mode in
            [(1, 0), (2, 1), (3, 0), (4, 2)].compactMap { NumberGenerator(mode, modulus: $0, offset: $1).map(Field.init) }
        } + [.metaRandom]

    private static let usualFields: [Field] = [
        .metaMark, .metaIifname, .metaOifname, .metaProtocol, .metaL4proto, .metaPkttype, .metaNfproto, .metaLength, .etherSaddr,
        .etherDaddr,
        .etherType, .vlanId, .vlanPcp,
        .vlanType, .arpOperation, .ipSaddr, .ipDaddr, .ipProtocol, .ip6Saddr, .ip6Daddr, .ip6Nexthdr, .tcpSport, .tcpDport, .tcpFlags,
        .udpSport, .udpDport, .sctpSport, .thDport, .icmpType, .icmpv6Type,
    ]

    /// The bits that stand in the field's place in some frame.
    private mutating func found(of field: Field) -> UInt128 {
        guard case .payload(let header, let offset) = field.source else { return UInt128(random.pick([1, 2, 3, 46, 64])) }
        let start =
            switch header {
            case .link: 0
            case .network: random.pick([14, 18])
            case .transport: random.pick([34, 38, 54])
            }
        let bytes = frame()
        return (offset..<offset + field.bitWidth).reduce(0) { number, bit in
            let index = start + bit / 8
            return number << 1 | (index < bytes.count ? UInt128(bytes[index] >> (7 - bit % 8) & 1) : 0)
        }
    }

    /// A number that frames have in that field, or one beside it.
    mutating func corner(of field: Field) -> UInt128 {
        let number: UInt128 =
            switch field {
            case .metaIifname, .metaOifname, .metaIif, .metaOif: 0
            case .metaMark: UInt128(random.pick([0, 1, 2, 3]))
            case _ where field.generator != nil: UInt128(random.pick([0, 1, 2, 3, 0x7fff_ffff]))
            case .metaProtocol, .etherType, .vlanType: UInt128(random.pick([0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 4, 1, 38]))
            case .metaNfproto: UInt128(random.pick([2, 7, 10]))
            case .metaL4proto, .ipProtocol, .ip6Nexthdr: UInt128(random.pick([0, 1, 6, 17, 44, 51, 58, 59, 60, 132]))
            case .etherSaddr, .etherDaddr: UInt128(random.pick([Frame.near, Frame.far]))
            case .vlanId: UInt128(random.pick(Self.tags))
            case .arpOperation: UInt128(random.pick([1, 2]))
            case .ipSaddr, .ipDaddr: ipv4Address(random.pick(Self.addresses))
            case .ip6Saddr, .ip6Daddr: ipv6Address(random.pick(Self.addresses6))
            case .tcpFlags: UInt128(random.pick([0x02, 0x10, 0x12, 0x04]))
            case .icmpType, .icmpv6Type: UInt128(random.pick([0, 3, 8, 128, 135]))
            case .tcpSport, .tcpDport, .udpSport, .udpDport, .sctpSport, .sctpDport, .thSport, .thDport:
                UInt128(random.pick(Self.ports))
            case _ where field.searchedHeader != nil: UInt128(random.pick([0, 1, 4, 6, 17, 1400, 1460]))
            default: found(of: field)
            }
        let highest = field.allOnes
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return number == 0 ? 0 : min(highest, number - 1)
        case 1: return min(highest, number + 1)
        case 2: return random.pick([0, highest])
        default: return min(highest, number)
        }
    }

    mutating func frame() -> [UInt8] {
        var frame = Frame.ethernet(
            to: random.pick([Frame.near, Frame.far]), from: random.pick([Frame.near, Frame.far]))
        for _ in 0..<random.pick([0, 0, 0, 1, 1, 2, 3, 5]) {
            frame = frame.vlan(random.pick(Self.tags), priority: UInt16(random.pick([0, 7])), tpid: random.pick([0x8100, 0x88a8]))
        }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: frame = frame.arp(operation: random.pick([1, 2]))
        case 1: frame = frame.llc(random.pick([[0x42, 0x42, 3], [0xff, 0xff], []]))
        case 2...4:
            let offset = random.oneIn(6) ? 8 : 0
            let options = random.oneIn(3) ? ipOptions() : []
            frame = transport(
                frame.ipv4(
                    random.pick(Self.addresses), random.pick(Self.addresses), more: random.oneIn(6), fragmentOffset: offset,
                    options: options))
        default:
            frame = frame.ipv6(random.pick(Self.addresses6), random.pick(Self.addresses6))
            for _ in 0..<random.pick([0, 0, 1, 2]) { frame = extensionHeader(frame) }
            if random.oneIn(4) { frame = frame.fragmentHeader(offset: random.pick([0, 0, 8]), more: random.oneIn(2)) }
            frame = transport(frame)
        }
        if random.oneIn(4) { frame = frame.padded(to: 76) }
        var bytes = frame.bytes
        if random.oneIn(6) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
        if random.oneIn(6), !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        return bytes
    }

    private mutating func transport(_ frame: Frame) -> Frame {
        let (source, destination) = (random.pick(Self.ports), random.pick(Self.ports))
        switch Int.random(in: 0..<7, using: &random) {
        case 0, 1:
            let options = random.oneIn(2) ? tcpOptions() : []
            return frame.tcp(source, destination, flags: random.pick([0x02, 0x10, 0x12, 0x04]), options: options)
        case 2, 3: return frame.udp(source, destination)
        case 4:
            return random.oneIn(2)
                ? frame.ports(source, destination, of: 132).payload(chunks())
                : frame.ports(source, destination, of: random.pick([132, 33, 136]))
        case 5: return frame.icmp(random.pick([0, 3, 8]))
        default: return random.oneIn(2) ? frame.icmpv6(random.pick([128, 135])) : frame.ipPayload(6, [0, 22, 0])
        }
    }
}
