import Ruleset
import Testing

/// What no frame on a wire meets: it is no error there, and one where frames come.
struct SetAsideTests {
    private static let filter = "chain f { type filter hook forward priority 0; policy accept;\nRULE\n}\n"

    /// Tables, and what is set aside of them; with `!` the error that the file has.
    static let cases: [(text: String, expected: [String])] = [
        (
            "table inet t { flowtable x { hook ingress priority 0; devices = { a, b }; }\n}\n",
            ["flowtable x: every frame is judged by the rules"]
        ),
        (
            "add table inet t\nadd flowtable inet t x { hook ingress priority 0; devices = { a }; }\n",
            ["flowtable x: every frame is judged by the rules"]
        ),
        (
            "table inet t { ct helper h { type \"ftp\" protocol tcp; }\n}\n",
            ["ct helper h: Weir reads no payload to expect connections"]
        ),
        ("table inet t { synproxy s { mss 1460; wscale 7; }\n}\n", ["synproxy s: Weir sends no answers for hosts"]),
        (
            "table netdev t { chain c { type filter hook egress devices = { a, b } priority filter + 1; policy accept;\nfwd to \"b\"\n}\n}\n",
            ["chain c (table netdev, hook egress, fwd): no frame on a wire reaches it"]
        ),
        (
            "table inet t { chain n { masquerade\n}\nchain f { type filter hook forward priority 0; policy accept;\njump n\n}\n}\n",
            ["! 'masquerade' is not supported"]
        ),
        (
            "table inet t { chain n { masquerade\n}\nchain f { type filter hook forward priority 0; policy accept;\n"
                + "tcp dport vmap { 5 : jump n }\n}\n}\n",
            ["! 'masquerade' is not supported"]
        ),
        (
            "table inet t { chain n { masquerade\n}\nmap m { type mark : verdict; elements = { 5 : goto n }; }\n"
                + "chain f { type filter hook forward priority 0; policy accept;\nmeta mark vmap @m\n}\n}\n",
            ["! 'masquerade' is not supported"]
        ),
        (
            "table inet t { chain n { masquerade\n}\nchain o { jump n\n}\n}\n",
            [
                "chain n (masquerade): no chain that a frame comes to leads to it", "chain o: no chain that a frame comes to leads to it",
            ]
        ),
        (
            "table inet t { chain n { type nat hook input priority 0; policy accept;\nmasqerade\n}\n}\n",
            ["! unknown word 'masqerade' in a rule"]
        ),
        (
            "table inet t { chain n { type nat hook forward priority 0; }\n}\n",
            ["! a table inet has no chains of type 'nat' at the hook 'forward'"]
        ),
        (
            "table bridge t { chain n { type nat hook output priority 0; }\n}\n",
            [
                "! a table bridge has no chains of type 'nat' at the hook 'output'"
            ]
        ),
        (
            "table ip t { map m { type ipv4_addr : ipv4_addr . inet_service; }\nchain f { type filter hook forward priority 0; policy accept;\n"
                + "ip saddr @m drop\n}\n}\n", ["! concatenations as data are not supported"]
        ),
        (
            "table ip t { chain n { type nat hook input priority 0; policy accept;\njump away\n}\n}\n",
            ["! there is no chain 'away' in table 't'"]
        ),
        ("table ip t { chain n { type nat hook input priority 0; policy accept;\nsnat to 1.1.1.1 }\n}\n", ["! unexpected '}'"]),
        ("table inet t { flowtable x { hook ingress priority 0; }\n}\ndelete table inet t\n", []),
    ]

    @Test("is set aside by name", arguments: cases)
    func setAside(text: String, expected: [String]) throws {
        var found: [String] = []
        do throws(RejectedRuleset) {
            let (ruleset, notices) = try Ruleset.read(SourceFile(name: "f", text: text))
            found = notices.filter { $0.severity == .setAside }.map(\.message)
            let again = try Ruleset.read(SourceFile(name: "printed", text: ruleset.printed())).ruleset
            #expect(again.meaning == ruleset.meaning)
        } catch {
            found = error.diagnostics.filter { $0.severity == .error }.map { "! \($0.message)" }
        }
        #expect(found == expected)
    }

