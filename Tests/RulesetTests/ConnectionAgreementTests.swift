import Ruleset
import Testing

/// Rules that speak of connections, and what nft 1.0.6 and this project say of them.
///
/// On a bridge the kernel follows connections with a module that is seldom there; then it refuses every such rule, and the other families
/// answer for it.
struct ConnectionAgreementTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var family: Family
        /// `=` both accept, `-` both refuse, `!` Weir alone refuses.
        var mark: Character
        var rule: String
        var testDescription: String { "\(family) \(mark) \(rule)" }
    }

    static let cases: [Case] = {
        let text = (try? Golden.text("agreement.connections")) ?? ""
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let family = Family(rawValue: String(words[0])), let mark = words[1].first else { return nil }
            return Case(family: family, mark: mark, rule: String(words[2]))
        }
    }()

    /// What the rules may name.
    static let declared = """
        ct timeout ct1 {
        protocol tcp;
        }
        counter c1 { }
        set s1 { type ct_state; elements = { new, established }; }
        set s2 { type ct_state . mark; }
        set s3 { typeof ct expiration; flags interval; }
        set s4 { type inet_service; }
        set s5 { type ipv4_addr; flags dynamic,timeout; }
        set s7 { type ipv4_addr; size 100; flags dynamic; }
        set s6 { typeof ct original ip saddr . ct mark; flags dynamic; }
        map m1 { type ct_state : mark; }
        map m2 { type ct_dir . ct_status : verdict; }
        map m3 { typeof ct mark : ct mark; flags dynamic; }

        """

    private static func declared(in family: Family) -> String { family == .arp || family == .bridge ? "" : declared }

    private static func file(_ rule: String, _ family: Family) -> String {
        let hook = family == .arp ? Hook.input : .prerouting
        let chains = "chain x { }\nchain c { type filter hook \(hook) priority 0; policy accept;\n\(rule)\n}\n"
        return "table \(family) t {\n\(declared(in: family))\(chains)}\n"
    }

    private static func read(_ rule: String, _ family: Family) throws(RejectedRuleset) -> Rule? {
        try Ruleset.read(SourceFile(name: "rule", text: file(rule, family))).ruleset.tables.first?.chains.last?.rules.last
    }

    @Test func theTableIsThere() {
        #expect(Self.cases.count > 300)
        #expect(Set(Self.cases.map(\.mark)) == ["=", "-", "!", "+", "~"])
    }

    @Test("Weir accepts what is marked so, and refuses the rest", arguments: cases)
    func weir(_ testCase: Case) {
        #expect(((try? Self.read(testCase.rule, testCase.family)) != nil) == "=+~".contains(testCase.mark))
    }

    @Test("a printed rule reads back as the same rule", arguments: cases.filter { "=+~".contains($0.mark) })
    func printed(_ testCase: Case) throws {
        let rule = try #require(try Self.read(testCase.rule, testCase.family))
        let again = try #require(try Self.read(rule.text, testCase.family))
        #expect(again.meaning == rule.meaning)
        #expect(again.text == rule.text || rule.hasSetOfOne)
    }

    @Test(
        "nft refuses what is marked so", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: cases.filter { $0.mark == "-" || $0.mark == "+" })
    func nftRefuses(_ testCase: Case) throws {
        #expect(try !NftOracle.check(Self.file(testCase.rule, testCase.family)).isAccepted)
    }

    @Test(
        "nft accepts what Weir alone refuses", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: cases.filter { $0.mark == "!" || $0.mark == "~" })
    func nftAccepts(_ testCase: Case) throws {
        #expect(try NftOracle.check(Self.file(testCase.rule, testCase.family)).isAccepted)
    }

    /// One chain for each rule, so that one run of nft answers for all of them.
    private static func chains(_ rules: [String], _ family: Family) -> String {
        let chains = rules.enumerated().map { "chain r\($0) {\n\($1)\n}\n" }.joined()
        return "table \(family) t {\n\(declared(in: family))chain x { }\n\(chains)}\n"
    }

    @Test(
        "accepted rules are sent to the kernel as the tree says", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: Family.allCases, [false, true])
    func lowering(family: Family, asPrinted: Bool) throws {
        let comparable = Self.cases.filter {
            $0.family == family && $0.mark == "=" && !$0.rule.contains("vmap") && !$0.rule.contains(" map ")
        }
        let rules = try comparable.map { testCase in (testCase, try #require(try Self.read(testCase.rule, family))) }
        let written = rules.map { asPrinted ? $1.text : $0.rule }
        let answer = try NftOracle.check(Self.chains(written, family), options: ["--debug=netlink"])
        #expect(answer.isAccepted, "\(answer.errors)")
        let debug = NetlinkDebug(answer.output, table: "t")
        for (index, (testCase, rule)) in rules.enumerated() {
            let theirs = debug.steps["r\(index)"] ?? []
            // nft leaves out what says no more than the family itself.
            let ours = family == .ip && testCase.rule.hasPrefix("meta protocol ip ") ? Array(rule.steps.dropFirst(2)) : rule.steps
            #expect(
                theirs == ours || (AgreementTests.areJoined(theirs) && theirs.sorted() == ours.sorted()),
                "\(testCase)\n ours:   \(rule.steps)\n theirs: \(theirs)")
        }
    }

    /// By family and rule: nft's listing, nil where there is none.
    static let differences = Golden.differences("connections.differences")

    @Test(
        "rules are listed as nft lists them, but for the table of differences", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: [Family.inet, .ip, .ip6])
    func listing(family: Family) throws {
        let cases = Self.cases.filter { $0.family == family && $0.mark == "=" }
        let tables = cases.enumerated().map {
            "table \(family) t\($0) {\n\(Self.declared(in: family))chain x {\n}\nchain c {\n\($1.rule)\n}\n}\n"
        }
        let ours = Self.listedRules(try Ruleset.read(SourceFile(name: "f", text: tables.joined())).ruleset.printed(), family)
        let answer = try NftListing.list(tables.joined(), tables: cases.indices.map { "\(family) t\($0)" })
        let theirs = Self.listedRules(answer.text, family)
        for (index, testCase) in cases.enumerated() {
            let (our, their) = (ours["t\(index)"], theirs["t\(index)"])
            if let difference = Self.differences["\(family) \(testCase.rule)"] {
                // What nft has no order for comes in that of the kernel's hash table, which is another each time.
                let isOfOrder = our.map(Self.inOrder) == difference.map(Self.inOrder)
                #expect(their.map(Self.inOrder) == difference.map(Self.inOrder) && (our != their || isOfOrder), "\(testCase)")
            } else {
                #expect(our == their, "\(testCase)")
            }
        }
    }

    /// With the elements of its set sorted as texts.
    private static func inOrder(_ rule: String) -> String {
        guard let first = rule.firstIndex(of: "{"), let last = rule.lastIndex(of: "}"), first < last else { return rule }
        let elements = rule[rule.index(after: first)..<last].split(separator: ",").map { $0.trimmingPrefix(" ") }.map {
            $0.hasSuffix(" ") ? $0.dropLast() : $0
        }
        return rule[...first] + elements.sorted().joined(separator: ", ") + rule[last...]
    }

    /// The rule of chain `c` in each table's listing.
    private static func listedRules(_ text: String, _ family: Family) -> [String: String] {
        var rules: [String: String] = [:]
        var table = ""
        var isInChain = false
        for line in text.split(separator: "\n") {
            let start = "table \(family) "
            if line.hasPrefix(start) { table = String(line.dropFirst(start.count).dropLast(2)) }
            if isInChain, line.hasPrefix("\t\t") { rules[table] = String(line.dropFirst(2)) }
            isInChain = line == "\tchain c {" || (isInChain && line.hasPrefix("\t\t"))
        }
        return rules
    }
}
