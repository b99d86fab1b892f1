import Foundation
import Ruleset
import Testing

/// `reject`: what it comes to, by the table's family and by what has been matched.
struct RejectTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var family: Family
        var rule: String
        /// As nft lists it; nil where it is refused.
        var listing: String?
        var json: String?
        var testDescription: String { "\(family) \(rule)" }

        init(_ family: Family, _ rule: String, _ listing: String?, json: String? = nil) {
            (self.family, self.rule, self.listing, self.json) = (family, rule, listing, json)
        }
    }

    /// What nft 1.0.6 takes, and how it lists it. Of a bridge this kernel lists none: it has no `reject` there.
    static let accepted: [Case] = [
        Case(.inet, "reject", "reject", json: "{\"reject\": null}"),
        Case(.ip, "reject", "reject"),
        Case(.ip6, "reject", "reject"),
        Case(.inet, "reject with icmp type net-unreachable", "reject with icmp net-unreachable"),
        Case(
            .inet, "reject with icmp host-unreachable", "reject with icmp host-unreachable",
            json: "{\"reject\": {\"type\": \"icmp\", \"expr\": \"host-unreachable\"}}"),
        Case(.inet, "reject with icmp type prot-unreachable", "reject with icmp prot-unreachable"),
        Case(
            .inet, "reject with icmp type port-unreachable", "reject with icmp port-unreachable",
            json: "{\"reject\": {\"type\": \"icmp\", \"expr\": \"port-unreachable\"}}"),
        Case(.inet, "reject with icmp type net-prohibited", "reject with icmp net-prohibited"),
        Case(.inet, "reject with icmp type host-prohibited", "reject with icmp host-prohibited"),
        Case(.inet, "reject with icmp type admin-prohibited", "reject with icmp admin-prohibited"),
        Case(.inet, "reject with icmp type frag-needed", "reject with icmp frag-needed"),
        Case(.inet, "reject with icmp 3", "reject with icmp port-unreachable"),
        Case(.inet, "reject with icmp type 77", "reject with icmp 77"),
        Case(.inet, "reject with icmpv6 type no-route", "reject with icmpv6 no-route"),
        Case(.inet, "reject with icmpv6 type admin-prohibited", "reject with icmpv6 admin-prohibited"),
        Case(.inet, "reject with icmpv6 type addr-unreachable", "reject with icmpv6 addr-unreachable"),
        Case(.inet, "reject with icmpv6 type port-unreachable", "reject with icmpv6 port-unreachable"),
        Case(.inet, "reject with icmpv6 type policy-fail", "reject with icmpv6 policy-fail"),
        Case(.inet, "reject with icmpv6 reject-route", "reject with icmpv6 reject-route"),
        Case(.inet, "reject with icmpx type port-unreachable", "reject"),
        Case(
            .inet, "reject with icmpx type admin-prohibited", "reject with icmpx admin-prohibited",
            json: "{\"reject\": {\"type\": \"icmpx\", \"expr\": \"admin-prohibited\"}}"),
        Case(.inet, "reject with icmpx no-route", "reject with icmpx no-route"),
        Case(.inet, "reject with icmpx 2", "reject with icmpx host-unreachable"),
        Case(
            .inet, "reject with tcp reset", "meta l4proto tcp reject with tcp reset", json: "{\"reject\": {\"type\": \"tcp reset\"}}"),
        Case(.inet, "tcp dport 22 reject", "tcp dport 22 reject"),
        Case(.inet, "tcp dport 22 reject with tcp reset", "tcp dport 22 reject with tcp reset"),
        Case(.inet, "meta l4proto tcp reject with tcp reset", "meta l4proto tcp reject with tcp reset"),
        Case(.inet, "ip protocol tcp reject with tcp reset", "ip protocol tcp reject with tcp reset"),
        Case(.inet, "ip6 nexthdr tcp reject with tcp reset", "ip6 nexthdr tcp reject with tcp reset"),
        Case(.inet, "ip saddr 1.2.3.4 reject", "ip saddr 1.2.3.4 reject with icmp port-unreachable"),
        Case(.inet, "ip saddr 1.2.3.4 reject with icmpx port-unreachable", "ip saddr 1.2.3.4 reject"),
        Case(.inet, "ip6 saddr ::1 reject", "ip6 saddr ::1 reject with icmpv6 port-unreachable"),
        Case(.inet, "ip daddr 1.1.1.1 reject with icmpx admin-prohibited", "ip daddr 1.1.1.1 reject with icmpx admin-prohibited"),
        Case(.inet, "icmp type echo-request reject", "icmp type echo-request reject with icmp port-unreachable"),
        Case(.inet, "icmpv6 type echo-request reject", "icmpv6 type echo-request reject with icmpv6 port-unreachable"),
        Case(.inet, "iifname \"a\" reject with icmp host-prohibited", "iifname \"a\" reject with icmp host-prohibited"),
        Case(.inet, "iifname \"a\" reject with tcp reset", "meta l4proto tcp iifname \"a\" reject with tcp reset"),
        Case(.inet, "counter reject", "counter packets 0 bytes 0 reject"),
        Case(.inet, "counter reject with tcp reset", "meta l4proto tcp counter packets 0 bytes 0 reject with tcp reset"),
        Case(.inet, "meta protocol ip6 reject", "meta protocol ip6 reject"),
        Case(.inet, "reject comment \"no\"", "reject comment \"no\""),
        Case(.ip, "reject with icmp port-unreachable", "reject", json: "{\"reject\": null}"),
        Case(.ip, "reject with icmp admin-prohibited", "reject with icmp admin-prohibited"),
        Case(.ip, "reject with tcp reset", "reject with tcp reset"),
        Case(.ip6, "reject with icmpv6 port-unreachable", "reject"),
        Case(.ip6, "reject with icmpv6 policy-fail", "reject with icmpv6 policy-fail"),
        Case(.ip6, "reject with tcp reset", "reject with tcp reset"),
        Case(.bridge, "reject", "reject"),
        Case(.bridge, "reject with icmp host-unreachable", "reject with icmp host-unreachable"),
        Case(.bridge, "reject with icmpv6 no-route", "reject with icmpv6 no-route"),
        Case(.bridge, "reject with icmpx admin-prohibited", "reject with icmpx admin-prohibited"),
        Case(.bridge, "counter reject with tcp reset", "meta l4proto tcp counter packets 0 bytes 0 reject with tcp reset"),
        Case(.bridge, "tcp dport 5 reject with icmpv6 no-route", "tcp dport 5 reject with icmpv6 no-route"),
        Case(.bridge, "ip saddr 1.2.3.4 reject", "ip saddr 1.2.3.4 reject with icmp port-unreachable"),
        Case(.bridge, "ip saddr 1.2.3.4 reject with tcp reset", "meta l4proto tcp ip saddr 1.2.3.4 reject with tcp reset"),
        Case(.bridge, "meta protocol ip reject", "meta protocol ip reject with icmp port-unreachable"),
        Case(.bridge, "meta protocol ip6 reject with icmpx port-unreachable", "meta protocol ip6 reject"),
        Case(.bridge, "vlan id 5 reject", "vlan id 5 reject"),
        Case(.bridge, "vlan id 5 reject with icmp net-unreachable", "vlan id 5 reject with icmp net-unreachable"),
        Case(.bridge, "vlan id 5 reject with tcp reset", "meta l4proto tcp vlan id 5 reject with tcp reset"),
        Case(.bridge, "vlan id 5 ip saddr 1.2.3.4 reject", "vlan id 5 ip saddr 1.2.3.4 reject with icmp port-unreachable"),
    ]

    static let refused: [Case] = [
        Case(.arp, "reject", nil),
        Case(.inet, "udp dport 22 reject with tcp reset", nil),
        Case(.inet, "meta l4proto udp reject with tcp reset", nil),
        Case(.inet, "meta l4proto { tcp, udp } reject with tcp reset", nil),
        Case(.inet, "ip6 saddr ::1 reject with icmp port-unreachable", nil),
        Case(.inet, "ip saddr 1.2.3.4 reject with icmpv6 no-route", nil),
        Case(.inet, "meta nfproto ipv6 reject with icmp port-unreachable", nil),
        Case(.inet, "ether type arp reject", nil),
        Case(.inet, "reject with icmpv6 type beyond-scope", nil),
        Case(.inet, "reject with icmpx type addr-unreachable", nil),
        Case(.inet, "reject with icmpx 4", nil),
        Case(.inet, "reject with icmpv6 200", nil),
        Case(.inet, "reject with", nil),
        Case(.inet, "reject with tcp", nil),
        Case(.inet, "reject with udp reset", nil),
        Case(.inet, "reject with icmp", nil),
        Case(.inet, "reject counter", nil),
        Case(.inet, "reject accept", nil),
        Case(.inet, "tcp dport vmap { 22 : reject }", nil),
        Case(.ip, "reject with icmpx admin-prohibited", nil),
        Case(.ip, "reject with icmpx port-unreachable", nil),
        Case(.ip, "reject with icmpv6 no-route", nil),
        Case(.ip, "ip protocol udp reject with tcp reset", nil),
        Case(.ip6, "reject with icmp net-unreachable", nil),
        Case(.ip6, "reject with icmpx no-route", nil),
        Case(.bridge, "ether type arp reject", nil),
        Case(.bridge, "arp operation request reject", nil),
        Case(.bridge, "meta protocol 0x8100 reject", nil),
        Case(.bridge, "ip saddr 1.2.3.4 reject with icmpv6 no-route", nil),
        Case(.bridge, "udp dport 22 reject with tcp reset", nil),
    ]

    private static func file(_ test: Case, hook: String = "prerouting") -> String {
        let hook = test.family == .arp ? "input" : hook
        return
            "table \(test.family) t {\n\tchain c {\n\t\ttype filter hook \(hook) priority filter; policy accept;\n\t\t\(test.rule)\n\t}\n}\n"
    }

    @Test("accepted, and listed as nft lists it", arguments: accepted)
    func listing(_ test: Case) throws {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: Self.file(test))).ruleset
        let listing = try #require(test.listing)
        #expect(ruleset.printed().contains("\n\t\t\(listing)\n"), "\(ruleset.printed())")
        if let json = test.json { #expect(ruleset.json(version: "1").contains(json)) }
        let again = try Ruleset.read(SourceFile(name: "again", text: ruleset.printed())).ruleset
        // As nft lists it, this reads back as the message of the one protocol, which says the same there.
        guard !test.rule.hasSuffix("with icmpx port-unreachable") else { return }
        #expect(again.meaning == ruleset.meaning)
        #expect(again.printed() == ruleset.printed())
    }

    @Test("refused", arguments: refused)
    func refusal(_ test: Case) {
        #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: Self.file(test))) }
    }

    @Test(
        "the kernel lists it so", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: accepted.filter { $0.family != .bridge })
    func nftLists(_ test: Case) throws {
        let listing = try NftOracle.listing(of: Self.file(test))
        #expect(listing.contains("\n\t\t\(test.listing ?? "")\n"), "\(listing)")
    }

    @Test("nft refuses it too", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: refused)
    func nftRefuses(_ test: Case) throws {
        let answer = try NftOracle.check(Self.file(test))
        #expect(!answer.isAccepted)
        // The kernel's word for a bridge without `reject`: nft has taken the rule by then.
        #expect(!answer.errors.contains("No such file or directory"))
    }

    @Test("nft sends the kernel what the tree says", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: accepted)
    func lowering(_ test: Case) throws {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: Self.file(test))).ruleset
        let answer = try NftOracle.check(Self.file(test), options: ["--debug=netlink"])
        let ours = ruleset.tables[0].chains[0].rules[0].steps(in: test.family)
        #expect(NetlinkDebug(answer.output, table: "t").steps["c"]?.sorted() == ours.sorted(), "\(answer.output)")
    }

    @Test("it may stand wherever a verdict may: at every hook, in named chains and in chains inside rules", arguments: Hook.allCases)
    func places(hook: Hook) throws {
        for family in [Family.bridge, .inet, .ip, .ip6] {
            let text =
                "table \(family) t {\nchain no { reject; }\nchain c { type filter hook \(hook) priority 0; "
                + "tcp dport 1 jump { counter reject; }; tcp dport 2 goto no; tcp dport vmap { 3 : jump no }; reject; }\n}\n"
            _ = try Ruleset.read(SourceFile(name: "f", text: text))
        }
    }
}

extension Rule {
    /// In a table of one protocol nft asks for its own message where a rule asks for what is standard.
    fileprivate func steps(in family: Family) -> [Step] {
        steps.map { step in
            guard step == .test("reject type 2 code 1"), let code = [Family.ip: 3, .ip6: 4][family] else { return step }
            return .test("reject type 0 code \(code)")
        }
    }
}

extension Rejection {
    /// linux/netfilter/nf_tables.h, `nft_reject_types`.
    var netlinkText: String {
        switch self {
        case .icmp(let code), .icmpv6(let code): "reject type 0 code \(code)"
        case .tcpReset: "reject type 1 code 0"
        case .either(let reason): "reject type 2 code \(reason.rawValue)"
        }
    }
}
