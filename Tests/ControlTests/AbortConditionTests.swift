import Control
import Testing

@Suite struct AbortConditionTests {
    @Test(
        "conditions come back as they are written",
        arguments: [
            ("drops of established > 0", .establishedDrops, 0), ("drops > 18446744073709551615", .drops, .max),
            ("counter bad > 100", .counter("bad"), 100), ("counter inet filter bad > 1", .counter("inet filter bad"), 1),
            ("  counter\tbad>7 ", .counter("bad"), 7), ("drops > 10/s", .drops, 10), ("counter a/s > 0/s", .counter("a/s"), 0),
        ] as [(String, AbortCondition.Count, UInt64)])
    func read(_ text: String, _ count: AbortCondition.Count, _ limit: UInt64) throws {
        let condition = try #require(AbortCondition(text))
        #expect(condition.count == count && condition.limit == limit && condition.isPerSecond == text.hasSuffix("/s"))
        #expect(AbortCondition(condition.text) == condition)
    }

    @Test(
        "all else is no condition",
        arguments: [
            "", ">", "drops", "drops >", "> 1", "drops > -1", "drops > /s", "drops > 1/m", "drops > 1/s/s", "drops > 1 /s", "drops > 1 > 2",
            "drops > 1 2", "drops > 18446744073709551616",
            "drops of > 1",
            "drops of invalid > 1", "counter > 1", "counter a b > 1", "counter a b c d > 1", "drops < 1", "drops >= 1", "rules > 1",
            "counter \(String(repeating: "x", count: 300)) > 1",
        ])
    func refused(_ text: String) { #expect(AbortCondition(text) == nil) }
}
