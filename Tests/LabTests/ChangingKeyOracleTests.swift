import Foundation
import Testing

extension UntimedLabTests.OracleTests {
    /// Sets of concatenations and maps that rules change, maps to objects, and what elements have of their own: the kernel's hash sets
    /// as oracle for Weir's.
    static let changingKeySets: [RuleSet] = [
        RuleSet(
            description: "sets of several fields that rules change",
            rules: """
                table bridge filter {
                    set flows {
                        type ipv4_addr . inet_service
                        size 1000
                        flags dynamic,timeout
                        timeout 1h
                        elements = { 10.77.0.1 . 80, 10.77.0.2 . 53 timeout 2h }
                    }
                    set few {
                        typeof ether saddr . ip daddr . ip protocol
                        size 3
                        flags dynamic
                    }
                    set wide {
                        typeof ip6 saddr . ip6 daddr . ip6 nexthdr . ip6 hoplimit
                        size 1000
                        flags dynamic
                    }
                    set points {
                        typeof ip dscp . ip saddr
                        flags dynamic
                        size 100
                        limit rate 1/day burst 2 packets
                    }
                    set learned {
                        typeof ether saddr . iifname
                        size 100
                        flags dynamic
                        elements = { 02:77:00:00:00:01 . "elsewhere" }
                    }
                    set own {
                        type ipv4_addr
                        size 100
                        flags dynamic
                        limit rate 1/day burst 2 packets
                        elements = { 10.77.0.1 limit rate 1/day burst 4 packets, 10.77.0.2 }
                    }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        ip daddr . tcp dport @flows counter
                        ip daddr . udp dport != @flows counter
                        update @flows { ip daddr . tcp dport } counter
                        add @flows { ip daddr . udp dport timeout 1h limit rate 1/day burst 2 packets } counter
                        ip daddr . udp dport @flows counter
                        add @few { ether saddr . ip daddr . ip protocol } counter
                        ether saddr . ip daddr . ip protocol @few counter
                        add @wide { ip6 saddr & ffff:: . ip6 daddr . ip6 nexthdr . ip6 hoplimit } counter
                        ip6 saddr & ffff:: . ip6 daddr . ip6 nexthdr . ip6 hoplimit @wide counter
                        add @points { ip dscp . ip saddr } counter
                        ether saddr . iifname @learned counter
                        add @learned { ether saddr . iifname } counter
                        delete @flows { ip daddr . tcp sport } counter
                        ip saddr @own counter
                        meter rates size 5 { ip saddr . ip daddr . ip protocol limit rate over 1/day burst 3 packets } counter
                        meter sizes { ether saddr . iifname quota over 500 bytes } counter drop
                        counter
                    }
                }

                """),
        RuleSet(
            description: "maps that rules change",
            rules: """
                table bridge filter {
                    map marks {
                        type ipv4_addr : mark
                        size 1000
                        flags dynamic,timeout
                        timeout 1h
                        elements = { 10.77.0.1 : 7, 10.77.0.2 timeout 2h : 8 }
                    }
                    map flows {
                        type ipv4_addr . inet_service : mark
                        size 4
                        flags dynamic
                    }
                    map limited {
                        type inet_proto : mark
                        size 10
                        flags dynamic
                        limit rate 1/day burst 2 packets
                        elements = { tcp : 1, udp limit rate 1/day burst 3 packets : 2 }
                    }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        meta mark set ip saddr map @marks counter
                        meta mark 7 counter
                        meta mark 8 counter
                        update @marks { ip daddr : 0x10 } counter
                        meta mark set ip daddr map @marks counter
                        meta mark 0x10 counter
                        add @flows { ip saddr . udp dport : meta mark | 1 } counter
                        meta mark set ip saddr . udp dport map @flows counter
                        meta mark 0x11 counter
                        delete @flows { ip daddr . udp sport : 1 } counter
                        meta mark set ip protocol map @limited counter
                        meta mark 2 counter drop
                        counter
                    }
                }

                """),
        RuleSet(
            description: "maps to objects",
            rules: """
                table bridge filter {
                    counter first {
                        packets 3 bytes 9
                    }
                    counter second { }
                    quota some {
                        over 300 bytes
                    }
                    limit few {
                        rate 1/day burst 3 packets
                    }
                    map counters {
                        type ipv4_addr : counter
                        elements = { 10.77.0.1 : "first", 10.77.0.2 : "second" }
                    }
                    map quotas {
                        type ipv4_addr . inet_proto : quota
                        flags interval
                        elements = { 10.77.0.0/24 . udp : "some" }
                    }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        counter name ip saddr map @counters counter
                        counter name ip protocol map { udp : "second", 6-7 : "first" } counter
                        quota name ip saddr . ip protocol map @quotas counter
                        limit name ip protocol map { udp : "few", tcp : "few" } counter
                        limit name iifname map { "eth1" : "few" } counter
                        counter name ether type map { arp : "first", * : "second" } counter
                        counter
                    }
                }

                """),
    ]

    @Test("keys of several fields, maps that change and maps to objects count and pass the same", arguments: changingKeySets)
    func changingKeys(_ ruleSet: RuleSet) throws { try stateful(ruleSet) }
}
