import FrameBuilder
import Ruleset

/// Rule files whose rules meet each other, and the packets that come by: both draw from the same few values.
struct RandomRules {
    var random: SeededGenerator

    static let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.128", "10.0.1.0", "192.0.2.7"]
    static let addresses6 = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "fe80::1"]
    static let services = [22, 23, 53, 80, 443, 1023, 1024]

    /// The parts of a file, which edits change.
    struct File {
        var family: String
        var policy: String
        var early: [String]
        var chains: [[String]]
        var rules: [String]
        var last: [String]

        var text: String {
            var text = "table \(family) t {\nset s { type ipv4_addr; flags interval; elements = { 10.0.0.0/25, 192.0.2.7 } }\n"
            text += "set k { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 22, 10.0.0.2 . 80 } }\n"
            for (index, chain) in chains.enumerated().reversed() {
                text += "chain c\(index) {\n\(chain.joined(separator: "\n"))\n}\n"
            }
            if !early.isEmpty {
                text += "chain early {\ntype filter hook prerouting priority -300; policy accept;\n\(early.joined(separator: "\n"))\n}\n"
            }
            text += "chain f {\ntype filter hook forward priority 0; policy \(policy);\n\(rules.joined(separator: "\n"))\n}\n"
            if !last.isEmpty {
                text += "chain p {\ntype filter hook postrouting priority 0; policy accept;\n\(last.joined(separator: "\n"))\n}\n"
            }
            return text + "}\n"
        }
    }

    mutating func file() -> File {
        let family = random.pick(["bridge", "bridge", "inet", "ip", "ip6"])
        let depth = random.pick([0, 0, 1, 2])
        let chains = (0..<depth).map { index in
            rules(family, to: (index + 1..<depth).map { "c\($0)" }, count: random.pick([1, 2, 3]))
        }
        let names = (0..<depth).map { "c\($0)" }
        return File(
            family: family, policy: random.pick(["accept", "drop"]), early: random.oneIn(4) ? rules(family, to: [], count: 2) : [],
            chains: chains, rules: rules(family, to: names, count: random.pick([1, 3, 6])),
            last: random.oneIn(4) ? rules(family, to: [], count: 2) : [])
    }

    /// One to three edits of a copy.
    mutating func edited(_ file: File) -> File {
        var file = file
        for _ in 0..<random.pick([1, 1, 2, 3]) {
            let names = file.chains.indices.map { "c\($0)" }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: file.policy = file.policy == "drop" ? "accept" : "drop"
            case 1 where !file.rules.isEmpty: file.rules.remove(at: Int.random(in: 0..<file.rules.count, using: &random))
            case 2 where file.rules.count > 1:
                file.rules.swapAt(
                    Int.random(in: 0..<file.rules.count, using: &random), Int.random(in: 0..<file.rules.count, using: &random))
            case 3 where !file.chains.isEmpty:
                let index = Int.random(in: 0..<file.chains.count, using: &random)
                file.chains[index].append(contentsOf: rules(file.family, to: [], count: 1))
            default:
                let place = Int.random(in: 0...file.rules.count, using: &random)
                file.rules.insert(contentsOf: rules(file.family, to: names, count: 1), at: place)
            }
        }
        return file
    }

    private mutating func rules(_ family: String, to chains: [String], count: Int) -> [String] {
        (0..<count).map { _ in rule(family, to: chains) }
    }

    private mutating func rule(_ family: String, to chains: [String]) -> String {
        var parts: [String] = []
        if random.oneIn(5) {
            parts.append(random.pick(["iifname \"eth1\"", "oifname \"eth1\"", "iifname \"eth*\"", "iifname != \"eth2\""]))
        }
        if random.oneIn(6) { parts.append(random.pick(["meta mark 1", "meta mark != 0", "meta mark & 2 == 2"])) }
        if random.oneIn(5) {
            parts.append(random.pick(["ct state new", "ct state established,related", "ct state invalid", "ct state != new"]))
        }
        let network =
            family == "ip" ? "ip" : family == "ip6" ? "ip6" : random.pick(["", "ip", "ip", "ip6", family == "bridge" ? "arp" : ""])
        if network == "arp" { parts.append("arp operation \(random.pick(["request", "reply"]))") }
        if network == "ip" || network == "ip6" { parts += addressMatches(network) }
        if family == "bridge", network.isEmpty, random.oneIn(4) {
            parts.append(random.pick(["vlan id 5", "vlan id != 5", "ether type arp", "ether type 8021q", "ether saddr 02:00:00:00:00:01"]))
        } else if network != "arp" {
            parts += transportMatches(network)
        }
        if random.oneIn(8) { parts.append("limit rate \(random.pick(["1", "2"]))/second") }
        if random.oneIn(8) { parts.append(random.pick(["meta mark set 1", "meta mark set 2", "ct mark set 1", "notrack"])) }
        if network == "ip", random.oneIn(8) { parts.append("ip dscp set 8") }
        return
            (parts + [
                verdict(
                    to: chains,
                    mayMap: !parts.contains {
                        $0.hasPrefix("icmp") || $0.hasPrefix("arp") || $0.hasPrefix("ether type") || $0.contains("udp") || $0.contains("!=")
                    })
            ])
            .joined(separator: " ")
    }

    private mutating func addressMatches(_ network: String) -> [String] {
        var parts: [String] = []
        let all = network == "ip" ? Self.addresses : Self.addresses6
        for end in ["saddr", "daddr"] where random.oneIn(2) {
            let one = random.pick(all)
            let values =
                network == "ip"
                ? [one, "10.0.0.0/24", "10.0.0.1-10.0.0.128", "{ \(one), 10.0.1.0/24 }", "!= \(one)", "@s", "& 255.255.0.255 == 10.0.0.1"]
                : [one, "2001:db8::/64", "{ \(one), fe80::/10 }", "!= \(one)"]
            let value = random.pick(values)
            parts.append("\(network) \(end) \(value)")
        }
        if network == "ip", random.oneIn(6) { parts.append(random.pick(["ip dscp 8", "ip dscp != 0", "ip frag-off & 0x1fff != 0"])) }
        return parts
    }

    private mutating func transportMatches(_ network: String) -> [String] {
        let port = "\(random.pick(Self.services))"
        let values = [port, "1-1023", "{ 22, \(port) }", "!= \(port)", "> 1023"]
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1: return ["tcp dport \(random.pick(values))"]
        case 2: return ["tcp flags \(random.pick(["syn", "& (syn | ack) == syn", "& (fin | syn | rst | ack) != syn"]))"]
        case 3: return ["udp dport \(random.pick(values))"]
        case 4: return ["meta l4proto { tcp, udp } th dport \(random.pick(values))"]
        case 5 where network == "ip":
            return ["icmp type \(random.pick(["echo-request", "{ echo-reply, echo-request }", "!= echo-request"]))"]
        case 6: return ["meta l4proto \(random.pick(["tcp", "!= udp", "{ tcp, udp, icmp }"]))"]
        case 7 where network == "ip":
            return [random.pick(["ip saddr . tcp dport @k", "ip daddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 1-1023 }"])]
        case 8 where network == "ip": return [random.pick(["ip saddr . tcp dport != @k", "ip protocol != tcp"])]
        default: return []
        }
    }

    private mutating func verdict(to chains: [String], mayMap: Bool) -> String {
        if !chains.isEmpty, random.oneIn(2) {
            return random.pick(["jump \(random.pick(chains))", "goto \(random.pick(chains))", "jump \(random.pick(chains))"])
        }
        if mayMap, random.oneIn(8) {
            let chain = chains.isEmpty ? "drop" : "jump \(chains[0])"
            return random.pick([
                "tcp dport vmap { 22 : accept, 80 : drop, 1024-65535 : \(chain) }", "meta l4proto vmap { tcp : accept, udp : \(chain) }",
            ])
        }
        if random.oneIn(10) { return "" }
        return random.pick(["accept", "drop", "return", "accept", "drop"])
    }

    // MARK: Packets

    /// In the words of `weir help packets`.
    mutating func packet() -> String {
        var text = random.pick(["eth1: ", "eth2: "])
        if random.oneIn(8) { text += "vlan \(random.pick([5, 6])) " }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return text + "arp \(random.pick(["request", "reply"])) who-has 10.0.0.2 tell 10.0.0.1"
        case 1...5:
            text += "ip \(random.pick(Self.addresses)) > \(random.pick(Self.addresses))"
            if random.oneIn(4) { text += " dscp 8" }
            if random.oneIn(5) { return text + " icmp \(random.pick(["echo-request", "echo-reply"]))" }
            if random.oneIn(10) { return text + " proto \(random.pick([6, 17, 200])) payload \(random.pick([0, 3, 5]))" }
        default: text += "ip6 \(random.pick(Self.addresses6)) > \(random.pick(Self.addresses6))"
        }
        let ports = "\(random.pick(Self.services)) > \(random.pick(Self.services + [0, 65_535, 2_000]))"
        return text + (random.oneIn(2) ? " tcp \(ports) \(random.pick(["syn", "ack", "syn,ack", "fin,ack"]))" : " udp \(ports)")
    }
}
