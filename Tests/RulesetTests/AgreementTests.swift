import Foundation
import FrameBuilder
import Ruleset
import Testing

/// Rules that have been put to nft 1.0.6, and what it and this project say of them.
struct AgreementTests {
    struct Case: CustomTestStringConvertible, Sendable {
        /// `=` both accept, `-` both refuse, `!` only Weir refuses, `+` only Weir accepts: a later nft does. `~` both accept, and a later
        /// nft makes of it what Weir does.
        var mark: Character
        var rule: String
        var isAccepted: Bool { "=+~".contains(mark) }
        var testDescription: String { "\(mark) \(rule)" }
    }

    static let cases: [Case] = {
        let text = (try? Golden.text("agreement.rules")) ?? ""
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            line.first.map { Case(mark: $0, rule: String(line.dropFirst(2))) }
        }
    }()

    @Test func theTableIsThere() {
        #expect(Self.cases.count > 700)
        #expect(Set(Self.cases.map(\.mark)) == ["=", "-", "!", "+", "~"])
    }

    @Test("Weir accepts what is marked so, and refuses the rest", arguments: cases)
    func weir(_ testCase: Case) {
        #expect(((try? read(rule: testCase.rule)) != nil) == testCase.isAccepted)
    }

    @Test("a printed rule reads back as the same rule", arguments: cases.filter(\.isAccepted))
    func printed(_ testCase: Case) throws {
        let rule = try #require(try read(rule: testCase.rule))
        let again = try #require(try read(rule: rule.text))
        #expect(again.meaning == rule.meaning)
        // A set of one element is read as the element.
        #expect(again.text == rule.text || rule.hasSetOfOne)
    }

    @Test(
        "nft refuses what is marked so", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: cases.filter { $0.mark == "-" || $0.mark == "+" })
    func nftRefuses(_ testCase: Case) throws {
        #expect(try !NftOracle.check(fileWith(rule: testCase.rule)).isAccepted)
    }

    @Test(
        "nft accepts what Weir alone refuses", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: cases.filter { $0.mark == "!" || $0.mark == "~" })
    func nftAccepts(_ testCase: Case) throws {
        #expect(try NftOracle.check(fileWith(rule: testCase.rule)).isAccepted)
    }

    /// One chain for each rule, so that one run of nft answers for all of them.
    private static func chains(_ rules: [String], family: Family = .bridge) -> String {
        let chains = rules.enumerated().map { "chain r\($0) {\n\($1)\n}\n" }.joined()
        return "table \(family) t {\n\(declaredObjects)chain x { }\n\(chains)}\n"
    }

    @Test(
        "accepted rules are sent to the kernel as the tree says", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: [false, true])
    func lowering(asPrinted: Bool) throws {
        // Of two rules in one line the table would hold the second against both.
        let comparable = Self.cases.filter {
            $0.mark == "=" && !$0.rule.contains(";") && !$0.rule.contains("vmap") && !$0.rule.contains(" map ")
                && !Self.namesInNames.contains($0.rule)
        }
        let rules = try comparable.map { testCase in
            let rule = try #require(try read(rule: testCase.rule))
            return (source: testCase.rule, written: asPrinted ? rule.text : testCase.rule, steps: rule.steps)
        }
        try compare(rules)
    }

    /// Sets of names that are one name; the names of a set are not compared.
    private static let namesInNames = ["iifname { \"eth0\", \"eth0\" }", "iifname { \"eth*\", \"eth0\" }"]

    /// Pieces that depend on each other in every way.
    static let pieces = [
        "ip saddr 1.1.1.1", "ip6 daddr ::1", "tcp dport 5", "udp sport 6", "sctp dport 7", "th dport 8", "icmp type 8", "icmpv6 type 128",
        "arp operation 1", "vlan id 5", "vlan id != 3", "vlan type ip", "vlan type arp", "vlan type 8021q", "vlan type { ip, arp }",
        "ether type ip", "ether type ip6", "ether type arp", "ether type 8021q", "ether type 8021ad", "ether type 0x1234",
        "ether type { ip6, ip }", "ether type { vlan, ip }", "ether type != vlan", "ether type 0x800-0x900", "ether saddr 1:2:3:4:5:6",
        "meta protocol ip", "meta protocol ip6", "meta protocol arp", "meta protocol 8021q", "meta protocol 0x1234",
        "meta protocol { ip, ip6 }", "meta l4proto tcp", "meta l4proto icmp", "meta l4proto { tcp, udp }", "meta l4proto 200",
        "ip protocol tcp", "ip protocol { 200, udp }", "ip protocol icmp", "ip protocol 6/8", "ip protocol esp", "ip6 nexthdr icmpv6",
        "ip6 nexthdr != tcp", "tcp flags syn", "iifname a", "counter", "vlan pcp 3", "vlan dei 1", "arp saddr ip 1.1.1.1", "ip ttl 64",
        "ip dscp cs1", "ip6 dscp 5", "ip6 hoplimit 3", "icmp type { 3, 8 }", "icmp type 0", "icmp id 5", "icmp mtu 1500", "icmp code 1",
        "icmpv6 mtu 1280", "icmpv6 sequence 3", "icmpv6 type 129", "igmp type 17", "igmp group 5", "udplite dport 4", "dccp type data",
        "esp spi 5", "ah spi 5", "comp cpi 3", "tcp urgptr 5", "@ll,96,16 0x800", "@nh,72,8 6", "@th,16,16 80", "meta length > 100",
        "meta pkttype other", "meta mark 5", "meta mark set 7", "ip saddr . tcp dport { 1.1.1.1 . 5, 1.1.1.2 . 6 }",
        "ip saddr . th dport { 1.1.1.0/24 . 5-7, 10.0.0.0/9 . 6 }", "meta l4proto . th dport != { tcp . 5, udp . 7 }",
        "vlan id . ether saddr { 5 . 1:2:3:4:5:6 }", "ether type . vlan id { 8021q . 5 }", "udp sport . ip6 daddr { 5-6 . ::1 }",
        "icmp type . icmp code { 8 . 0 }", "icmp code . icmp id { 0 . 5 }", "ip dscp . ip ttl { cs1 . 64, 1-5 . 3 }",
        "meta mark . ip protocol { 5 . tcp }", "meta length . ip protocol { 5-9 . tcp }", "tcp dport ^ 1 5", "udp dport | 1 == 5",
        "ip saddr & 255.255.255.0 . ip daddr { 1.1.1.0 . 2.2.2.2 }", "ip ttl ^ 3 . ip daddr { 1 . 2.2.2.2 }",
        "limit rate 5/second", "limit rate over 10 kbytes/minute burst 3 mbytes", "quota over 5 kbytes",
        "counter name c1", "quota name q1", "limit name l1", "log prefix \"p\" level info", "log group 3", "meta hour \"22:00\"-\"06:00\"",
        "meta day Monday", "meta time < \"2030-01-01\"", "meta nfproto ipv4", "meta nfproto { ipv4, ipv6 }", "meta nfproto != ipv6",
        "meta nfproto 7",
        "add @s1 { ip saddr }", "update @s1 { ip daddr timeout 5m }", "add @s2 { tcp dport limit rate 5/second }",
        "update @s5 { ip saddr . tcp dport timeout 5m }", "delete @s5 { ip daddr & 255.0.0.0 . udp sport ^ 7 }",
        "add @s6 { ether saddr . iifname }", "add @m1 { ip saddr : 5 }", "update @m1 { ip daddr timeout 1s : meta mark & 3 }",
        "add @m2 { ip saddr . th dport counter : meta mark }", "counter name ip saddr map @m3",
        "meta random < 5", "numgen inc mod 3 offset 2 4", "numgen random mod 3 { 0, 2 }", "ip saddr . numgen inc mod 2 { 1.1.1.1 . 1 }",
        "meta mark set numgen inc mod 2", "add @m1 { ip daddr : numgen random mod 3 }",
        "exthdr hbh exists",
        "exthdr frag missing", "frag id 5", "rt type 0", "srh tag 3",
        "mh type 5",
        "ip option ra exists",
        "ip option rr ptr 4", "tcp option maxseg exists", "tcp option window count 7", "sctp chunk data exists", "sctp chunk init a-rwnd 3",
        "ether saddr set 1:2:3:4:5:6", "ip saddr set 1.1.1.1", "ip dscp set cs1", "ip6 hoplimit set 5", "tcp dport set 5",
        "udp sport set 6",
        "icmp id set 5", "vlan id set 5", "arp operation set 2", "tcp option maxseg size set 1400", "ip saddr set ip daddr",
        "tcp sport set ip id", "tcp option maxseg size set rt mtu", "rt mtu < 1400",
    ]

    @Test(
        "whatever stands together depends on what nft says", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: Family.allCases, 1...5 as ClosedRange<UInt64>)
    func combinations(family: Family, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var rules: [(source: String, written: String, steps: [Step])] = []
        var refused: [String] = []
        for _ in 0..<600 {
            let count = Int.random(in: 2...4, using: &generator)
            let text = (0..<count).compactMap { _ in Self.pieces.randomElement(using: &generator) }.joined(separator: " ")
            do throws(RejectedRuleset) {
                if let rule = try read(rule: text, family: family) { rules.append((text, text, rule.steps)) }
            } catch {
                // What nft takes and gives another meaning is refused as well.
                let isMisread = error.diagnostics.contains { $0.note?.hasPrefix("nft joins") == true }
                if !isMisread { refused.append(text) }
            }
        }
        // What says no more than the family itself nft leaves out, where it stands in front of something else.
        let isSaid: (Step) -> Bool = { step in
            guard let type = [Family.ip: 0x0800, .ip6: 0x86dd, .arp: 0x0806][family] else { return false }
            return [.byte("protocol", offset: 0, UInt8(type >> 8)), .byte("protocol", offset: 1, UInt8(type & 0xff))].contains(step)
        }
        #expect(rules.count > (family == .arp ? 30 : 100) && refused.count > 100)
        try compare(rules, family: family, leavingOut: isSaid)
        for text in refused.prefix(40) {
            #expect(try !NftOracle.check(fileWith(rule: text, family: family)).isAccepted, "\(text)")
        }
    }

    /// For each field of a number: a value, another one, a range, an order, a set, a mask and a prefix, as far as it takes them.
    private static func matches(of field: Field, using generator: inout SeededGenerator) -> [String] {
        guard !field.isInterface else { return ["\(field.words) lo", "\(field.words) != lo", "\(field.words) { lo }"] }
        let words = field.words
        // Values that are written as numbers; addresses have cases of their own.
        let top = min(field.allOnes, UInt128(UInt64.max))
        let numbers = (0..<6).map { _ in UInt128.random(in: 0...top, using: &generator) }.sorted()
        return [
            "\(words) \(numbers[0])", "\(words) == \(top)", "\(words) != \(numbers[1])", "\(words) \(numbers[2])-\(numbers[3])",
            "\(words) != \(numbers[2])-\(numbers[3])", "\(words) >= \(numbers[4])", "\(words) <= \(numbers[4])",
            "\(words) { \(numbers[0]), \(numbers[5]) }", "\(words) { \(numbers[1]), \(numbers[2])-\(numbers[3]) }",
            "\(words) != { \(numbers[1]), \(numbers[2])-\(numbers[3]) }", "\(words) & \(numbers[5]) == \(numbers[5])",
            "\(words) & \(numbers[5]) != 0", "\(words) & \(numbers[5]) { 0, 1 }", "\(words) & \(numbers[5]) > 1",
            "\(words) \(numbers[5])/12", "\(words) \(top + 1)", "\(words) set \(numbers[0])", "\(words) set \(top)",
            "\(words) set \(top + 1)",
        ]
    }

    @Test(
        "every field takes the values that nft takes, and means the same by them", .enabled(if: NftOracle.canRun, "needs nft and root"),
        arguments: Family.allCases)
    func fields(family: Family) throws {
        var generator = SeededGenerator(seed: 7)
        var fields = Field.allCases
        for (header, offset, width) in [
            (Field.Header.link, 0, 16), (.link, 112, 16), (.network, 72, 8), (.network, 3, 2), (.transport, 0, 16), (.transport, 4, 12),
            (.transport, 5, 20), (.transport, 0, 24), (.transport, 0, 64), (.transport, 2, 126), (.network, 65528, 8),
        ] {
            fields.append(try #require(Field.raw(header, bitOffset: offset, bitWidth: width)))
        }
        var rules: [(source: String, written: String, steps: [Step])] = []
        // nft 1.0.6 looks into no tunnels.
        fields.removeAll { $0.searchedHeader?.isInner == true || $0.words.hasPrefix("gre ") }
        // Whether a header is there nft 1.0.6 compares with any number.
        fields.removeAll { if case .presence = $0.source { true } else { false } }
        // To nft 1.0.6 a zone has no bits.
        fields.removeAll { $0.words.hasPrefix("ct ") && $0.words.hasSuffix("zone") }
        // Connections of a bridge this kernel may not know of: its module nf_conntrack_bridge is seldom there.
        if family == .bridge { fields.removeAll { $0.connectionKey != nil } }
        for text in fields.flatMap({ Self.matches(of: $0, using: &generator) }) {
            // nft 1.0.6 writes less than a word of a tag, which the kernel does not carry out.
            if text.hasPrefix("vlan "), text.contains(" set ") { continue }
            guard let rule = try? read(rule: text, family: family) else { continue }
            rules.append((text, text, rule.steps))
            rules.append((text, rule.text, rule.steps))
        }
        #expect(rules.count > (family == .arp ? 700 : 1500))
        try compare(rules, family: family)
    }

    /// Puts the rules to nft in one go and holds what it would send to the kernel against the trees.
    private func compare(
        _ rules: [(source: String, written: String, steps: [Step])], family: Family = .bridge,
        leavingOut isLeftOut: (Step) -> Bool = { _ in false }
    ) throws {
        let answer = try NftOracle.check(Self.chains(rules.map(\.written), family: family), options: ["--debug=netlink"])
        #expect(answer.isAccepted, "\(answer.errors)")
        let debug = NetlinkDebug(answer.output, table: "t")
        for (index, rule) in rules.enumerated() {
            let theirs = (debug.steps["r\(index)"] ?? []).filter { !isLeftOut($0) }
            let ours = rule.steps.filter { !isLeftOut($0) }
            let isSame = theirs == ours || (Self.areJoined(theirs) && theirs.sorted() == ours.sorted())
            #expect(isSame, "\(rule.source)\n ours:   \(ours)\n theirs: \(theirs)")
        }
    }

    /// nft joins equalities on neighbouring fields of a header into one load at the place of the first or the last of them.
    /// Then only the order may differ.
    static func areJoined(_ steps: [Step]) -> Bool {
        var run = (base: "", end: -1, length: 0)
        for case .byte(let base, let offset, _) in steps {
            run = base == run.base && offset == run.end ? (base, offset + 1, run.length + 1) : (base, offset + 1, 1)
            if run.length >= (base == "link" ? 4 : 2), ["link", "network", "transport"].contains(base) { return true }
        }
        return false
    }
}
