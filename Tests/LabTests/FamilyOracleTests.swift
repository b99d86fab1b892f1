import Foundation
import Testing

extension Lab {
    /// The bridge shows IPv4 and IPv6, untagged and behind a tag, to the hooks of `inet`, `ip` and `ip6`.
    func askPacketHooks() throws {
        try require(
            in: .fw,
            """
            sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 \
            net.bridge.bridge-nf-filter-vlan-tagged=1
            """)
    }
}

extension Requirements {
    /// br_netfilter is in the kernel.
    static let hasPacketHooks = FileManager.default.fileExists(atPath: "/proc/sys/net/bridge/bridge-nf-call-iptables")
}

extension UntimedLabTests {
    /// Tables of several families at several hooks, held against a bridge with br_netfilter. There the ports are seen on a bridge's
    /// own hooks alone; in the other families the kernel names the bridge, and Weir its ports.
    @Suite("families and hooks against br_netfilter", .enabled(if: Requirements.hasPacketHooks, "this kernel has no br_netfilter"))
    struct FamilyOracleTests {
        struct RuleSet: Sendable, CustomStringConvertible {
            let description: String
            let rules: String
        }

        private static func table(_ name: String, _ chains: [(hook: String, priority: String, rules: [String])]) -> String {
            let text = chains.enumerated().map { index, chain in
                """
                    chain c\(index) {
                        type filter hook \(chain.hook) priority \(chain.priority); policy accept;
                \(chain.rules.map { "        " + $0 }.joined(separator: "\n"))
                    }

                """
            }
            return "table \(name) {\n\(text.joined())}\n"
        }

        /// What is read of a frame in every family, counted and not decided upon.
        private static let census = [
            "counter", "meta length < 60 counter", "meta length >= 60 counter", "meta length 40-48 counter", "meta pkttype host counter",
            "meta pkttype other counter", "meta pkttype multicast counter", "meta pkttype broadcast counter", "meta protocol ip counter",
            "meta protocol ip6 counter", "meta l4proto tcp counter", "meta l4proto { udp, icmpv6 } counter", "tcp dport 80 counter",
            "udp dport 53 counter", "tcp flags syn counter", "th dport 53 counter", "ether saddr 02:77:00:00:00:01 counter",
            "ether daddr 02:77:00:00:00:01 counter", "ether type ip counter", "ether type vlan counter", "ether type 8021ad counter",
            "vlan id 5 counter", "vlan pcp 3 counter", "vlan type ip counter", "vlan id 5 tcp dport 80 counter",
            "@ll,0,48 0x027700000001 counter",
            "@ll,96,16 0x0800 counter", "@ll,128,16 0x0800 counter", "@nh,0,8 & 0xf0 == 0x40 counter", "@nh,160,16 40000 counter",
            "@th,0,16 40000 counter", "@nh,312,32 0 counter", "@nh,400,8 0-255 counter",
        ]

        private static let ofIPv4 = [
            "ip saddr 10.77.0.1 counter", "ip protocol tcp counter", "ip ttl 64 counter", "icmp type echo-request counter",
            "ip saddr 10.77.0.0/24 tcp dport 80 counter", "ip length < 50 counter", "vlan id 5 ip saddr 10.77.0.1 counter",
            "icmp type echo-request ip saddr 10.77.0.1 counter", "ip hdrlength > 5 counter",
        ]

        private static let ofIPv6 = [
            "ip6 saddr fd77::1 counter", "ip6 nexthdr tcp counter", "icmpv6 type echo-request counter", "ip6 hoplimit 64 counter",
            "ip6 saddr fd77::/64 tcp dport 80 counter", "vlan id 5 ip6 saddr fd77::1 counter",
        ]

        private static let ofBoth = [
            "meta nfproto ipv4 counter", "meta nfproto ipv6 counter", "meta nfproto { ipv4, ipv6 } counter", "meta nfproto != ipv4 counter",
            "ether saddr 02:77:00:00:00:01 ip saddr 10.77.0.1 counter", "ether type ip icmp type echo-request counter",
        ]

