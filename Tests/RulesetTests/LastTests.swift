import Ruleset
import Testing

/// `last`, which nft 1.0.6 can't be asked about: as nft 1.1 lists it.
struct LastTests {
    @Test(
        "it is listed with what it remembers",
        arguments: [
            ("last", "last used never", "{\"last\": null}"),
            ("last used never", "last used never", "{\"last\": null}"),
            ("last used 5s", "last used 5s", "{\"last\": {\"used\": 5000}}"),
            ("last used 1m20s", "last used 1m20s", "{\"last\": {\"used\": 80000}}"),
        ])
    func listing(rule: String, text: String, json: String) throws {
        let file = "table inet t {\n\tchain c {\n\t\t\(rule) counter\n\t}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: file)).ruleset
        #expect(ruleset.printed().contains("\t\t\(text) counter packets 0 bytes 0\n"))
        #expect(ruleset.json(version: "1").contains("\"expr\": [\(json), "))
        #expect(try Ruleset.read(SourceFile(name: "again", text: ruleset.printed())).ruleset.printed() == ruleset.printed())
    }
}
