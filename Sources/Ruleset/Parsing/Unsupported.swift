/// What nft's language has and this project does not take, by name, so that it can be refused as what it is.
enum Unsupported {
    /// Commands that may stand at the top of a file.
    static let commands: [String: String] = [
        "replace": "rules are in their chain's block",
        "rename": "a file is the whole rule set; there is nothing before it to rename",
        "get": "a rule file declares and does not ask",
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
        "secmark": noSecurityMark,
        "tunnel": "Weir builds no tunnels",
    ]

    /// What a map may lead to in nft, and here to nothing that a rule could use.
    static let mapped: [String: String] = reasons([
        ("interval", "only translated addresses are chosen from intervals"),
        ("synproxy", "Weir sends no answers for hosts"),
        ("secmark", noSecurityMark),
        ("tunnel", "Weir builds no tunnels"),
        ("queue", "no other program judges frames"),
    ])

    /// Words that begin a statement in nft and nothing else.
    private static let onlyStatements: [String: String] = reasons([
        ("snat dnat masquerade redirect tproxy", "addresses are not translated"),
        ("queue", "no other program judges frames"),
        ("dup fwd", "a frame goes only to the other port"),
        ("flow", "every frame is judged by the rules"),
        ("synproxy", "Weir sends no answers for hosts"),
        ("xt", "there are no iptables extensions"),
    ])

    /// Words that begin an expression in nft: what a match or a statement reads.
    static let expressions: [String: String] = reasons([
        ("cpu cgroup skuid skgid rtclassid", hostsOwn),
        ("ibrname obrname ibriport obriport", noBridge),
        ("fib ipsec socket osf", asksHost),
        ("jhash symhash", "draw a number, and remember who drew it: add @m { ip saddr : numgen inc mod 3 }"),
        ("random", "write: meta random"),
        ("secmark", noSecurityMark),
        ("tunnel", "no device on a wire opens tunnels; match what is inside: vxlan ip saddr …"),
    ])

    /// Words that begin a statement or an expression in nft.
    static let statements = onlyStatements.merging(expressions) { first, _ in first }

    /// Fields that nft reads after a header's word, and this project doesn't.
    static let fields: [String: [String: String]] = [
        "meta": reasons([
            ("skuid skgid rtclassid cpu cgroup", hostsOwn),
            ("ibrname obrname ibriport obriport", noBridge),
            ("ibrpvid ibrvproto", "there is no bridge device; match the frame's own tag: vlan id …"),
            ("ibrhwaddr broute", "there is no bridge device that could take the frame in"),
            ("ipsec secpath sdif sdifname", asksHost),
            ("iifkind oifkind", "both ports are Ethernet devices; use iifname and oifname for them"),
            ("secmark", noSecurityMark),
        ]),
        "dccp": ["option": "Weir finds options of TCP and IPv4; match the bits: @th,128,8"],
        "rt": reasons([
            ("classid nexthop ip ip6", "a frame on the wire has no route; only 'rt mtu' is known, of the two ports"),
            ("ipsec", asksHost),
        ]),
    ]

    static let noSecurityMark = "frames have no security marks here"
    private static let hostsOwn = "a frame on the wire has none; use iifname and oifname for the ports"
    private static let noBridge = "there is no bridge device; use iifname and oifname for the ports"
    private static let asksHost = "it asks the host, which is not on the wire"

    private static func reasons(_ rows: [(words: String, reason: String)]) -> [String: String] {
        var reasons: [String: String] = [:]
        for (words, reason) in rows { for word in words.split(separator: " ") { reasons[String(word)] = reason } }
        return reasons
    }
}

extension Parser {
    /// Throws if an expression begins here that nft reads and this project doesn't.
    mutating func refuseUnsupportedExpression() throws(Abandoned) {
        guard current.kind == .word, let reason = Unsupported.expressions[current.text] else { return }
        throw fail(unsupported: current.location, "'\(current.text)' is not supported", note: reason)
    }
}
