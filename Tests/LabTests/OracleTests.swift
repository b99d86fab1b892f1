import Foundation
import Testing

/// What a rule counted; nil for a rule without a counter.
typealias RuleCount = (text: String, tally: Tally?)

extension Lab {
    /// What nft's rules in the middle have counted, in their order.
    func ruleCounts() throws -> [RuleCount] {
        let listing = try require(in: .fw, "nft -j list ruleset")
        let object = try JSONSerialization.jsonObject(with: Data(listing.utf8)) as? [String: Any]
        let rules = (object?["nftables"] as? [[String: Any]] ?? []).compactMap { $0["rule"] as? [String: Any] }
        return rules.map { rule -> RuleCount in
            let statements = rule["expr"] as? [[String: Any]] ?? []
            guard let counter = statements.compactMap({ $0["counter"] as? [String: Any] }).first,
                let packets = counter["packets"] as? Int, let bytes = counter["bytes"] as? Int
            else { return ("\(statements)", nil) }
            return ("\(statements)", Tally(frames: UInt64(packets), bytes: UInt64(bytes)))
        }
    }
}

extension UntimedLabTests {
    /// The rule file means what nftables says it means: the same file on a Linux bridge and through Weir, the same frames.
    @Suite("nft as oracle")
    struct OracleTests {
        /// Every selector below the transport header with every relation, counted and not decided upon, so that each rule
        /// sees every frame.
        static let census = Weir.chain(
            [
                "iifname \"eth1\" counter", "iifname != \"eth1\" counter", "oifname \"eth1\" counter", "iifname \"eth*\" counter",
                "iifname { \"eth1\", \"eth7\" } counter",
                "meta protocol ip counter", "meta protocol != ip counter", "meta protocol { ip6, arp } counter",
                "meta protocol 8021q counter", "meta protocol 0x8847 counter",
                "ether saddr 02:77:00:00:00:01 counter", "ether saddr != 02:77:00:00:00:01 counter",
                "ether daddr ff:ff:ff:ff:ff:ff counter", "ether daddr { 02:77:00:00:00:01, 01:00:0c:cc:cc:cc } counter",
                "ether type ip counter", "ether type vlan counter", "ether type 8021ad counter", "ether type 0x88b5 counter",
                "ether type != ip counter", "ether type < 0x0600 counter",
                "vlan id 5 counter", "vlan id 0 counter", "vlan id 5-7 counter", "vlan id != 5 counter", "vlan id { 5, 7 } counter",
                "vlan id 5 ip saddr 10.77.0.1 counter", "vlan id 5 tcp dport 80 counter",
                "arp operation request counter", "arp operation != request counter", "arp operation { request, reply } counter",
                "ip saddr 10.77.0.1 counter", "ip saddr 10.77.0.0/24 counter", "ip saddr != 10.77.0.0/24 counter",
                "ip daddr 10.77.0.1-10.77.0.9 counter", "ip daddr { 10.77.0.2, 192.168.0.0/16 } counter",
                "ip daddr != { 10.77.0.2, 192.168.0.0/16 } counter",
                "ip protocol tcp counter", "ip protocol { tcp, udp } counter", "ip protocol != tcp counter",
                "ip6 saddr fd77::/64 counter", "ip6 daddr fd77::2 counter", "ip6 daddr != fd77::2 counter",
                "ip6 saddr { fd77::1, fe80::/10 } counter", "ip6 nexthdr tcp counter", "ip6 nexthdr { 0, 44 } counter",
                "meta l4proto tcp counter", "meta l4proto != tcp counter", "meta l4proto { udp, icmpv6 } counter",
                "meta l4proto 44 counter", "meta l4proto 59 counter", "meta l4proto gre counter",
                "counter",
            ])

