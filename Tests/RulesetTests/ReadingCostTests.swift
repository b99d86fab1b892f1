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

    @Test(
        "elements of named sets, words and statements cost",
        arguments: [
            ("", 0), ("a\n", 220 + 2300 + 2 * 4), ("a;b\n", 3 * 220 + 2 * 2300 + 4 * 4),
            ("elements={a,b}\n", 7 * 220 + 2 * 900 + 2300 + 15 * 4),
            ("{a,b}", 5 * 220 + 5 * 4), ("elementsx={a}", 5 * 220 + 13 * 4), ("}}}\n", 3 * 220 + 4 * 4),
        ])
    func costs(_ text: String, _ bytes: Int) {
        var cost = ReadingCost()
        cost.add(text)
        #expect(cost.bytes == bytes)
    }
}
