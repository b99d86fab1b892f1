import Foundation
import Testing

extension UntimedLabTests {
    /// Rules that read options and change frames do what they do on a Linux bridge with nft, byte for byte.
    @Suite("Options and changes")
    struct ChangeTests {
        /// Frames whose headers have options, chunks and extensions, right ones and wrong ones.
        static let packets: [String] = [
            "SIDE4/TCP(dport=80, flags='S', options=[('MSS', 1460), ('SAckOK', b''), ('Timestamp', (7, 0)), ('NOP', None), ('WScale', 7)])",
            "SIDE4/TCP(dport=80, flags='SA', options=[('MSS', 536), ('NOP', None), ('NOP', None)])",
            "SIDE4/TCP(dport=80, flags='S', options=[('NOP', None), ('NOP', None), ('MSS', 9000)])",
            "SIDE4/TCP(dport=80, flags='A', options=[('NOP', None), ('NOP', None), ('SAck', (1, 2, 3, 4))])",
            "SIDE4/TCP(dport=80, flags='A', dataofs=7)/Raw(b'\\2\\x28\\0\\0\\0\\0\\0\\0')",
            "SIDE4/TCP(dport=80, flags='A', dataofs=6)/Raw(b'\\x03\\x00\\x02\\x02')",
            "SIDE6/TCP(dport=80, flags='S', options=[('MSS', 1440)])",
            "SIDE6/UDP(dport=53)", "SIDE6/ICMPv6EchoRequest()", "SIDE4/UDP(dport=53)", "SIDE4/ICMP(type=8, id=1, seq=1)",
            "SIDE6/IPv6ExtHdrHopByHop()/IPv6ExtHdrDestOpt()/IPv6ExtHdrRouting(addresses=['fd77::9'])/UDP(dport=53)",
            // Whole as they are: Weir holds the parts of others, whose datagrams are judged without this header.
            "SIDE6/IPv6ExtHdrFragment(id=7, m=0, offset=0)/UDP(dport=53)/data(36)",
            "SIDE6/IPv6ExtHdrHopByHop()/IPv6ExtHdrFragment(id=9, m=0, offset=0)/UDP(dport=53)/data(40)",
            "IPv6(src='fd77::1', dst='fd77::2', nh=51)/Raw(b'\\x2c\\4'+bytes(22)+b'\\x11\\0\\0\\0\\0\\0\\0\\5')/UDP(dport=53)",
            "IPv6(src='fd77::1', dst='fd77::2', nh=135)/Raw(b'\\x3b\\0\\3\\0'+bytes(4))",
            "IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\x94\\4\\0\\0'))/UDP(dport=53)",
            "IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\x94\\4\\0\\1'))/UDP(dport=53)",
            "IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\7\\7\\4\\0\\0\\0\\0\\1'))/UDP(dport=53)",
            "IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\x83\\7\\4\\1\\2\\3\\4\\1'))/UDP(dport=53)",
            "IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\x89\\7\\8\\1\\2\\3\\4\\1'))/UDP(dport=53)",
            "IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\x44\\4\\5\\xf0'))/UDP(dport=53)",
            "SIDE4/SCTP(sport=7, dport=8)/Raw(b'\\0\\3\\0\\x10'+bytes(12)+b'\\6\\0\\0\\4')",
            "SIDE4/SCTP(sport=7, dport=8)/Raw(b'\\1\\0\\0\\x14'+bytes(16))",
            "SIDE6/SCTP(sport=7, dport=8)/Raw(b'\\4\\0\\0\\5\\1\\0\\0\\0\\xc1\\0\\0\\x08\\0\\0\\0\\1')",
            "ARP(op=1, psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC)/data(18)",
        ]

        static func frames(tags: [String]) -> [OutgoingFrame] {
            tags.flatMap { tag in
                packets.map { packet in
                    OutgoingFrame(from: .near, frame: "near/\(tag)" + packet.replacing("SIDE", with: "near"))
                }
            }
        }

        static let census = Weir.chain(
            [
                "exthdr hbh exists", "exthdr hbh missing", "exthdr rt exists", "exthdr frag exists", "exthdr frag missing",
                "exthdr dst exists",
                "exthdr mh exists", "frag id 7", "frag id != 7", "frag frag-off 6", "frag more-fragments 1", "frag nexthdr udp",
                "rt type 0",
                "rt seg-left 1", "rt type != 0", "rt0 addr[1] fd77::9", "hbh hdrlength 0", "dst nexthdr 43", "mh type home-test",
                "tcp option maxseg exists", "tcp option maxseg missing", "tcp option maxseg size 1460", "tcp option maxseg size != 1460",
                "tcp option window count 7", "tcp option sack-perm exists", "tcp option sack left 1", "tcp option sack1 right 4",
                "tcp option timestamp tsval 7", "tcp option nop exists", "tcp option eol missing", "tcp option 2 length 40",
                "tcp option @8,0,16 2058", "ip option ra exists", "ip option ra missing", "ip option ra value 0", "ip option rr exists",
                "ip option rr ptr 4", "ip option lsrr addr 16909060", "ip option ssrr missing", "ip option ssrr exists",
                "sctp chunk data exists",
                "sctp chunk data missing", "sctp chunk data flags 3", "sctp chunk abort exists", "sctp chunk init a-rwnd 0",
                "sctp chunk asconf seqno 1", "sctp chunk heartbeat length 5",
            ].map { "\($0) counter" })

