import Control
import Testing

/// The words by which connections are chosen.
@Suite struct FlowSelectionTests {
    @Test("conditions, each with not")
    func conditions() throws {
        let filter = try FlowSelection(
            " host 10.1.0.0/16  sport 80-90 dport 53 not proto TCP vlan 7 state time_wait mark 0x10 not replied assured all")
        let prefix = FlowSelection.Prefix(isIPv6: false, address: 0x0a01_0000, length: 16)
        let expected: [(FlowSelection.Condition, Bool)] = [
            (.address(.either, prefix), false), (.port(.initiator, 80...90), false), (.port(.responder, 53...53), false),
            (.transportProtocol(6), true), (.vlan(7), false), (.state("TIME_WAIT"), false), (.mark(16), false), (.replied, true),
            (.assured, false),
        ]
        #expect(filter.terms.map(\.condition) == expected.map(\.0) && filter.terms.map(\.isNegated) == expected.map(\.1))
        #expect(try FlowSelection("").terms.isEmpty && FlowSelection("all").terms.isEmpty)
    }

    @Test(
        "prefixes",
        arguments: [
            ("10.1.0.0/16", "4:0x0a01ffff", true), ("10.1.0.0/16", "4:0x0a020000", false), ("10.1.2.3", "4:0x0a010203", true),
            ("0.0.0.0/0", "4:0xffffffff", true), ("0.0.0.0/0", "6:1", false), ("::/0", "6:1", true),
            ("fd77::/64", "6:0xfd770000000000000000000000000001", true), ("fd77::/64", "6:0xfd770000000000010000000000000001", false),
            ("fd77::1", "6:0xfd770000000000000000000000000002", false),
        ])
    func prefixes(_ text: String, _ address: String, _ expected: Bool) throws {
        let filter = try FlowSelection("src \(text)")
        guard case .address(.initiator, let prefix)? = filter.terms.first?.condition else {
            Issue.record("no prefix")
            return
        }
        let digits = address.dropFirst(2)
        let number = try #require(digits.hasPrefix("0x") ? UInt128(digits.dropFirst(2), radix: 16) : UInt128(digits))
        #expect(prefix.contains(number, isIPv6: address.hasPrefix("6")) == expected)
    }

    @Test(
        "what is no filter is refused in words",
        arguments: [
            "host", "host 10.0.0.256", "host 10.0.0.0/33", "host fd77::/129", "host 10.0.0.1/", "port 65536", "port 9-8", "port -1",
            "port 1-",
            "proto tpc", "vlan 4096", "mark 0x100000000", "state é", "not", "nonsense", "src", "port \u{1b}[2J",
            String(repeating: "replied ", count: 65),
        ])
    func refused(_ text: String) {
        do throws(ControlFault) {
            _ = try FlowSelection(text)
            Issue.record("it was taken")
        } catch {
            #expect(error.code == .refused && error.message.utf8.allSatisfy { (0x20..<0x7f).contains($0) }, "\(error.message)")
        }
    }
}
