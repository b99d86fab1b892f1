import Ruleset
import Settings
import Testing

/// What a file's text becomes, and what is said of a wrong one.
@Suite("settings files")
struct SettingsFileTests {
    private static let known = [
        KnownSetting(name: "ports", table: "", value: .joined(",")),
        KnownSetting(name: "rules", table: "", value: .string),
        KnownSetting(name: "workers", table: "", value: .integer),
        KnownSetting(name: "json", table: "", value: .boolean),
        KnownSetting(name: "gro", table: "", value: .string, choices: ["keep", "off"]),
        KnownSetting(name: "drops", table: "drop-captures", value: .string),
        KnownSetting(name: "drops-size", table: "drop-captures", value: .integerOrString),
        KnownSetting(name: "flow-share", table: "connections", value: .number),
        KnownSetting(name: "include-path", table: "rule-files", value: .strings),
        KnownSetting(name: "define", table: "rule-files", value: .pairs),
    ]

    private static func read(_ text: String) throws(RejectedRuleset) -> SettingsFile {
        try SettingsFile(SourceFile(name: "edge.conf", text: text), known: known)
    }

    struct Good: Sendable, CustomTestStringConvertible {
        var text: String
        var arguments: [String]
        var testDescription: String { text }
    }

    @Test(
        "a file is options of the command line",
        arguments: [
            Good(text: "", arguments: []),
            Good(text: "# nothing\n", arguments: []),
            Good(text: "ports = [\"eth1\", \"eth2\"]", arguments: ["--ports=eth1,eth2"]),
            Good(text: "ports = \"eth1,eth2\"", arguments: ["--ports=eth1,eth2"]),
            Good(text: "workers = 2\nrules = '/etc/weir/edge.nft'", arguments: ["--workers=2", "--rules=/etc/weir/edge.nft"]),
            Good(text: "json = true", arguments: ["--json"]),
            Good(text: "json = false", arguments: ["--no-json"]),
            Good(text: "gro = \"off\"", arguments: ["--gro=off"]),
            Good(text: "[drop-captures]\ndrops = \"-\"\ndrops-size = 4096", arguments: ["--drops=-", "--drops-size=4096"]),
            Good(text: "drop-captures.drops = \"a\"\ndrop-captures.drops-size = \"100M\"", arguments: ["--drops=a", "--drops-size=100M"]),
            Good(text: "connections = { flow-share = 12.5 }", arguments: ["--flow-share=12.5"]),
            Good(text: "[connections]\nflow-share = 25", arguments: ["--flow-share=25"]),
            Good(text: "[rule-files]\ninclude-path = \"a\"", arguments: ["--include-path=a"]),
            Good(text: "[rule-files]\ninclude-path = [\n  \"a\",\n  \"b\",\n]", arguments: ["--include-path=a", "--include-path=b"]),
            Good(text: "[rule-files]\ndefine = [\"lan=eth1\"]", arguments: ["--define=lan=eth1"]),
            Good(text: "[rule-files]\ndefine = { lan = \"eth1\", port = 22 }", arguments: ["--define=lan=eth1", "--define=port=22"]),
            Good(text: "[rule-files.define]\nlan = \"eth1\"", arguments: ["--define=lan=eth1"]),
        ])
    func good(_ good: Good) throws {
        #expect(try Self.read(good.text).arguments == good.arguments)
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var text: String
        /// `LINE:COLUMN: message (note)`, one for each.
        var faults: [String]
        var testDescription: String { text }

        init(_ text: String, _ faults: String...) {
            self.text = text
            self.faults = faults
        }
    }

    @Test(
        "each fault has its place",
        arguments: [
            Bad("\n  wrokers = 2", "2:3: there is no setting wrokers (did you mean 'workers'?)"),
            Bad("dropsize = 1", "1:1: there is no setting dropsize (did you mean '[drop-captures] drops-size'?)"),
            Bad("zzz = 1", "1:1: there is no setting zzz (settings are the options of \"weir run --help\", without their dashes)"),
            Bad("workers = \"two\"", "1:1: workers takes a whole number (as in  workers = 2)"),
            Bad("workers = 2.5", "1:1: workers takes a whole number (as in  workers = 2)"),
            Bad("rules = 5", "1:1: rules takes a string (as in  rules = \"…\")"),
            Bad("json = 1", "1:1: json takes true or false (as in  json = true)"),
            Bad("json = 1979-05-27", "1:1: json takes true or false (as in  json = true)"),
            Bad("ports = 1", "1:1: ports takes an array of strings (as in  ports = [\"eth1\", \"eth2\"])"),
            Bad("gro = \"of\"", "1:1: gro can't be 'of' (did you mean 'off'? accepted: keep, off)"),
            Bad("# drops is elsewhere\ndrops = \"a\"", "2:1: drops belongs to [drop-captures]"),
            Bad("[drop-captures]\nworkers = 1", "2:1: workers belongs before the first table"),
            Bad(
                "[drop-capture]\ndrops = \"a\"",
                "1:2: there is no table [drop-capture] (did you mean '[drop-captures]'? tables: connections, drop-captures, rule-files)"),
            Bad("[workers]\na = 1", "1:2: workers takes a whole number (as in  workers = 2)"),
            Bad(
                "[rule-files]\ninclude-path = [1.5]",
                "2:1: include-path takes a string or an array of strings (as in  include-path = [\"…\", \"…\"])"),
            Bad("[rule-files]\ndefine = { lan = true }", "2:12: define takes strings here (as in  define = { a = \"b\" })"),
            Bad(
                "wrokers = 1\njsno = true", "1:1: there is no setting wrokers (did you mean 'workers'?)",
                "2:1: there is no setting jsno (did you mean 'json'?)"),
            Bad(
                "[rule-files]\ninclude-path = [\n  'a', # wrokers\n]\n\nwrokers = '''\na\n'''",
                "6:1: there is no setting wrokers (did you mean 'workers'?)"),
        ])
    func bad(_ bad: Bad) {
        let rejected = #expect(throws: RejectedRuleset.self) { _ = try Self.read(bad.text) }
        let faults = (rejected?.diagnostics ?? []).map { fault in
            "\(fault.location.line):\(fault.location.column): \(fault.message)" + (fault.note.map { " (\($0))" } ?? "")
        }
        #expect(faults == bad.faults)
    }

    @Test("what is not TOML has its place", arguments: [("workers = ", 1), ("a = 1\na = 2", 2), ("\n\n[x", 3), ("x = \"\u{1}\"", 1)])
    func syntax(text: String, line: Int) {
        let rejected = #expect(throws: RejectedRuleset.self) { _ = try Self.read(text) }
        #expect(rejected?.diagnostics.first?.message.hasPrefix("this is not TOML: ") == true)
        #expect(rejected?.diagnostics.first?.location.line == line)
    }

    @Test("a value with a line of its own is at its name's line")
    func lines() throws {
        let file = try Self.read("workers = 1 # rules\n\n[rule-files]\n# include-path\ninclude-path = [\n 'x',\n]\n")
        #expect(file.settings.map(\.location.line) == [1, 5])
    }
}