        /// The same for the selectors of the transport header.
        static let transportCensus = Weir.chain(
            [
                "tcp dport 80 counter", "tcp sport 80 counter", "tcp dport != 80 counter", "tcp dport 80-443 counter",
                "tcp dport { 22, 80-90, 8080 } counter", "tcp dport != { 22, 80-90 } counter", "tcp dport > 443 counter",
                "udp dport 53 counter", "udp sport 53 counter", "udp dport <= 53 counter", "udp dport 65535 counter",
                "sctp dport 80 counter", "sctp sport != 80 counter",
                "meta l4proto { tcp, udp } th dport { 53, 80 } counter", "meta l4proto tcp th sport 40000 counter",
                "tcp flags syn counter", "tcp flags == syn counter", "tcp flags != syn counter", "tcp flags syn,ack counter",
                "tcp flags & (syn|ack) == syn counter", "tcp flags & (fin|syn|rst|ack) != syn counter",
                "tcp flags & (fin|psh|urg) == fin|psh|urg counter", "tcp flags 0x0 counter",
                "tcp flags { syn, syn|ack, rst } counter",
                "icmp type echo-request counter", "icmp type != echo-request counter", "icmp type { echo-reply, 3 } counter",
                "meta protocol ip icmp type echo-request counter", "ip protocol icmp icmp type echo-request counter",
                "icmpv6 type echo-request counter", "icmpv6 type { echo-request, nd-neighbor-solicit } counter",
                "meta protocol ip6 icmpv6 type echo-request counter",
                "ip saddr 10.77.0.1 tcp dport 80 iifname \"eth1\" counter",
                "counter",
            ])

        /// The same for fields of all headers and for what is known of a frame beside them.
        static let fieldCensus = Weir.chain([
            "meta length < 60 counter", "meta length > 60 counter", "meta pkttype broadcast counter", "meta pkttype multicast counter",
            "meta pkttype other counter", "iif eth1 counter", "oif eth1 counter",
            "vlan pcp 0 counter", "vlan pcp != 0 counter", "vlan type ip counter", "vlan type != ip counter",
            "arp htype 1 counter", "arp plen 4 counter", "arp saddr ip 10.77.0.1 counter", "arp daddr ip != 10.77.0.1 counter",
            "ip version 4 counter", "ip hdrlength > 5 counter", "ip dscp 0 counter", "ip dscp != cs0 counter", "ip ecn 0 counter",
            "ip length < 40 counter", "ip id 1 counter", "ip frag-off & 0x1fff != 0 counter", "ip frag-off & 0x2000 == 0x2000 counter",
            "ip ttl 64 counter", "ip ttl < 64 counter",
            "ip6 version 6 counter", "ip6 dscp 0 counter", "ip6 length > 8 counter", "ip6 hoplimit 64 counter",
            "@ll,0,48 0xffffffffffff counter", "@nh,0,8 & 0xf0 == 0x40 counter",
            "tcp doff 5 counter", "tcp window > 0 counter", "udp length 26 counter", "icmp code 0 counter", "icmpv6 code 0 counter",
            "@th,0,16 40000 counter",
            "counter",
        ])

        struct RuleSet: Sendable, CustomStringConvertible {
            let description: String
            let rules: String
        }

