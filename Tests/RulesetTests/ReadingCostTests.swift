import Ruleset
import Testing

@Suite struct ReadingCostTests {
    /// Texts that cost the same but for their octets, of which each costs 4.
    private static let pairs: [(description: String, text: String, same: String)] = [
        ("comments cost their octets", "accept\n", "accept # elements = { a, b, c }\n"),
        ("blanks cost their octets", "ip saddr 10.0.0.1 drop\n", "   ip\tsaddr   10.0.0.1 drop  \n\n\n"),
        ("a string is one", "log prefix \"a\"\n", "log prefix \"a, b; elements = { # c }\"\n"),
        ("lines of a set are no statements", "elements = { a, b }\n", "elements = { a,\nb }\n"),
    ]

    @Test(arguments: pairs.indices)
    func costsTheSame(_ index: Int) {
        let pair = Self.pairs[index]
        func cost(_ text: String) -> Int {
            var cost = ReadingCost()
            cost.add(text)
            return cost.bytes - 4 * text.utf8.count
        }
        #expect(cost(pair.text) == cost(pair.same), "\(pair.description)")
    }

    /// Only plain addresses are packed: what is like them costs as much as any other element.
    @Test(
        "lists of addresses cost little, and others do not",
        arguments: [
            ("10.0.0.1", true), ("10.0.0.0/8", true), ("10.0.0.1-10.0.0.9", true), ("2001:db8::1", true), ("10.0.0.1 . 5", false),
            ("10.0.0.1 : drop", false), ("10.0.0.1 comment \"a\"", false), ("80", false), ("eth0", false),
        ])
    func lists(_ element: String, _ isPacked: Bool) {
        var cost = ReadingCost()
        cost.add("elements = { " + Array(repeating: element, count: 1000).joined(separator: ", ") + " }\n")
        #expect((cost.bytes < 1000 * 300) == isPacked, "\(cost.bytes)")
    }

    @Test(
        "elements of named sets, words and statements cost",
        arguments: [
            ("", 0), ("a\n", 220 + 2600 + 2 * 4), ("a;b\n", 3 * 220 + 2 * 2600 + 4 * 4),
            ("elements={a,b}\n", 7 * 220 + 2 * 900 + 2600 + 15 * 4),
            ("{a,b}", 5 * 220 + 5 * 4), ("elementsx={a}", 5 * 220 + 13 * 4), ("}}}\n", 3 * 220 + 4 * 4),
        ])
    func costs(_ text: String, _ bytes: Int) {
        var cost = ReadingCost()
        cost.add(text)
        #expect(cost.bytes == bytes)
    }
}
