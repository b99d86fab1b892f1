import Classifier
import Decisions
import FrameBuilder
import Ruleset
import Testing
import Wire

/// Sets as large as block lists are.
@Suite struct LargeSetTests {
    private static let count: UInt32 = 100_000

    private func address(_ number: UInt32) -> UInt128 { UInt128(0x0a00_0000 + 3 * number) }

    private func compile(_ key: MatchKey, _ value: (UInt32) -> Value) throws(ProgramError) -> Program {
        let elements = (0..<Self.count).map { SetElement(value: value($0), location: Build.nowhere) }
        let set = NamedSet(
            name: "s", key: SetKey(field: key.first.field, rest: key.rest.map(\.field), isTypeof: true), elements: elements,
            location: Build.nowhere)
        let match = Match(key: key, operand: .named("s"), location: Build.nowhere)
        let rules = [Build.rule(.match(match), Build.verdict(.drop))]
        let table = Table(
            family: .bridge, name: "t", sets: [set], chains: [Build.base(rules)], location: Build.nowhere)
        return try Program(compiling: Build.ruleset([table]), ports: ports)
    }

    static let keys: [(description: String, key: MatchKey)] = [
        ("addresses", MatchKey(MatchKey.Component(.ipSaddr))),
        ("addresses and ports", MatchKey(MatchKey.Component(.ipSaddr), rest: [MatchKey.Component(.thDport)])),
    ]

    @Test("100,000 elements compile soon, and every one is found", arguments: keys)
    func large(description: String, key: MatchKey) throws {
        var compiled: Program?
        let time = try ContinuousClock().measure {
            compiled = try compile(key) { number in
                let address = Value.number(address(number))
                return key.isConcatenation ? .concatenation([address, .number(UInt128(number % 1000))]) : address
            }
        }
        let program = try #require(compiled)
        #expect(time < .seconds(10), "\(time)")
        let hits = HitCounters(for: program)
        for number in stride(from: 0, to: Self.count, by: 97) {
            for distance in [0, 1] as [UInt32] {
                let source = 0x0a00_0000 + 3 * number + distance
                let text = (0..<4).map { String(source >> (24 - 8 * $0) & 0xff) }.joined(separator: ".")
                let bytes = Frame.ethernet().ipv4(text, "192.0.2.7").udp(1, UInt16(number % 1000)).bytes
                let found = program.classify(
                    bytes, ParsedFrame.parse(bytes.span.bytes, tag: nil), ingress: 0, at: noon, hits: hits)
                #expect(found.verdict == (distance == 0 ? .drop : .accept), "\(text)")
            }
        }
    }
}
