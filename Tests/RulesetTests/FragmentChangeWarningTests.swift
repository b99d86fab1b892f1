import Ruleset
import Testing

/// `weir check` warns of changes that a datagram in fragments can't have.
struct FragmentChangeWarningTests {
    /// A rule, and how the warning begins in each mode; nil for none.
    static let cases: [(rule: String, whole: String?, tracked: String?)] = [
        ("ip ttl set 5", nil, nil), ("ip dscp set cs1", nil, nil), ("udp dport set 53", nil, nil),
        ("ip length set 40", "'ip length' can't be changed in fragments:", "'ip length' can't be changed in fragments:"),
        (
            "ip frag-off set 5", "'ip frag-off' can be changed in fragments only in its DF bit:",
            "'ip frag-off' can be changed in fragments only in"
        ),
        ("ip6 nexthdr set 17", nil, "'ip6 nexthdr' can't be changed in fragments that are tracked:"),
        ("sctp dport set 80", nil, "'sctp dport' can't be changed in fragments that are tracked:"),
        ("@th,64,8 set 1", nil, "with --fragments track '@th,64,8' is changed only if it lies in a datagram's first fragment"),
    ]

    @Test("a warning where a change can't be", arguments: cases.indices)
    func warning(_ index: Int) throws {
        let (rule, whole, tracked) = Self.cases[index]
        let text = "table inet t {\n\tchain c {\n\t\ttype filter hook forward priority 0\n\t\t\(rule)\n\t}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
        for (isTracked, expected) in [(false, whole), (true, tracked)] {
            let messages = ruleset.warningsOfFragments(isTracked: isTracked).map(\.message)
            #expect(messages.count == (expected == nil ? 0 : 1), "\(rule)")
            if let expected { #expect(messages.first?.hasPrefix(expected) == true, "\(messages)") }
        }
    }
}
