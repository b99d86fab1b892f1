import FrameBuilder
import Ruleset

/// Files in nft's language with every kind of statement, set and chain. Each feature is an entry of a table.
///
/// What nft lists otherwise than it was written is left to the table of differences: fields behind sets of protocols, masks of fields
/// that are no whole octets, neighbouring equalities, flags in combination in sets, the highest number of such a field in a set.
struct RandomFiles {
    var random: SeededGenerator
    /// Of the table that is being made.
    var family = Family.bridge

    init(random: SeededGenerator) { self.random = random }

    /// What a field's constants look like: two that sort, or more.
    struct Kind {
        var words: String
        /// In rising order, so that ranges are made of any two.
        var values: [String]
        var hasRanges = true
        var hasMasks = false
        /// The type of sets that hold it.
        var type: String?
    }

    private static let ports = ["0", "22", "80", "1023", "1024", "8080", "65535"]
    private static let addresses = ["0.0.0.1", "10.0.0.0", "10.0.0.255", "10.1.0.0", "192.0.2.7", "255.255.255.255"]
    private static let addresses6 = ["::1", "2001:db8::", "2001:db8::ffff", "fd77::1:2", "fe80::1", "ff02::1"]

    static let kinds: [Kind] = [
        Kind(words: "tcp dport", values: ports, hasMasks: true, type: "inet_service"),
        Kind(words: "udp sport", values: ports, hasMasks: true, type: "inet_service"),
        Kind(words: "th dport", values: ports, type: "inet_service"),
        Kind(words: "sctp dport", values: ports),
        Kind(words: "udplite sport", values: ports),
        Kind(words: "ip saddr", values: addresses, type: "ipv4_addr"),
        Kind(words: "ip daddr", values: addresses, type: "ipv4_addr"),
        Kind(words: "ip6 saddr", values: addresses6, type: "ipv6_addr"),
        Kind(words: "ip6 daddr", values: addresses6, type: "ipv6_addr"),
        Kind(words: "ether saddr", values: ["00:00:00:00:00:01", "02:00:5e:10:00:00", "02:00:5e:10:00:ff"], type: "ether_addr"),
        Kind(words: "ether type", values: ["ip", "arp", "0x1234", "8021q", "ip6", "0x88cc"], hasRanges: false, type: "ether_type"),
        Kind(words: "meta protocol", values: ["ip", "arp", "8021q", "ip6", "8021ad", "0x88cc"], hasRanges: false, type: "ether_type"),
        Kind(words: "meta l4proto", values: ["icmp", "tcp", "udp", "esp", "ipv6-icmp", "200"], hasRanges: false, type: "inet_proto"),
        Kind(words: "ip protocol", values: ["0", "6", "17", "132", "200"], type: "inet_proto"),
        Kind(words: "ip6 nexthdr", values: ["0", "6", "17", "58", "59"], type: "inet_proto"),
        Kind(words: "vlan id", values: ["0", "5", "7", "4094"]),
        Kind(words: "vlan pcp", values: ["0", "3", "7"]),
        Kind(words: "arp operation", values: ["1", "2", "9", "77"], type: "arp_op"),
        Kind(words: "arp saddr ip", values: addresses, type: "ipv4_addr"),
        Kind(words: "ip ttl", values: ["0", "1", "64", "255"], hasMasks: true),
        Kind(words: "ip dscp", values: ["cs0", "5", "af11", "ef", "cs7"], hasRanges: false),
        Kind(words: "ip length", values: ["20", "40", "1500", "65535"], hasMasks: true),
        Kind(words: "ip frag-off", values: ["0", "1", "8192", "16384"], hasMasks: true),
        Kind(words: "ip6 hoplimit", values: ["0", "64", "255"]),
        Kind(words: "icmp type", values: ["0", "3", "8", "13", "200"], type: "icmp_type"),
        Kind(words: "icmpv6 type", values: ["1", "128", "135", "200"], type: "icmpv6_type"),
        Kind(words: "icmp code", values: ["0", "1", "13", "99"], hasRanges: false),
        Kind(words: "tcp flags", values: ["0x1", "0x2", "0x10"], hasRanges: false, type: "tcp_flag"),
        Kind(words: "tcp window", values: ["0", "1", "65535"], hasMasks: true),
        Kind(words: "tcp sequence", values: ["0", "7", "4294967295"]),
        Kind(words: "meta length", values: ["0", "60", "1500", "70000"]),
        Kind(words: "meta pkttype", values: ["host", "broadcast", "multicast", "other"], hasRanges: false),
        Kind(words: "iifname", values: ["\"lo\"", "\"eth1\"", "\"a-b\"", "\"eth1.5\""], hasRanges: false, type: "ifname"),
        Kind(words: "oifname", values: ["\"lo\"", "\"eth1\"", "\"x*\""], hasRanges: false),
        Kind(words: "ct state", values: ["new", "established", "related", "invalid", "untracked"], hasRanges: false, type: "ct_state"),
        Kind(words: "ct status", values: ["assured", "seen-reply", "confirmed", "dying"], hasRanges: false, type: "ct_status"),
        Kind(words: "ct direction", values: ["original", "reply"], hasRanges: false, type: "ct_dir"),
        Kind(words: "ct mark", values: ["0", "1", "16", "4294967295"], hasRanges: false, hasMasks: true, type: "mark"),
        Kind(words: "ct original ip saddr", values: addresses),
        Kind(words: "ct reply bytes", values: ["0", "5", "1000", "1099511627776"]),
        Kind(words: "ct expiration", values: ["1s", "30s", "2m", "1h"], type: "time"),
        Kind(words: "@nh,72,8", values: ["1", "6", "17"]),
        Kind(words: "@th,32,32", values: ["1", "65536", "4294967295"]),
    ]

