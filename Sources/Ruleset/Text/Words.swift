/// nft's words and how near a misspelt one is to them.
package enum Words {
    /// Keywords that nft's grammar does not take as a name of a table, a chain or a comment without quotes.
    static let reserved: Set<String> = Set(
        """
        accept add ah all and arp auto-merge bridge cgroup chain comment comp constant continue counter cpu create ct day dccp define
        delete describe destroy device devices dnat drop dst dup dynamic ecn element elements eq esp ether exists expires export exthdr fib
        flags flow flowtable flush frag fwd gc-interval ge geneve get goto gre gretap gt handle hbh hook hour ibriport ibrname icmp icmpv6 igmp iif
        iifgroup iifname iiftype import include index inet insert interval ip ip6 ipsec jhash jump le limit list log lshift lt map
        mark masquerade meta meter mh missing monitor ne netdev nftrace not notrack numgen obriport obrname offload oif oifgroup
        oifname oiftype or osf pkttype policy position priority queue quota random redefine redirect reject rename replace reset
        return rshift rt rt0 rt2 rtclassid rule ruleset sctp secmark set size skgid skuid snat socket srh symhash synproxy table tcp
        th time timeout tproxy tunnel type typeof udp udplite undefine update vlan vmap vni vxlan xor xt
        """.split { $0 == " " || $0 == "\n" }.map(String.init))

    /// Reserved words that are nevertheless taken as a value.
    static let values: Set<String> = ["arp", "destroy", "dnat", "ecn", "ether", "ip", "ip6", "reset", "snat", "vlan"]

    /// Reserved words that are taken where a protocol number stands.
    static let protocols: Set<String> = ["ah", "comp", "dccp", "esp", "gre", "icmp", "icmpv6", "igmp", "sctp", "tcp", "udp", "udplite"]

    /// The most similar of the candidates, if one is similar enough to have been meant. Of several the one that begins alike:
    /// a first letter is seldom mistyped.
    package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let typed = Array(word.lowercased().utf8)
        guard (1...32).contains(typed.count) else { return nil }
        let allowed = max(1, typed.count / 3)
        var best: (rank: Int, word: String)?
        for candidate in candidates {
            let other = Array(candidate.utf8)
            guard abs(other.count - typed.count) <= allowed else { continue }
            let distance = distance(typed, other)
            let rank = distance * 2 + (other.first == typed.first ? 0 : 1)
            if distance <= allowed, rank < best?.rank ?? .max { best = (rank, candidate) }
        }
        return best?.word
    }

    /// Damerau's distance in its restricted form: insertions, deletions, substitutions and swaps of neighbours.
    private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for i in first.indices {
            var row = [i + 1]
            for j in second.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (first[i] == second[j] ? 0 : 1))
                if i > 0, j > 0, first[i] == second[j - 1], first[i - 1] == second[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[second.count]
    }

    /// `did you mean 'x'? accepted: …`, as far as there is something to say.
    package static func advice(for word: String, accepted: [String]) -> String {
        let list = "accepted: " + accepted.joined(separator: ", ")
        guard let near = nearest(to: word, among: accepted) else { return list }
        return "did you mean '\(near)'? \(list)"
    }
}
