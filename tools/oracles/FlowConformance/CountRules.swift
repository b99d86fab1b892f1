import FrameBuilder

/// Random rules with `ct count`, of which each that matches leaves a bit in the packet's DSCP; so each packet that comes out says which
/// did, and counters say it of those that don't.
///
/// There is room for no more connections than such rules note down (N + 1), unless a rule drops those beyond: what a rule does not note
/// comes in later in Weir, and at once in the kernel.
struct CountRules {
    /// Connections that there can be at a time in all.
    static let connections = 9

    let text: String
    /// For people.
    let rules: [String]

    /// - Parameter countsFirstPackets: The rules see no others of a connection.
    init(isIPv6: Bool, countsFirstPackets: Bool, random: inout SeededGenerator) {
        let family = isIPv6 ? "ip6" : "ip"
        var sets: [String] = []
        rules = (0..<4).map { number in
            let match =
                countsFirstPackets
                ? random.pick(["", "meta l4proto udp "]) + "ct status & confirmed == 0 "
                : random.pick(["", "", "ct state new ", "ct state established ", "ct direction original ", "meta l4proto udp "])
            let drops = random.oneIn(2)
            let limit =
                drops ? Int.random(in: 0...5, using: &random) : Int.random(in: Self.connections - 1...Self.connections, using: &random)
            var count = "ct count over \(limit)"
            if !drops, random.oneIn(2) { count = "ct count \(limit)" }
            if random.oneIn(2) {
                sets.append("    set s\(number) { type \(isIPv6 ? "ipv6_addr" : "ipv4_addr"); size 64; flags dynamic; }\n")
                count = "add @s\(number) { \(family) \(random.pick(["saddr", "daddr"])) \(count) }"
            }
            return "\(match)\(count) counter \(drops ? "drop" : "meta mark set meta mark | \(1 << number)")"
        }
        let marks = (1..<16).map { "meta mark \($0) \(family) dscp set \($0)" }
        text = """
            table inet counts {
            \(sets.joined())    chain judge {
                    type filter hook forward priority 0; policy accept;
            \((rules + marks).map { "        " + $0 }.joined(separator: "\n"))
                }
            }

            """
    }
}