    /// Those that tables of the family have by themselves; what would need a match in front of it in some families has a listing of its
    /// own there.
    static func kinds(in family: Family) -> [Kind] {
        let others: [String] =
            switch family {
            case .bridge: ["ct "]
            case .inet: ["ether", "vlan", "arp", "meta protocol", "@nh"]
            case .ip: ["ether", "vlan", "arp", "ip6", "icmpv6", "meta protocol", "@nh"]
            case .ip6: ["ether", "vlan", "arp", "ip ", "icmp ", "meta protocol", "@nh", "ct original"]
            case .arp, .netdev: ["ether", "vlan", "ip", "icmp", "meta", "th ", "tcp", "udp", "sctp", "@th", "@nh", "ct "]
            }
        return kinds.filter { kind in !others.contains { kind.words.hasPrefix($0) } }
    }

    private typealias Feature = @Sendable (inout RandomFiles, Kind) -> String?

    /// Forms of a match, each by itself.
    private static let matches: [Feature] = [
        { "\($1.words) \($0.random.pick($1.values))" },
        { "\($1.words) != \($0.random.pick($1.values))" },
        { files, kind in kind.hasRanges ? "\(kind.words) \(files.random.pick(["", "!= "]))\(files.range(of: kind))" : nil },
        { files, kind in
            // The first and the last number have orders that nothing fulfils.
            guard kind.hasRanges, kind.values.count > 2 else { return nil }
            return "\(kind.words) \(files.random.pick(["<", "<=", ">", ">="])) \(kind.values[1])"
        },
        { files, kind in
            let values = kind.values.filter { !$0.contains("*") }.shuffled(using: &files.random)
            guard values.count > 1 else { return nil }
            let count = Int.random(in: 2...values.count, using: &files.random)
            return "\(kind.words) \(files.random.pick(["", "!= "])){ \(values.prefix(count).joined(separator: ", ")) }"
        },
        { files, kind in
            guard kind.hasRanges, let first = kind.values.first, let last = kind.values.last else { return nil }
            let middle = kind.values.dropFirst().dropLast().randomElement(using: &files.random) ?? last
            return "\(kind.words) { \(last), \(first)\(middle == last ? "" : ", \(middle)-\(middle)") }"
        },
        { files, kind in kind.hasMasks ? "\(kind.words) & 0xf0 \(files.random.pick(["==", "!="])) 0x10" : nil },
        { files, kind in
            guard kind.words.hasPrefix("ip saddr") || kind.words.hasPrefix("ip daddr") else { return nil }
            return "\(kind.words) 10.\(Int.random(in: 0...255, using: &files.random)).0.0/\(Int.random(in: 1...32, using: &files.random))"
        },
        { files, kind in
            guard kind.words == "tcp flags" else { return nil }
            return files.random.pick([
                "tcp flags syn,ack", "tcp flags ! fin,rst", "tcp flags syn / syn,ack", "tcp flags & (syn | ack) == syn | ack",
                "tcp flags == syn | ack",
            ])
        },
    ]

