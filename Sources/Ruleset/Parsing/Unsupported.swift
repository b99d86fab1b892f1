/// What nft's language has and this project does not take, by name, so that it can be refused as what it is.
enum Unsupported {
    /// Commands that may stand at the top of a file.
    static let commands: [String: String] = [
        "replace": "rules are in their chain's block",
        "rename": "a file is the whole rule set; there is nothing before it to rename",
        "reset": "a file is the whole rule set; there are no counters before it",
        "list": "a rule file declares and does not ask",
        "describe": "a rule file declares and does not ask",
        "monitor": "a rule file declares and does not ask",
        "export": "a rule file declares and does not ask",
        "import": "a rule file is written in nft's own syntax",
    ]

    /// What a table may hold that no rule here uses, and why.
    static let tableItems: [String: String] = [
        "flowtable": "every frame is judged by the rules",
        "synproxy": "Weir sends no answers for hosts",
        "secmark": "frames have no security marks here",
        "tunnel": "Weir builds no tunnels",
    ]

    /// Words that begin a statement or an expression in nft.
    static let statements: [String: String] = {
        var reasons: [String: String] = [:]
        for (words, reason) in [
            ("snat dnat masquerade redirect tproxy", "addresses are not translated"),
            ("queue", "no other program judges frames"),
            ("dup fwd", "a frame goes only to the other port"),
            ("flow", "every frame is judged by the rules"),
            ("synproxy", "Weir sends no answers for hosts"),
            ("map", "rules change no maps; elements are in the file"),
            ("xt", "there are no iptables extensions"),
            (
                "cpu cgroup skuid skgid rtclassid",
                "a frame on the wire has none; use iifname and oifname for the ports"
            ),
            ("nftrace", "'weir explain' shows which rules a packet comes to; 'log' writes it during a run"),
            ("ibrname obrname ibriport obriport", "there is no bridge device; use iifname and oifname for the ports"),
            ("fib ipsec socket osf", "it asks the host, which is not on the wire"),
            ("jhash symhash", "draw a number, and remember who drew it: add @m { ip saddr : numgen inc mod 3 }"),
            ("random", "write: meta random"),
        ] {
            for word in words.split(separator: " ") { reasons[String(word)] = reason }
        }
        return reasons
    }()

    /// Fields that nft reads after a header's word, and this project doesn't.
    static let fields: [String: Set<String>] = [
        "meta": [
            "skuid", "skgid", "nftrace", "rtclassid", "ibriport", "obriport", "ibrname",
            "obrname", "ibrpvid", "ibrvproto", "cpu", "cgroup", "ipsec", "secpath",
            "iifkind", "oifkind", "secmark", "sdif", "sdifname",
        ],
        "rt": ["classid", "nexthop", "ip", "ip6", "ipsec"],
    ]
}
