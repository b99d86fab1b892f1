/// What nft's language has and this project does not take, by name, so that it can be refused as what it is.
enum Unsupported {
    /// Commands that may stand at the top of a file.
    static let commands: [String: String] = [
        "replace": "rules stand in their chain's block",
        "delete": "a file is the whole rule set: leave out what is not to be there",
        "destroy": "a file is the whole rule set: leave out what is not to be there",
        "rename": "a file is the whole rule set; there is nothing before it to rename",
        "reset": "a file is the whole rule set; there are no counters before it",
        "list": "a rule file declares and does not ask",
        "describe": "a rule file declares and does not ask",
        "monitor": "a rule file declares and does not ask",
        "export": "a rule file declares and does not ask",
        "import": "a rule file is written in nft's own syntax",
    ]

    /// What a table may hold beside chains.
    static let tableItems: [String: String] = [
        "flowtable": "every frame is judged by the rules",
        "ct": "rules are stateless",
        "synproxy": "Weir answers for nobody",
        "secmark": "frames bear no security marks here",
        "flags": "a table is always active",
    ]

    /// Words that begin a statement or an expression in nft.
    static let statements: [String: String] = {
        var reasons: [String: String] = [:]
        for (words, reason) in [
            ("ct", "rules are stateless"),
            ("reject", "Weir answers for nobody; 'drop' drops silently"),
            ("last", "nft 1.0.6 has it in no rule; counters and 'log' say what came"),
            ("snat dnat masquerade redirect tproxy", "what passes, passes unchanged"),
            ("queue", "there is no other program to ask"),
            ("dup fwd", "a frame goes to the other port or nowhere"),
            ("notrack flow", "rules are stateless"),
            ("synproxy", "Weir answers for nobody"),
            ("set add update delete map meter", "rules change no sets; elements stand in the file"),
            ("xt", "there are no iptables extensions"),
            (
                "mark cpu cgroup skuid skgid rtclassid nftrace iiftype oiftype iifgroup oifgroup",
                "a frame on the wire has none; use iifname and oifname for the ports"
            ),
            ("ibrname obrname ibriport obriport", "there is no bridge device; use iifname and oifname for the ports"),
            ("reset", "an option can be changed and not removed: tcp option maxseg size set 1400"),
            ("gre gretap vxlan geneve", "nft 1.0.6 has no such header; write raw bits: @th,0,16"),
            ("fib ipsec socket osf", "it asks the host, which is not on the wire"),
            ("numgen jhash symhash random", "rules decide the same every time"),
        ] {
            for word in words.split(separator: " ") { reasons[String(word)] = reason }
        }
        return reasons
    }()

    /// Fields that nft reads behind a header's word, and this project doesn't.
    static let fields: [String: Set<String>] = [
        "meta": [
            "priority", "mark", "iiftype", "oiftype", "skuid", "skgid", "nftrace", "rtclassid", "ibriport", "obriport", "ibrname",
            "obrname", "ibrpvid", "ibrvproto", "cpu", "iifgroup", "oifgroup", "cgroup", "nfproto", "ipsec", "secpath", "random",
            "iifkind", "oifkind", "secmark", "sdif", "sdifname",
        ],
        "rt": ["classid", "nexthop", "mtu", "ip", "ip6", "ipsec"],
    ]

    /// nft's other families, with what they would see.
    static let families: Set<String> = ["ip", "ip6", "inet", "arp", "netdev"]

    /// nft's other hooks.
    static let hooks: Set<String> = ["prerouting", "input", "output", "postrouting", "ingress", "egress"]

    /// nft's names for priorities, none of which it takes for this hook, with their numbers in the bridge family.
    static let priorities: [String: Int] = ["dstnat": -300, "out": 100, "srcnat": 300]
}