        static let ruleSets: [RuleSet] = [
            RuleSet(description: "every selector up to the network header", rules: census),
            RuleSet(description: "every selector of the transport header", rules: transportCensus),
            RuleSet(description: "fields of all headers", rules: fieldCensus),
            RuleSet(
                description: "named sets and verdict maps",
                rules:
                    """
                    define web = { 80, 8080 }
                    table bridge filter {
                        set hosts {
                            type ipv4_addr
                            flags interval
                            elements = { 10.77.0.1, 192.168.0.0/16 }
                        }
                        map services {
                            type inet_service : verdict
                            elements = { 53 : jump names, 22 : drop }
                        }
                        chain names {
                            ip saddr @hosts counter return
                            counter drop
                        }
                        chain forward {
                            type filter hook forward priority 0; policy accept;
                            ip saddr != @hosts counter
                            tcp dport $web counter
                            udp dport vmap @services
                            tcp dport vmap { 22 : drop, 80-90 : accept }
                            counter
                        }
                    }

                    """),
            RuleSet(
                description: "verdicts by port",
                rules: Weir.chain(["tcp dport 80 counter drop", "udp dport 53 counter accept", "udp sport 0-65535 counter drop"])),
            RuleSet(
                description: "one direction",
                rules: Weir.chain(["iifname \"eth1\" ip protocol tcp counter drop", "oifname \"eth1\" ip6 daddr fd77::1 counter drop"])),
            RuleSet(
                description: "policy drop",
                rules:
                    Weir.chain(
                        ["meta protocol arp counter accept", "ip saddr 10.77.0.0/24 counter accept", "vlan id 5 counter accept"],
                        policy: "drop"
                    )
            ),
            RuleSet(
                description: "chains",
                rules:
                    """
                    table bridge filter {
                        chain web {
                            tcp dport 80 counter drop
                            tcp dport 8080 counter return
                            counter accept
                        }
                        chain names {
                            udp dport 53 counter accept
                            counter drop
                        }
                        chain forward {
                            type filter hook forward priority 0; policy accept;
                            meta l4proto tcp counter jump web
                            meta l4proto udp counter goto names
                            ip protocol icmp counter continue
                            counter
                        }
                    }

                    """
            ),
            RuleSet(
                description: "two base chains and two tables",
                rules:
                    """
                    table bridge first {
                        chain early {
                            type filter hook forward priority -10; policy accept;
                            tcp dport 80 counter accept
                            meta l4proto udp counter drop
                        }
                    }
                    table bridge second {
                        chain late {
                            type filter hook forward priority filter; policy accept;
                            tcp dport 80 counter drop
                            counter
                        }
                        chain later {
                            type filter hook forward priority 100; policy drop;
                            meta protocol { ip, arp } counter accept
                        }
                    }

                    """
            ),
        ]

        /// - Parameter asksPacketHooks: br_netfilter shows the packets to IP's hooks as well.
        private func throughBridge(
            _ rules: URL, _ frames: [OutgoingFrame], asksPacketHooks: Bool = false
        ) throws -> (exchange: Exchange, counts: [RuleCount]) {
            let lab = try Lab(bare: true)
            try lab.startBridge(rules: rules)
            if asksPacketHooks { try lab.askPacketHooks() }
            let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(150))
            return (exchange, try lab.ruleCounts())
        }

