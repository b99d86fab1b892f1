import Testing

extension UntimedLabTests.OracleTests {
    /// Rules with a verdict map have no counter: Weir's report tells how many frames ended in them too. Of concatenations with parts of
    /// less than an octet nft 1.0.6 can't list the elements.
    ///
    /// Concatenations, maps and marks: the kernel's hash and interval sets as oracle for Weir's.
    static let keyRuleSets: [RuleSet] = [
        RuleSet(
            description: "concatenations",
            rules: Weir.chain([
                "ip saddr . ip daddr { 10.77.0.1 . 10.77.0.2, 10.77.0.2 . 10.77.0.1 } counter",
                "ip saddr . ip daddr != { 10.77.0.1 . 10.77.0.2 } counter",
                "ip saddr . ip protocol { 10.77.0.0/24 . tcp, 10.77.0.1-10.77.0.9 . 17-20 } counter",
                "ip saddr & 255.255.0.0 . ip ttl { 10.77.0.0 . 64, 10.78.0.0 . 63 } counter",
                "meta l4proto . th dport { tcp . 80, udp . 53, udp . 9 } counter",
                "meta l4proto . th dport != { tcp . 1-1023, udp . 9 } counter",
                "ip6 saddr . ip6 nexthdr { fd77::/64 . 17, fd77::1 . icmpv6 } counter",
                "ether saddr . ether type { 02:77:00:00:00:01 . ip, 02:77:00:00:00:02 . arp } counter",
                "vlan id . ip saddr { 5 . 10.77.0.1, 6-9 . 10.77.0.0/16 } counter",
                "iifname . oifname { \"eth1\" . \"eth2\" } counter", "iifname . ip protocol { \"eth*\" . tcp } counter",
                "tcp dport . tcp flags { 80 . syn, 80 . ack } counter", "meta length . ip ttl { 0-60 . 64 } counter",
                "counter",
            ])),
        RuleSet(
            description: "maps, '*' and marks",
            rules: """
                table bridge filter {
                    set services {
                        type ipv4_addr . inet_service
                        flags interval
                        elements = { 10.77.0.1 . 50-100, 10.77.0.0/24 . 80, 10.77.0.0/16 . 9 }
                    }
                    set some {
                        type ipv4_addr
                        elements = { 10.77.0.7, * }
                    }
                    set codes {
                        type dscp
                        flags interval
                        elements = { cs0, 5-9 }
                    }
                    map marks {
                        type inet_proto : mark
                        elements = { tcp : 1, udp : 2, * : 3 }
                    }
                    map pairs {
                        typeof meta mark . ip saddr : verdict
                        flags interval
                        elements = { 1 . 10.77.0.1 : jump deep, 2 . 10.77.0.0/24 : continue, * : return }
                    }
                    chain deep {
                        meta mark set 0x10 counter
                    }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        ip daddr . tcp dport @services counter
                        ip daddr . udp dport != @services counter
                        ip daddr @some counter
                        ip dscp @codes counter
                        meta mark 0 counter
                        ip saddr != 10.99.0.1 meta mark set meta l4proto map @marks counter
                        meta mark 2-3 counter
                        meta mark & 1 == 1 counter
                        meta mark | 1 == 3 counter
                        meta mark ^ 1 { 2, 3 } counter
                        meta mark . ip saddr vmap @pairs
                        counter
                    }
                    chain late {
                        type filter hook forward priority 10; policy accept;
                        meta mark 0x10 counter
                        meta mark set udp dport map { 53 : 0x20, 1-52 : 0x30 } counter
                        meta mark 0x30 counter drop
                        ip saddr . udp sport vmap { 10.77.0.1 . 0-65535 : drop, * : accept }
                    }
                }

                """),
        RuleSet(
            description: "sets and maps that count",
            rules: """
                table bridge filter {
                    set hosts {
                        typeof ip saddr . ip daddr
                        counter
                        elements = { 10.77.0.1 . 10.77.0.2, 10.77.0.2 . 10.77.0.1 }
                    }
                    map protocols {
                        type inet_proto : verdict
                        counter
                        elements = { tcp : drop, udp : accept, * : continue }
                    }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        ip saddr . ip daddr @hosts counter
                        ip saddr . ip daddr != @hosts counter
                        ip protocol vmap @protocols
                        counter
                    }
                }

                """),
    ]

    @Test("concatenations, maps and marks: the same frames pass and the same rules count", arguments: keyRuleSets)
    func keys(_ keys: RuleSet) throws { try ruleSet(keys) }
}
