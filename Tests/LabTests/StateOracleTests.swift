import Foundation
import Testing

extension UntimedLabTests.OracleTests {
    /// What remembers: the same frames in the same order come to the same ends. Rates are so slow that the time which a test takes
    /// makes no difference.
    static let statefulSets: [RuleSet] = [
        RuleSet(
            description: "limits by packets and bytes",
            rules: Weir.chain([
                "meta protocol ip limit rate 1/day burst 3 packets counter", "meta protocol ip limit rate over 1/day counter",
                "meta protocol ip limit rate 1 bytes/day burst 300 bytes counter", "limit rate over 1 bytes/day burst 1000 bytes counter",
                "limit rate 1/week burst 30000 packets counter", "limit rate 2000000000/second burst 1 packets counter",
                "meta protocol ip6 limit rate 1/day burst 2 packets drop", "counter",
            ])),
        RuleSet(
            description: "quotas",
            rules: Weir.chain([
                "quota 500 bytes counter", "quota over 500 bytes counter", "quota 500 bytes used 450 bytes counter",
                "quota 0 bytes counter",
                "meta protocol arp quota 28 bytes counter", "meta protocol arp quota over 28 bytes counter",
                "meta protocol ip quota over 1 kbytes counter drop", "counter",
            ])),
        RuleSet(
            description: "named counters, quotas and limits",
            rules:
                """
                table bridge filter {
                    counter seen {
                        packets 3 bytes 9
                    }
                    quota some {
                        over 600 bytes used 50 bytes
                    }
                    limit few {
                        rate 1/day burst 4 packets
                    }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        meta protocol ip counter name "seen" counter
                        limit name "few" counter
                        meta protocol ip limit name "few" counter
                        quota name "some" counter
                        meta protocol ip6 quota name "some" counter drop
                        counter
                    }
                }

                """),
        RuleSet(
            description: "sets that rules change",
            rules:
                """
                table bridge filter {
                    set hosts {
                        type ipv4_addr
                        size 3
                        flags dynamic
                    }
                    set guests {
                        type ipv4_addr
                        size 1000
                        flags dynamic
                    }
                    set ports {
                        type inet_service
                        flags dynamic,timeout
                        timeout 1h
                        limit rate 1/day burst 2 packets
                        elements = { 80, 53 timeout 2h }
                    }
                    set networks {
                        typeof ip daddr
                        flags dynamic
                    }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        ip saddr @hosts counter
                        add @hosts { ip saddr } counter
                        ip saddr != @hosts counter
                        udp dport @ports counter
                        update @ports { tcp dport } counter
                        add @networks { ip daddr & 255.255.255.0 quota over 100 bytes } counter drop
                        ip saddr @guests counter
                        add @guests { ip saddr } counter
                        delete @guests { ip daddr } counter
                        meter rates size 4 { ether saddr limit rate over 1/day burst 3 packets } counter
                        counter
                    }
                }

                """),
        RuleSet(
            description: "logs go on, and times that are always so",
            rules: Weir.chain([
                "log prefix \"lab \" level debug counter", "log group 7 counter", "meta time > \"2020-01-01\" counter",
                "meta time < \"2020-01-01\" counter drop", "meta hour <= \"23:59:59\" counter", "meta day { 0-6 } counter",
            ])),
    ]

    @Test("what remembers counts and passes the same", arguments: statefulSets)
    func stateful(_ ruleSet: RuleSet) throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "oracle.nft")
        try ruleSet.rules.write(to: file, atomically: true, encoding: .utf8)
        // One way and through one worker: else the order of the frames would be chance.
        try compare(file, Corpus.frames().filter { $0.from == .near }, workers: 1)
    }
}
