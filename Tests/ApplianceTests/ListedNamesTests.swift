import Reporting
import Testing

/// The lists in messages that others can make as long as they like.
@Suite struct ListedNamesTests {
    @Test(
        arguments: [
            (0, 2, ", ", ""), (1, 2, ", ", "1"), (2, 2, ", ", "1, 2"), (3, 2, ", ", "1, 2, 3"), (4, 2, ", ", "1, 2 and 2 more"),
            (5000, 4, " and ", "1 and 2 and 3 and 4 and 4996 more"),
        ] as [(Int, Int, String, String)])
    func listed(_ count: Int, _ limit: Int, _ separator: String, _ text: String) {
        #expect((0..<count).map { "\($0 + 1)" }.listed(atMost: limit, with: separator) == text)
    }
}