    /// What may stand behind a rule's matches.
    private static let endings = [
        "", "counter", "accept", "counter drop", "counter packets 3 bytes 200 return", "continue", "jump one", "counter goto two",
        "accept comment \"why not\"", "counter comment \"a \\ b\"",
    ]

    private mutating func range(of kind: Kind) -> String {
        let low = Int.random(in: 0..<kind.values.count - 1, using: &random)
        let high = Int.random(in: low + 1..<kind.values.count, using: &random)
        return "\(kind.values[low])-\(kind.values[high])"
    }

    private mutating func match(of kind: Kind) -> String {
        while true {
            if let match = Self.matches[Int.random(in: 0..<Self.matches.count, using: &random)](&self, kind) { return match }
        }
    }

    private mutating func verdictMap(of kind: Kind) -> String {
        let verdicts = ["accept", "drop", "return", "continue", "jump one", "goto two"]
        let values = kind.values.filter { !$0.contains("*") }
        return "{ " + values.map { "\($0) : \(random.pick(verdicts))" }.joined(separator: ", ") + " }"
    }

    /// A set or a map with its elements, and the rule that uses it.
    private mutating func namedSet(_ name: String) -> (declaration: String, use: String) {
        let kind = random.pick(Self.kinds(in: family).filter { $0.type != nil })
        let type = random.oneIn(2) ? "type \(kind.type ?? "")" : "typeof \(kind.words)"
        let comment = random.oneIn(3) ? "comment \"of \(name)\"\n" : ""
        if random.oneIn(3) {
            return ("map \(name) {\n\(type) : verdict\n\(comment)elements = \(verdictMap(of: kind))\n}\n", "\(kind.words) vmap @\(name)")
        }
        let values = kind.values.shuffled(using: &random)
        let use = "\(kind.words) \(random.pick(["", "!= "]))@\(name)"
        guard kind.hasRanges, random.oneIn(2) else {
            return ("set \(name) {\n\(type)\n\(comment)elements = { \(values.joined(separator: ", ")) }\n}\n", use)
        }
        let merges = random.oneIn(2)
        let elements = merges ? [range(of: kind), range(of: kind), values[0]] : [range(of: kind)]
        return (
            "set \(name) {\n\(type)\nflags interval\n\(merges ? "auto-merge\n" : "")\(comment)elements = { "
                + "\(elements.joined(separator: ", ")) }\n}\n", use
        )
    }

    private mutating func rule(_ uses: [String]) -> String {
        let kind = random.pick(Self.kinds(in: family))
        let condition =
            switch Int.random(in: 0..<12, using: &random) {
            case 0: uses.isEmpty ? match(of: kind) : random.pick(uses)
            case 1: "\(kind.words) vmap \(verdictMap(of: kind))"
            case 2: "iifname \"eth1\" \(match(of: kind))"
            case 3...5: statement()
            default: match(of: kind)
            }
        let ending = condition.contains("vmap") ? "" : random.pick(Self.endings)
        return "\(condition) \(ending)\n"
    }

    mutating func file() -> String {
        var text = ""
        for table in 0..<2 {
            family = random.oneIn(3) ? .bridge : random.pick(Family.allCases)
            let sets = (0..<4).map { namedSet("s\($0)") } + (0..<4).compactMap { keyedSet("k\($0)") }
            let uses = sets.map(\.use)
            text += "table \(family) t\(table) {\n" + Self.objects + sets.map(\.declaration).joined()
            for chain in ["two", "one"] {
                // Only `two` stands behind `one`.
                let rules = (0..<6).map { _ in rule([]).replacing("jump one", with: "return").replacing("goto two", with: "drop") }
                text += "chain \(chain) {\n\(rules.joined())}\n"
            }
            for (index, priority) in ["filter", "-5", "filter + 7"].enumerated() {
                let hook = random.pick(family.hooks)
                text += "chain base\(index) {\ntype filter hook \(hook) priority \(priority); policy \(random.pick(["accept", "drop"]));\n"
                text += (0..<25).map { _ in rule(uses) }.joined() + "}\n"
            }
            text += "}\n"
        }
        return text
    }
}
