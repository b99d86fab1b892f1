import Ruleset
import Testing

/// What rules set for the host only: it is taken, listed and read back, and said to do nothing.
struct HostSettingTests {
    private static let cases: [(rule: String, listing: String, json: String)] = [
        ("ct event set new", "ct event set new", #"{"key": {"ct": {"key": "event"}}, "value": "new"}"#),
        (
            "ct event set new | related | destroy | label", "ct event set new,related,destroy,label",
            #"{"key": {"ct": {"key": "event"}}, "value": ["new", "related", "destroy", "label"]}"#
        ),
        ("ct event set 1", "ct event set new", #"{"key": {"ct": {"key": "event"}}, "value": "new"}"#),
        ("ct event set 0x0", "ct event set 0x0", #"{"key": {"ct": {"key": "event"}}, "value": 0}"#),
        ("meta nftrace set 1", "meta nftrace set 1", #"{"key": {"meta": {"key": "nftrace"}}, "value": 1}"#),
        ("nftrace set 0", "meta nftrace set 0", #"{"key": {"meta": {"key": "nftrace"}}, "value": 0}"#),
        ("meta priority set cafe:beef", "meta priority set cafe:beef", #"{"key": {"meta": {"key": "priority"}}, "value": "cafe:beef"}"#),
        ("meta priority set none", "meta priority set none", #"{"key": {"meta": {"key": "priority"}}, "value": "none"}"#),
    ]

    private static func file(_ rule: String, hook: String = "forward") -> SourceFile {
        SourceFile(
            name: "f", text: "table inet t {\n\tchain c {\n\t\ttype filter hook \(hook) priority 0; policy accept;\n\t\t\(rule)\n\t}\n}\n")
    }

    @Test("it is listed as nft lists it, and read back", arguments: cases.indices)
    func listing(_ index: Int) throws {
        let row = Self.cases[index]
        let (ruleset, warnings) = try Ruleset.read(Self.file(row.rule))
        #expect(ruleset.printed().contains("\t\t\(row.listing)\n"), "\(ruleset.printed())")
        let json = ruleset.json(version: "1")
        #expect(json.contains("{\"mangle\": \(row.json)}"), "\(json)")
        for text in [ruleset.printed(), json] {
            #expect(try Ruleset.read(SourceFile(name: "again", text: text)).ruleset.printed() == ruleset.printed())
        }
        #expect(warnings.filter { $0.message.hasSuffix("does nothing on a wire") }.count == 1)
    }

    @Test("where no frame comes, nothing is said of it", arguments: cases.indices)
    func setAside(_ index: Int) throws {
        let warnings = try Ruleset.read(Self.file(Self.cases[index].rule, hook: "output")).warnings
        #expect(!warnings.contains { $0.message.contains("on a wire does nothing") || $0.message.hasSuffix("does nothing on a wire") })
    }

    @Test(
        "what is none is refused",
        arguments: [
            "ct event set", "ct event set foo", "ct event set new,", "ct event set 0x100000000", "ct event new", "meta nftrace set 2",
            "meta nftrace set", "meta nftrace 1", "meta priority set x:y",
        ])
    func refused(_ rule: String) {
        #expect(throws: RejectedRuleset.self) { try Ruleset.read(Self.file(rule)) }
    }
}
