import Foundation
import Ruleset
import Testing

/// JSON of `nft -j` is read as the rules that it was made from.
struct JSONReadingTests {
    private static func ruleset(_ text: String) throws -> Ruleset {
        try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
    }

    /// Files of which JSON, as nft writes it, does not say everything.
    private static let incomplete: Set<String> = [
        // Chains within rules are a text.
        "blocks",
        // Times are whole seconds, and an element has one statement.
        "changing",
        // The type of a map's values is "integer", without a width.
        "maps-set",
        // What is set aside is left out.
        "set-aside",
    ]

    @Test("a listing in JSON says what the file says", arguments: Golden.accepted.filter { !incomplete.contains($0) })
    func golden(_ name: String) throws {
        let ruleset = try Self.ruleset(try Golden.text("\(name).nft"))
        let again = try Self.ruleset(ruleset.json(version: "1", as: .nft116))
        #expect(again.printed(as: .nft116) == ruleset.printed(as: .nft116))
    }

    @Test("rules in JSON as nft 1.1.6 wrote them are the rules", arguments: FactsTests.facts.filter { $0.isAccepted && $0.weir == nil })
    func fact(_ fact: FactsTests.Fact) throws {
        let ruleset = try Self.ruleset(fact.file)
        var document = try #require(
            JSONSerialization.jsonObject(with: Data(ruleset.json(version: "1", as: .nft116).utf8)) as? [String: [[String: Any]]])
        let index = try #require(document["nftables"]?.lastIndex { $0["rule"] != nil })
        var rule = document["nftables"]?[index]["rule"] as? [String: Any] ?? [:]
        rule["expr"] = try JSONSerialization.jsonObject(with: Data(fact.json.utf8))
        document["nftables"]?[index]["rule"] = rule
        let text = String(decoding: try JSONSerialization.data(withJSONObject: document), as: UTF8.self)
        #expect(try Self.ruleset(text).meaning == ruleset.meaning)
    }

    private static func rule(_ expressions: String) -> String {
        #"{"nftables": [{"add": {"table": {"family": "inet", "name": "t"}}}, {"add": {"chain": {"family": "inet", "table": "t", "#
            + #""name": "c", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}}}, {"add": {"rule": {"family": "inet", "#
            + #""table": "t", "chain": "c", "expr": [\#(expressions)]}}}]}"#
    }

    /// Statements as users and other programs write them, where nft lists them in another form.
    static let written: [(json: String, text: String)] = [
        (#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}"#, "tcp dport 22"),
        (
            #"{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, "accept""#,
            "ct state established,related accept"
        ),
        (#"{"match": {"op": "==", "left": {"ct": {"key": "state"}}, "right": "new"}}"#, "ct state == new"),
        (
            #"{"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "ack"]]}, "right": "syn"}}"#,
            "tcp flags & (syn | ack) == syn"
        ),
        (#"{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "ip"}}"#, "iifname \"ip\""),
        (#"{"match": {"op": "!=", "left": {"meta": {"key": "oifname"}}, "right": {"set": ["a", "b*"]}}}"#, "oifname != { \"a\", \"b*\" }"),
        (
            #"{"limit": {"rate": 5, "per": "minute"}}, {"log": {"prefix": "a b", "level": "info", "flags": ["all"]}}"#,
            "limit rate 5/minute log prefix \"a b\" level info flags all"
        ),
        (
            #"{"counter": {"packets": 1, "bytes": 60}}, {"reject": {"type": "icmpx", "expr": "host-unreachable"}}"#,
            "counter packets 1 bytes 60 reject with icmpx host-unreachable"
        ),
        (
            #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"|": [{"&": [{"meta": {"key": "mark"}}, 255]}, 256]}}}"#,
            "meta mark set meta mark & 0xff | 0x100"
        ),
        (
            #"{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": {"set": [[22, {"drop": null}], "#
                + #"[{"range": [80, 90]}, {"accept": null}]]}}}"#, "tcp dport vmap { 22 : drop, 80-90 : accept }"
        ),
    ]

    @Test("statements in JSON", arguments: written.indices)
    func statement(_ index: Int) throws {
        let (json, text) = Self.written[index]
        let ruleset = try Self.ruleset(Self.rule(json))
        #expect(ruleset.tables.first?.chains.first?.rules.map(\.meaning) == [try #require(try read(rule: text, family: .inet)).meaning])
    }

    @Test func `declarations that follow each other stand in any order`() throws {
        let text =
            #"{"nftables": [{"metainfo": {"version": "1.1.6", "json_schema_version": 1}}, "#
            + #"{"rule": {"family": "bridge", "table": "t", "chain": "c", "handle": 3, "expr": [{"jump": {"target": "d"}}]}}, "#
            + #"{"map": {"family": "bridge", "table": "t", "name": "m", "type": "inet_service", "map": "verdict", "#
            + #""elem": [[22, {"jump": {"target": "d"}}]]}}, {"chain": {"family": "bridge", "table": "t", "name": "d"}}, "#
            + #"{"chain": {"family": "bridge", "table": "t", "name": "c", "type": "filter", "hook": "forward", "prio": -200, "#
            + #""policy": "drop"}}, {"table": {"family": "bridge", "name": "t"}}, "#
            + #"{"flush": {"chain": {"family": "bridge", "table": "t", "name": "d"}}}, "#
            + #"{"insert": {"rule": {"family": "bridge", "table": "t", "chain": "c", "expr": [{"accept": null}], "comment": "first"}}}]}"#
        let expected = """
            table bridge t {
            map m { type inet_service : verdict; elements = { 22 : jump d }; }
            chain d { }
            chain c { type filter hook forward priority -200; policy drop; accept comment "first"
            jump d
            }
            }

            """
        #expect(try Self.ruleset(text).printed() == Self.ruleset(expected).printed())
    }

    @Test func `a mistake in the rules is shown in nft's syntax`() {
        let text = Self.rule(#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 70000}}"#)
        let rejection = #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f.json", text: text)) }
        let words = rejection?.render() ?? ""
        #expect(words.contains("f.json (as text):3:") && words.contains("add rule inet t c tcp dport == 70000"), "\(words)")
    }

    /// What is no JSON, or none of nft's: the document, and the message with its line and column.
    static let broken: [(text: String, message: String)] = [
        (#"{"nftables": [{"flush": {"ruleset": null}}"#, "1:43: expected ',' or ']' in a list"),
        ("{\"nftables\": [\n 1]}", "2:2: expected an object with one member, a command or what is declared"),
        (#"{"nftables": [{"a": tru}]}"#, "1:21: this is no JSON value"),
        (#"{"nftables": [{"a": 1.5}]}"#, "1:21: expected a whole number of at most 20 digits"),
        (#"{"nftables": [{"a": "\ud800"}]}"#, "1:28: half of a surrogate pair in a text"),
        (#"{"nftables": ["# + String(repeating: "[", count: 200), "1:113: more than 100 lists and objects within each other"),
        (#"{"nftables": []} x"#, "1:18: text after the end of the JSON document"),
        (#"{"nftables": [{"a": "\x"}]}"#, "1:24: an unknown escape in a text"),
        (#"{"nftables": [{a: 1}]}"#, "1:16: expected a name in quotation marks"),
        (#"{"nftables": [{"a" 1}]}"#, "1:20: expected ':' after a name"),
        (#"{"nftables": [{"a": 1 "b": 2}]}"#, "1:23: expected ',' or '}' in an object"),
        (#"{"nftables": [{"a": "x"#, "1:21: a text without its end, or not in UTF-8"),
        (#"{"nftables": "#, "1:14: the JSON document is cut off"),
        (#"{"nftables": [{"a": "\u12"}]}"#, "1:26: expected four hexadecimal digits after '\\u'"),
        ("{\"nftables\": [{\"a\": \"\t\"}]}", "1:23: a control character in a text"),
    ]

    @Test("what is wrong with a document is said with its place", arguments: broken)
    func refused(text: String, message: String) {
        let rejection = #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: text)) }
        let first = rejection?.diagnostics.first
        #expect(first.map { "\($0.location.line):\($0.location.column): \($0.message)" } == message)
    }

    @Test func `a document that is too large is not read`() {
        let text = "{\"nftables\": [" + String(repeating: " ", count: 8 << 20) + "]}"
        let rejection = #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: text)) }
        #expect(rejection?.diagnostics.first?.message == "JSON of more than 8 MiB is not read")
    }

    @Test func `every prefix of a document is refused without harm`() throws {
        let text = Self.rule(Self.written.map(\.json).joined(separator: ", "))
        for length in stride(from: 1, to: text.utf8.count, by: 7) {
            _ = try? Ruleset.read(SourceFile(name: "f", text: String(text.prefix(length))))
        }
    }
}
