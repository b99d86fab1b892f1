import Appliance
import Control
import Testing

@Suite struct WatchedConditionTests {
    @Test(
        "a trial ends with more than its number, of all or of the last second",
        arguments: [
            ("drops > 2", [(0.1, 2), (9, 2), (9.1, 3)], 3), ("drops > 0", [(0, 0), (5, 0)], nil),
            ("drops > 2/s", [(0.5, 2), (1.2, 4), (1.9, 4), (2.1, 6)], nil), ("drops > 2/s", [(0.5, 2), (1.2, 4), (1.4, 5)], 5),
            ("drops > 2/s", [(0.01, 3)], 3), ("drops > 2/s", [(60, 1_000), (61.1, 1_001)], 1_000),
            ("drops > 0/s", [(0.5, 0), (3, 0)], nil),
        ] as [(String, [(Double, UInt64)], UInt64?)])
    func reason(_ text: String, _ counts: [(Double, UInt64)], _ last: UInt64?) throws {
        let begin: UInt64 = 1_000_000_000_000
        var watched = WatchedCondition(try #require(AbortCondition(text)), begin: begin)
        var ended: UInt64?
        for (seconds, count) in counts where watched.reason(count, at: begin + UInt64(seconds * 1e9)) != nil {
            ended = count
            break
        }
        #expect(ended == last)
    }
}