        static let ruleSets: [RuleSet] = [
            RuleSet(
                description: "what tables of IP read at each hook",
                rules: ["prerouting", "forward", "postrouting"].map { hook in
                    table("inet \(hook)", [(hook, "filter", census + ofIPv4 + ofIPv6 + ofBoth)])
                        + table("ip \(hook)", [(hook, "filter", census + ofIPv4)])
                        + table("ip6 \(hook)", [(hook, "filter", census + ofIPv6)])
                }.joined()),
            RuleSet(
                description: "what a bridge's hooks know of the ports",
                rules: table(
                    "bridge ports",
                    ["prerouting", "forward", "postrouting"].map { hook in
                        (
                            hook, "filter",
                            [
                                "iifname \"eth1\" counter", "iifname != \"eth1\" counter", "oifname \"eth1\" counter",
                                "oifname != \"eth1\" counter", "iif eth1 counter", "iif != eth1 counter", "oif eth1 counter",
                                "oif != eth1 counter", "iifname { \"eth1\", \"eth2\" } counter", "oifname { \"eth1\", \"eth2\" } counter",
                                "iifname != { \"eth1\", \"eth2\" } counter", "oifname \"eth*\" counter", "iifname \"eth*\" counter",
                                "iifname vmap { \"eth1\" : continue } counter", "oifname vmap { \"eth1\" : continue } counter",
                                "tcp dport 80 counter", "meta pkttype other counter", "counter",
                            ]
                        )
                    })),
            RuleSet(
                description: "chains of all families by hook and priority, each of which takes some frames away",
                rules: table(
                    "bridge b",
                    [
                        ("prerouting", "dstnat", ["tcp dport 443 counter drop", "counter"]),
                        ("prerouting", "0", ["udp sport 53 counter drop", "counter"]),
                        ("prerouting", "1", ["ip saddr 192.168.7.1 counter drop", "counter"]),
                        ("forward", "-1", ["tcp dport 8080 counter drop", "counter"]),
                        ("forward", "0", ["udp sport 5353 counter drop", "counter"]),
                        ("forward", "1", ["tcp dport 23 counter drop", "counter"]),
                        ("postrouting", "srcnat", ["meta protocol arp counter drop", "counter"]),
                        ("postrouting", "2147483647", ["udp dport 65535 counter drop", "counter"]),
                    ])
                    + table(
                        "inet i",
                        [
                            ("prerouting", "raw", ["tcp dport 443 counter drop", "udp sport 53 counter drop", "counter"]),
                            ("prerouting", "300", ["icmp type echo-reply counter drop", "ip saddr 192.168.7.1 counter", "counter"]),
                            ("forward", "filter", ["tcp dport 22 counter drop", "tcp dport 8080 counter drop", "counter"]),
                            ("postrouting", "srcnat", ["udp dport 65535 counter drop", "counter"]),
                        ])
                    + table(
                        "ip v4",
                        [
                            ("prerouting", "security", ["icmp type echo-request counter drop", "counter"]),
                            ("forward", "-2147483648", ["udp dport 5353 counter", "tcp dport 23 counter", "counter"]),
                            ("postrouting", "srcnat + 1", ["udp dport 65535 counter", "ip saddr 10.77.0.9 counter drop", "counter"]),
                        ])
                    + table(
                        "ip6 v6",
                        [
                            ("prerouting", "mangle", ["icmpv6 type echo-request counter accept", "counter"]),
                            ("forward", "security", ["icmpv6 type { echo-request, echo-reply } counter drop", "counter"]),
                            ("postrouting", "raw", ["tcp dport 80 counter drop", "counter"]),
                        ])),
            RuleSet(
                description: "equal priorities: the chain that was added last comes first, in whichever family",
                rules: table("inet a", [("forward", "5", ["tcp dport 80 counter drop", "counter"])])
                    + table("ip a", [("forward", "5", ["tcp dport 80 counter drop", "udp dport 53 counter drop", "counter"])])
                    + table("inet b", [("forward", "5", ["udp dport 53 counter drop", "counter"]), ("forward", "5", ["counter"])])
                    + table("ip6 a", [("forward", "5", ["tcp dport 80 counter drop", "counter"])])
                    + table("bridge a", [("prerouting", "5", ["counter", "udp dport 53 ip saddr 10.77.0.1 counter drop"])])
                    + table("bridge b", [("prerouting", "5", ["counter", "udp dport 53 counter drop"])])),
            RuleSet(
                description: "policies and jumps, host chains and a table made anew",
                rules:
                    """
                    table inet edge
                    delete table inet edge
                    define early = "mangle - 5"
                    define otherwise = "drop"
                    table inet edge {
                        set hosts {
                            type ipv4_addr
                            flags interval
                            elements = { 10.77.0.0/24 }
                        }
                        chain services {
                            tcp dport { 22, 80 } counter accept
                            meta nfproto ipv6 counter return
                            counter drop
                        }
                        chain early {
                            type filter hook prerouting priority $early; policy accept;
                            meta l4proto tcp counter jump services
                            ip saddr @hosts counter
                        }
                        chain input {
                            type filter hook input priority 0; policy drop;
                            counter
                        }
                        chain late {
                            type filter hook postrouting priority srcnat; policy $otherwise;
                            counter meta nfproto vmap { ipv4 : continue, ipv6 : accept }
                            meta l4proto tcp counter goto services
                            udp dport 53 counter accept
                        }
                    }
                    table bridge edge {
                        chain forward {
                            type filter hook forward priority filter; policy accept;
                            ip6 saddr fd77::1 counter drop
                            counter
                        }
                    }

                    """),
        ]

        @Test("the same frames pass and the same rules count", arguments: ruleSets)
        func ruleSet(_ ruleSet: RuleSet) throws {
            let oracle = OracleTests()
            let directory = try oracle.temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: directory) }
            let file = directory.appending(path: "families.nft")
            try ruleSet.rules.write(to: file, atomically: true, encoding: .utf8)
            try oracle.compare(file, Corpus.frames(), asksPacketHooks: true)
        }

        static let differences: [OracleTests.Difference] =
            !Requirements.hasPacketHooks
            ? []
            : [
                OracleTests.Difference(
                    description: "br_netfilter drops what has a wrong IPv4 checksum; a wire leaves that to the receiver",
                    frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', chksum=0x1234)/UDP(dport=9)/data(30)",
                    file: table("inet t", [("forward", "0", [])]), asksPacketHooks: true, passesBridge: false, passesWeir: true),
                OracleTests.Difference(
                    description: "tables of IP see Weir's ports, and on a Linux bridge the bridge",
                    frame: "near/near4/UDP(dport=9)/data(30)", file: table("inet t", [("forward", "0", ["iifname \"eth1\" drop"])]),
                    asksPacketHooks: true, passesBridge: true, passesWeir: false),
            ]
    }
}