        struct Change: Sendable, CustomStringConvertible {
            let description: String
            let rules: [String]
            /// In the order in which frames of several rules meet them.
            init(_ rules: String...) {
                self.rules = rules
                description = rules.joined(separator: "; ")
            }
        }

        static let changes: [Change] = [
            Change("ether saddr set 02:00:00:00:00:05"), Change("ether saddr set ether daddr"), Change("ether type set 0x88b6"),
            Change("vlan id set 7"), Change("@ll,112,16 set 0xa007"), Change("ip saddr set 10.9.8.7"), Change("ip daddr set 192.0.2.255"),
            Change("ip dscp set ef", "ip6 dscp set ef"), Change("ip ecn set ce", "ip6 ecn set ce"),
            Change("ip ttl set 9", "ip6 hoplimit set 9"),
            Change("ip id set 0x1234", "ip frag-off set 0x4000"), Change("ip6 saddr set fd77::9"), Change("ip6 nexthdr set 17"),
            Change("ip protocol set 17"), Change("ip length set 40"), Change("ip6 flowlabel set 0x12345"),
            Change("tcp sport set 99", "udp sport set 99"), Change("tcp dport set tcp sport"), Change("tcp flags set syn,ack"),
            Change("tcp window set 0"), Change("tcp checksum set 0x1234"), Change("icmp id set 9"), Change("icmpv6 id set 9"),
            Change("icmp code set 3"), Change("sctp dport set 99"), Change("arp operation set 2"), Change("arp saddr ip set 10.9.8.7"),
            Change("tcp option maxseg size set 1000"), Change("tcp option timestamp tsval set 0x01020304"),
            Change("tcp option sack left set 9"), Change("@nh,64,8 set 3"), Change("@th,0,16 set 7"),
            Change("tcp sport set 99", "tcp sport 99 tcp dport set 7", "tcp dport 7 counter drop"),
        ]

