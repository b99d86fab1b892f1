import Ruleset
import Testing

/// Times in the zone of whoever reads them.
struct LocalTimeTests {
    /// An hour ahead of UTC, and two from April on; clocks go by the latter.
    private static let berlin = LocalTime(offset: 7_200) { $0 < 1_743_296_400 ? 3_600 : 7_200 }
    private static let newYork = LocalTime(offset: -14_400) { _ in -14_400 }

    /// A rule, what it is in UTC, and the zone in which it is written.
    static let cases: [(zone: LocalTime, rule: String, utc: String)] = [
        (berlin, "meta hour \"17:00\"", "meta hour \"15:00\""),
        (berlin, "meta hour \"01:30\"", "meta hour \"23:30\""),
        (berlin, "meta hour >= \"09:00\"", "meta hour >= \"07:00\""),
        (berlin, "meta hour \"09:00\"-\"17:00\"", "meta hour \"07:00\"-\"15:00\""),
        (berlin, "meta hour \"23:00\"-\"01:00\"", "meta hour \"21:00\"-\"23:00\""),
        (berlin, "meta hour vmap { \"09:00\"-\"17:00\" : accept }", "meta hour vmap { \"07:00\"-\"15:00\" : accept }"),
        (berlin, "meta hour { \"09:00\", \"17:00\" }", "meta hour { \"07:00\", \"15:00\" }"),
        (berlin, "meta time < \"2025-03-29 12:00:00\"", "meta time < \"2025-03-29 11:00:00\""),
        (berlin, "meta time < \"2025-04-01 12:00:00\"", "meta time < \"2025-04-01 10:00:00\""),
        (berlin, "meta day \"Monday\"", "meta day \"Monday\""),
        (newYork, "meta hour \"22:00\"", "meta hour \"02:00\""),
        (newYork, "meta time \"2024-12-31 22:00:00\"", "meta time \"2025-01-01 02:00:00\""),
    ]

    @Test("a printed time reads back as the same in its zone", arguments: cases.indices)
    func printed(_ index: Int) throws {
        let (zone, rule, utc) = Self.cases[index]
        let ruleset = try Ruleset.read(SourceFile(name: "t", text: fileWith(rule: rule)), localTime: zone).ruleset
        #expect(ruleset.printed().contains("\t\t\(utc)\n"), "\(ruleset.printed())")
        let local = ruleset.printed(localTime: zone)
        #expect(local.contains("\t\t\(rule)\n"), "\(local)")
        let again = try Ruleset.read(SourceFile(name: "t", text: local), localTime: zone).ruleset
        #expect(again.meaning == ruleset.meaning)
    }

    @Test func `JSON has times in the same zone`() throws {
        let file = SourceFile(name: "t", text: fileWith(rule: "meta hour \"17:00\""))
        let ruleset = try Ruleset.read(file, localTime: Self.berlin).ruleset
        #expect(ruleset.json(version: "1").contains("\"15:00\""))
        #expect(ruleset.json(version: "1", localTime: Self.berlin).contains("\"17:00\""))
    }
}