    /// Statements that Weir doesn't have, and nft 1.1.6 does: refused where frames come, and set aside with a chain that none comes to.
    static let statements = [
        "ct zone set 5", "ct original zone set mark map { 1 : 1 }", "meta pkttype set host",
        "meta mark set jhash ip saddr . ip daddr mod 2 seed 0xdeadbeef offset 100", "ct mark set symhash mod 2",
        "ct timeout set tcp dport map { 5 : \"a\" }", "ct label set 127", "ct helper set \"h\"",
        "meta broute set 1", "ether daddr set meta ibrhwaddr", "meta secmark set ct secmark", "ct secmark set meta secmark",
        "meta iifkind \"vrf\" drop", "rt classid 5 drop", "rt ip nexthop 10.0.0.1 drop", "meta sdif 5 drop", "tunnel id 10 drop",
        "ip saddr . fib daddr type { 10.0.0.1 . local } drop", "update @s { socket mark }", "meta mark set osf name map { \"Linux\" : 1 }",
        "ip daddr set ipsec in reqid",
    ]

    @Test("a statement that Weir lacks is an error only where frames come", arguments: statements)
    func statement(_ rule: String) throws {
        func text(_ hook: String) -> String {
            "table inet t { set s { type mark; flags dynamic; size 5; }\nchain c { type filter hook \(hook) priority 0; policy accept;\n\(rule)\n}\n}\n"
        }
        let (ruleset, notices) = try Ruleset.read(SourceFile(name: "f", text: text("output")))
        #expect(notices.contains { $0.severity == .setAside && $0.message.hasPrefix("chain c ") })
        #expect(ruleset.printed().contains(rule))
        #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: text("forward"))) }
    }

    @Test("objects without a use here are set aside, whatever they hold")
    func securityMarks() throws {
        let text = "table inet t { secmark sshtag { \"system_u:object_r:ssh_server_packet_t:s0\"\n}\n}\n"
        let notices = try Ruleset.read(SourceFile(name: "f", text: text)).warnings
        #expect(notices.contains { $0.message == "secmark sshtag: frames have no security marks here" })
    }

    @Test(
        "a table netdev may ask for any protocol that a device sees",
        arguments: ["arp operation request", "ip saddr 10.0.0.1", "ip6 nexthdr tcp", "meta protocol arp arp htype 1"])
    func device(_ rule: String) throws {
        let text = "table netdev t { chain c { type filter hook ingress device lo priority 0;\n\(rule) drop\n}\n}\n"
        #expect(try Ruleset.read(SourceFile(name: "f", text: text)).warnings.contains { $0.severity == .setAside })
    }

    /// Rules of a chain that frames come to, beside a chain of NAT that sets marks and translates.
    static let warned: [(rule: String, warnings: [String])] = [
        (
            "meta mark 5 accept",
            ["'meta mark' is set only by a chain that is set aside", "addresses are not translated: 'dnat' is set aside"]
        ),
        ("meta mark set 5 meta mark 5 accept", ["addresses are not translated: 'dnat' is set aside"]),
        ("ct mark 5 accept", ["addresses are not translated: 'dnat' is set aside"]),
    ]

    @Test("rules that rely on what is set aside are warned of", arguments: warned)
    func warnings(rule: String, warnings: [String]) throws {
        let text =
            "table ip n { chain p { type nat hook prerouting priority dstnat; policy accept;\nmeta mark set 5\ndnat to 1.1.1.1\ndnat to 2.2.2.2\n}\n}\n"
            + "table bridge t { \(Self.filter.replacing("RULE", with: rule))}\n"
        let found = try Ruleset.read(SourceFile(name: "f", text: text)).warnings.filter { $0.severity == .warning }.map(\.message)
        #expect(Set(found) == Set(warnings))
    }
}