        private func comesOut(
            _ rules: URL, _ frames: [OutgoingFrame], ofBridge isBridge: Bool, asksPacketHooks: Bool = false
        ) throws -> (frames: [IncomingFrame], counts: [UInt64]) {
            let lab = try Lab(bare: true)
            if isBridge {
                try lab.startBridge(rules: rules)
                if asksPacketHooks { try lab.askPacketHooks() }
                let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(150))
                try #require(exchange.errors.isEmpty)
                let listing = try lab.require(in: .fw, "nft list ruleset")
                return (exchange.far, listing.matches(of: /packets (\d+)/).compactMap { UInt64($0.1) })
            }
            let weir = try Weir(in: lab, rules: rules)
            let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(150))
            return (exchange.far, try weir.counters().rules.sorted { $0.line < $1.line }.map(\.frames))
        }

        private func file(_ text: String) throws -> URL {
            let file = URL(filePath: NSTemporaryDirectory()).appending(path: "weir-change-\(UUID().uuidString).nft")
            try text.write(to: file, atomically: true, encoding: .utf8)
            return file
        }

        @Test("options and extension headers are found in the same frames", .needsWeir)
        func census() throws {
            let rules = try file(Self.census)
            defer { try? FileManager.default.removeItem(at: rules) }
            let frames = Self.frames(tags: ["", "Dot1Q(vlan=5)/", "Dot1AD(vlan=5)/Dot1Q(vlan=6)/"])
            let theirs = try comesOut(rules, frames, ofBridge: true).counts
            let ours = try comesOut(rules, frames, ofBridge: false).counts
            let texts = Self.census.split(separator: "\n").filter { $0.contains(" counter") }
            try #require(texts.count == ours.count && ours.count == theirs.count)
            for (text, counts) in zip(texts, zip(ours, theirs)) { #expect(counts.0 == counts.1, "\(text): \(counts)") }
        }

        @Test("changed frames are the same bytes", .needsWeir, arguments: changes)
        func change(_ change: Change) throws {
            let rules = try file(Weir.chain(change.rules))
            defer { try? FileManager.default.removeItem(at: rules) }
            let tags =
                change.description.contains("vlan")
                ? ["", "Dot1Q(vlan=5, prio=3)/", "Dot1AD(vlan=5)/Dot1Q(vlan=6)/"] : ["", "Dot1Q(vlan=5, prio=3)/"]
            let frames = Self.frames(tags: tags)
            let theirs = try comesOut(rules, frames, ofBridge: true).frames.map(\.frame)
            let ours = try comesOut(rules, frames, ofBridge: false).frames.map(\.frame)
            #expect(ours.count == theirs.count)
            for (ours, theirs) in zip(ours, theirs) { #expect(ours == theirs) }
        }

        /// What tables of either version of IP, and of both, may change.
        static let ofIPv4 = [
            "ip saddr set 10.9.8.7", "ip dscp set ef", "ip ttl set 9", "icmp id set 9", "ip option ra exists ip id set 7",
        ]
        static let ofIPv6 = [
            "ip6 saddr set fd77::9", "ip6 hoplimit set 9", "icmpv6 id set 9", "exthdr hbh exists ip6 flowlabel set 5",
        ]
        static let ofAny = [
            "tcp dport set 7", "udp sport set 99", "sctp sport set 99", "tcp option maxseg size set 1000",
            "ether saddr set 02:00:00:00:00:05",
        ]

        @Test(
            "they are in tables of IP's families too", .needsWeir,
            .enabled(if: Requirements.hasPacketHooks, "this kernel has no br_netfilter"), arguments: ["inet", "ip", "ip6"],
            ["prerouting", "forward", "postrouting"])
        func packets(family: String, hook: String) throws {
            let changes = (family == "ip6" ? [] : Self.ofIPv4) + (family == "ip" ? [] : Self.ofIPv6) + Self.ofAny
            let chain = "chain c {\ntype filter hook \(hook) priority 0;\n\(changes.joined(separator: "\n"))\n}"
            let rules = try file("table \(family) t {\n\(chain)\n}\n")
            defer { try? FileManager.default.removeItem(at: rules) }
            let frames = Self.frames(tags: ["", "Dot1Q(vlan=5, prio=3)/"])
            let theirs = try comesOut(rules, frames, ofBridge: true, asksPacketHooks: true).frames.map(\.frame)
            let ours = try comesOut(rules, frames, ofBridge: false).frames.map(\.frame)
            #expect(ours.count == theirs.count)
            for (ours, theirs) in zip(ours, theirs) { #expect(ours == theirs) }
        }

        /// Where the kernel spoils a checksum and Weir does not, with the place of it in the frame.
        static let differences: [(rule: String, frame: String, checksum: Range<Int>)] = [
            ("udp sport set 99", "near/near4/UDP(dport=53, chksum=0)/data(30)", 80..<84),
            (
                "tcp option maxseg size set 1000", "near/near4/TCP(flags='S', options=[('NOP', None), ('MSS', 1460), ('NOP', None)])",
                100..<104
            ),
        ]

        @Test("where the kernel spoils a checksum Weir does not", .needsWeir, arguments: differences)
        func difference(rule: String, frame: String, checksum: Range<Int>) throws {
            let rules = try file(Weir.chain([rule]))
            defer { try? FileManager.default.removeItem(at: rules) }
            let frames = [OutgoingFrame(from: .near, frame: frame)]
            let theirs = try #require(try comesOut(rules, frames, ofBridge: true).frames.first)
            let ours = try #require(try comesOut(rules, frames, ofBridge: false).frames.first)
            func without(_ frame: IncomingFrame) -> String {
                String(frame.frame.prefix(checksum.lowerBound) + frame.frame.dropFirst(checksum.upperBound))
            }
            #expect(without(ours) == without(theirs))
            let left = ours.frame.dropFirst(checksum.lowerBound).prefix(4)
            #expect(left != theirs.frame.dropFirst(checksum.lowerBound).prefix(4))
            #expect(theirs.sound == false)
            #expect(ours.sound == true || left == "0000")
        }

        @Test("unfinished checksums come out right", .needsWeir, arguments: LabTests.OffloadTests.superFrames)
        func offloads(_ frame: LabTests.OffloadTests.SuperFrame) throws {
            let rules = try file(
                Weir.chain(["ip saddr set 10.9.8.7", "ip6 saddr set fd77::9", "tcp sport set 99", "udp sport set 99", "ip dscp set ef"]))
            defer { try? FileManager.default.removeItem(at: rules) }
            let frames = [OutgoingFrame(from: .near, frame: frame.frame, offload: frame.offload)]
            let theirs = try comesOut(rules, frames, ofBridge: true).frames
            let ours = try comesOut(rules, frames, ofBridge: false).frames
            #expect(ours.map(\.frame) == theirs.map(\.frame))
            #expect(ours.map(\.partial) == [true])
        }

        @Test("TCP runs on with a lowered segment size and another code point", .needsWeir, arguments: ["10.77.0.2", "fd77::2"])
        func real(address: String) throws {
            let lab = try Lab()
            let weir = try Weir(
                in: lab,
                rules: Weir.chain([
                    "tcp flags & (syn | rst) == syn tcp option maxseg size set 1000 counter", "ip dscp set ef", "ip6 dscp set ef",
                    "tcp option maxseg size > 1000 counter", "ip dscp ef counter", "ip6 dscp ef counter",
                ]))
            #expect(try lab.iperf("-i 0", to: address).megabits > 300)
            #expect(try lab.iperf("-i 0 -R", to: address).megabits > 300)
            let counts = try weir.counters().rules.sorted { $0.line < $1.line }.map(\.frames)
            try #require(counts.count == 6)
            #expect(counts[0] >= 4 && counts[3] == 0)
            #expect((address.contains(":") ? counts[5] : counts[4]) > 100)
        }
    }
}