        private func throughWeir(_ rules: URL, _ frames: [OutgoingFrame], workers: Int = 2, awaiting: Int = 0) throws -> (
            exchange: Exchange, counts: [RuleCount]
        ) {
            let lab = try Lab(bare: true)
            // As a bridge without conntrack does, the first fragment is judged alone.
            let weir = try Weir(in: lab, rules: rules, workers: workers, options: ["--fragments", "track"])
            let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(150), awaiting: awaiting)
            let rules = try weir.counters().rules.sorted { $0.line < $1.line }
            return (exchange, rules.map { ($0.text, Tally(frames: $0.frames, bytes: $0.bytes)) })
        }

        func compare(_ rules: URL, _ frames: [OutgoingFrame], workers: Int = 2, asksPacketHooks: Bool = false) throws {
            let oracle = try throughBridge(rules, frames, asksPacketHooks: asksPacketHooks)
            try #require(oracle.exchange.errors.isEmpty)
            // The oracle against itself shows that it says the same twice.
            let weir =
                try Requirements.middleIsBridge
                ? throughBridge(rules, frames, asksPacketHooks: asksPacketHooks) : throughWeir(rules, frames, workers: workers)
            for side in Side.allCases {
                let expected = oracle.exchange.frames(at: side)
                let came = weir.exchange.frames(at: side)
                for (number, sent) in zip(frames, oracle.exchange.sent) where number.from == side.other {
                    guard let sent else { continue }
                    let counts = (expected.count { $0 == sent }, came.count { $0 == sent })
                    #expect(counts.0 == counts.1, "(nft, Weir) to \(side): \(number.frame)")
                }
                #expect(came.count == expected.count, "to \(side)")
            }
            try #require(weir.counts.count == oracle.counts.count)
            for (ours, theirs) in zip(weir.counts, oracle.counts) {
                guard let tally = theirs.tally else { continue }
                #expect(ours.tally == tally, "\(ours.text) | \(theirs.text)")
            }
        }

        @Test("the same frames pass and the same rules count", arguments: ruleSets)
        func ruleSet(_ ruleSet: RuleSet) throws {
            let directory = try temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: directory) }
            let file = directory.appending(path: "oracle.nft")
            try ruleSet.rules.write(to: file, atomically: true, encoding: .utf8)
            try compare(file, Corpus.frames())
        }

        /// Without those that ask for connections: a bridge follows them only with `nf_conntrack_bridge`, which most kernels don't have.
        /// And without those that reject: the kernel sends its answers as a host.
        private static let examples = RuleFilesTests.files.filter { !["stateful-edge.nft", "refuse-and-clamp.nft"].contains($0) }

        @Test("the example files too", arguments: examples)
        func example(name: String) throws {
            try compare(Lab.root.appending(path: "rules/\(name)"), Corpus.frames())
        }

        /// A frame with which Weir deliberately does otherwise than the kernel's bridge.
        struct Difference: Sendable, CustomStringConvertible {
            let description: String
            let frame: String
            var rules: [String] = []
            /// In place of `rules`.
            var file: String?
            var asksPacketHooks = false
            let passesBridge: Bool
            let passesWeir: Bool
        }

        static let differences: [Difference] =
            [
                Difference(
                    description: "a bridge ends the link-local groups 01-80-C2-00-00-0x; a wire carries them",
                    frame: FrameKind.named("LLDP").frame,
                    passesBridge: false, passesWeir: true),
                Difference(
                    description: "pause frames likewise", frame: FrameKind.named("pause").frame, passesBridge: false, passesWeir: true),
                Difference(
                    description: "a bridge hands malformed IPv4 on; Weir drops what no rule can judge",
                    frame: "overwritten(near/near4/UDP(dport=9)/data(30), 16, 0, 59)", passesBridge: true, passesWeir: false),
                Difference(
                    description: "and malformed IPv6", frame: "overwritten(near/near6/UDP(dport=9)/data(30), 14, 0x40)", passesBridge: true,
                    passesWeir: false),
                Difference(
                    description: "nft reads ports out of the Ethernet padding; it is no part of the packet",
                    frame: "padded(near/IP(src='10.77.0.1', dst='10.77.0.2', proto=6))", rules: ["tcp dport 0-65535 drop"],
                    passesBridge: false,
                    passesWeir: true),
                Difference(
                    description: "a bridge judges each fragment by itself; Weir lets none through whose datagram is not whole",
                    frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', id=7, frag=6, proto=17)/data(40)", passesBridge: true,
                    passesWeir: false),
            ] + FamilyOracleTests.differences

        @Test("where Weir differs from the bridge it does so on purpose", arguments: differences)
        func difference(_ difference: Difference) throws {
            let directory = try temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: directory) }
            let file = directory.appending(path: "difference.nft")
            try (difference.file ?? Weir.chain(difference.rules)).write(to: file, atomically: true, encoding: .utf8)
            let frame = OutgoingFrame(from: .near, frame: difference.frame)
            let bridge = try throughBridge(file, [frame], asksPacketHooks: difference.asksPacketHooks)
            #expect(bridge.exchange.far.count == (difference.passesBridge ? 1 : 0), "bridge")
            guard !Requirements.middleIsBridge else { return }
            #expect(
                try throughWeir(file, [frame], awaiting: difference.passesWeir ? 1 : 0).exchange.far.count
                    == (difference.passesWeir ? 1 : 0), "Weir")
        }

        func temporaryDirectory() throws -> URL {
            let directory = URL(filePath: NSTemporaryDirectory()).appending(path: "weir-oracle-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            return directory
        }
    }
}
