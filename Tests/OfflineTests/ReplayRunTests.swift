import Capture
import Foundation
import Fragments
import FrameBuilder
import Offline
import Reporting
import Testing

@Suite struct ReplayRunTests {
    static let near = Frame.ethernet(to: 2, from: 1).ipv4("10.0.0.1", "10.0.0.2").tcp(4000, 80).bytes
    static let far = Frame.ethernet(to: 1, from: 2).ipv4("10.0.0.2", "10.0.0.1").tcp(80, 4000).bytes
    static let third = Frame.ethernet(to: 1, from: 3).ipv4("10.0.0.3", "10.0.0.1").udp(5, 6).bytes
    static let start: UInt64 = 1_767_268_800_000_000

    /// Replays files, and says what was listed and what it came to.
    static func run(
        _ captures: [CaptureBytes], rules: String = "iifname \"b\" drop",
        change: (inout ReplaySettings, Folder) throws -> Void = { _, _ in }
    ) throws -> (list: String, report: ReadReport, text: String, problems: [String], folder: Folder) {
        let folder = try Folder()
        let files = try captures.enumerated().map { try folder.write($1.bytes, "\($0).pcap") }
        let list = open(try folder.write([], "list"), O_WRONLY)
        defer { close(list) }
        var settings = ReplaySettings(try compiled(rules), files: files)
        settings.descriptor = list
        try change(&settings, folder)
        var run = ReplayRun(settings)
        var problems: [String] = []
        for index in files.indices {
            do throws(ReplayProblem) {
                try run.read(index, isStopping: { false }, progress: { _ in })
            } catch {
                problems.append("\(error)".replacingOccurrences(of: folder.url.path + "/", with: ""))
            }
        }
        let report = run.finish()
        #expect(report.failures.isEmpty)
        let read = try JSONDecoder().decode(ReadReport.self, from: Data(report.text(json: true).utf8))
        return (try folder.text("list"), read, report.text(json: false), problems, folder)
    }

    struct Ingress: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var capture: CaptureBytes
        var choice = IngressChoice.interfaceNames
        /// Of each frame that is judged, the port by which it came.
        var ports: String
        var frames: ReadReport.Frames
    }

    private static let both = CaptureBytes.pcapng().interface("a").interface("b")
    private static let alone = CaptureBytes.pcap()

    static let ingresses: [Ingress] = [
        Ingress(
            testDescription: "interfaces that have the ports' names",
            capture: both.packet(near, at: start).packet(far, interface: 1, at: start), ports: "ab",
            frames: .init(read: 2, judged: 2)),
        Ingress(
            testDescription: "frames that went out are not judged again",
            capture: both.packet(near, at: start, options: [both.flags(1)]).packet(near, interface: 1, at: start, options: [both.flags(2)]),
            ports: "a", frames: .init(read: 2, judged: 1, leaving: 1)),
        Ingress(
            testDescription: "without directions, the port on which a station was seen first is its own",
            capture: both.packet(near, at: start).packet(near, interface: 1, at: start).packet(far, interface: 1, at: start)
                .packet(far, at: start).packet(near, at: start), ports: "aba", frames: .init(read: 5, judged: 3, leaving: 2)),
        Ingress(
            testDescription: "of one port alone nothing is learned",
            capture: CaptureBytes.pcapng().interface("b").packet(near, at: start).packet(far, at: start), ports: "bb",
            frames: .init(read: 2, judged: 2)),
        Ingress(
            testDescription: "frames of other interfaces",
            capture: both.interface("lo").packet(near, interface: 2, at: start).packet(near, at: start),
            ports: "a", frames: .init(read: 2, judged: 1, elsewhere: 1)),
        Ingress(
            testDescription: "a section's interfaces are its own",
            capture: both.packet(near, at: start).section(isBigEndian: true).interface("b").interface("a").packet(far, at: start),
            ports: "ab",
            frames: .init(read: 2, judged: 2)),
        Ingress(
            testDescription: "all by one port", capture: alone.record(near, at: start).record(far, at: start), choice: .port(1),
            ports: "bb",
            frames: .init(read: 2, judged: 2)),
        Ingress(
            testDescription: "by stations, all others by the other port",
            capture: alone.record(near, at: start).record(far, at: start).record(third, at: start), choice: .stations([1: 0], others: 1),
            ports: "abb", frames: .init(read: 3, judged: 3)),
        Ingress(
            testDescription: "by stations of both ports",
            capture: alone.record(near, at: start).record(far, at: start).record(third, at: start).record([1, 2], at: start),
            choice: .stations([1: 0, 2: 1], others: nil), ports: "ab", frames: .init(read: 4, judged: 2, unknownStation: 2)),
        Ingress(
            testDescription: "by stations, and their copies on the other port are known",
            capture: both.packet(near, interface: 1, at: start).packet(near, at: start).packet(far, interface: 1, at: start),
            choice: .stations([1: 0, 2: 1], others: nil), ports: "ab", frames: .init(read: 3, judged: 2, leaving: 1)),
        Ingress(
            testDescription: "by stations, a frame that went out at its own station's port is a copy",
            capture: both.packet(near, at: start, options: [both.flags(2)]).packet(near, at: start),
            choice: .stations([1: 0, 2: 1], others: nil), ports: "a", frames: .init(read: 2, judged: 1, leaving: 1)),
        Ingress(
            testDescription: "by stations, a frame cut off after its source's address, and one within it",
            capture: alone.record(Array(near.prefix(12)), at: start).record(Array(near.prefix(11)), at: start),
            choice: .stations([1: 0, 2: 1], others: nil), ports: "a", frames: .init(read: 2, judged: 1, unknownStation: 1)),
        Ingress(
            testDescription: "by stations, on an interface that is no port",
            capture: CaptureBytes.pcapng().interface("br0").packet(near, at: start).packet(far, at: start, options: [both.flags(2)]),
            choice: .stations([1: 0, 2: 1], others: nil), ports: "ab", frames: .init(read: 2, judged: 2)),
        Ingress(
            testDescription: "times that go back are counted",
            capture: alone.record(near, at: start + 9).record(near, at: start).record(near, at: start + 9),
            choice: .port(0), ports: "aaa", frames: .init(read: 3, judged: 3, backwardSteps: 1)),
        Ingress(
            testDescription: "frames cut off are not judged",
            capture: alone.record(near, at: start, length: 1500).record(near, at: start), choice: .port(0), ports: "a",
            frames: .init(read: 2, judged: 1, cut: 1)),
    ]

    @Test("a frame is judged once, and by its port", arguments: ingresses)
    func ingress(_ test: Ingress) throws {
        let result = try Self.run([test.capture]) { settings, _ in settings.ingress = test.choice }
        #expect(result.problems.isEmpty)
        let ports = result.list.split(separator: "\n").map { $0.split(separator: " ")[2] }.joined()
        #expect(ports == test.ports)
        #expect(result.report.frames == test.frames)
        #expect(result.report.ports.map(\.received.frames) == ["a", "b"].map { name in UInt64(ports.count { String($0) == name }) })
        #expect(result.report.reasons.values.reduce(0) { $0 + $1.frames } == test.frames.judged)
    }

    @Test func `stations beyond those that the table takes are not learned`() throws {
        let capacity = 49_152
        let empty = Self.both.bytes
        /// A frame of two addresses, the source's from the low 24 bits on. Those of the far port come later and are no copies.
        func block(from interface: UInt32) -> [UInt8] {
            let frame = [UInt8(interface) * 2] + Self.near[1..<12]
            return Array(
                Self.both.packet(frame, interface: interface, at: Self.start + UInt64(interface) * 10_000_000).bytes.dropFirst(empty.count))
        }
        var capture = Self.both
        func add(_ station: Int, _ block: [UInt8]) {
            capture.bytes += block
            capture.bytes.replaceSubrange(capture.bytes.count - 11..<capture.bytes.count - 8, with: UInt32(station).networkBytes.suffix(3))
        }
        let (near, far) = (block(from: 0), block(from: 1))
        for station in 0...capacity { add(station, near) }
        // Frames that are known by the near port leave by the far one.
        add(0, far)
        add(capacity - 1, far)
        add(capacity, far)
        let report = try Self.run([capture]) { settings, _ in settings.listing = .nothing }.report
        #expect(report.frames == .init(read: UInt64(capacity) + 4, judged: UInt64(capacity) + 2, leaving: 2))
    }

    @Test(
        "a capture that doesn't say by which port is refused, with what would",
        arguments: [
            (CaptureBytes.pcap(), "0.pcap doesn't say by which interface its frames came; give --ingress a "),
            (
                CaptureBytes.pcapng().interface("wlan0").interface("lo"),
                "0.pcap has frames of lo, wlan0, and the ports are a and b; give --ingress a "
            ),
            (CaptureBytes.pcapng().interface(), "0.pcap doesn't say by which interface"),
        ])
    func unknown(_ capture: CaptureBytes, _ problem: String) throws {
        let isPcap = capture.bytes[0] == 0xd4
        let result = try Self.run([isPcap ? capture.record(Self.near, at: 0) : capture.packet(Self.near, at: 0)])
        #expect(result.problems.count == 1 && result.problems[0].hasPrefix(problem), "\(result.problems)")
        #expect(result.list.isEmpty)
    }

    @Test("frames of another link are refused, with its name")
    func linkTypes() throws {
        let frames = CaptureBytes.pcap(word: 195).record(Self.near, at: 0)
        let result = try Self.run([frames]) { settings, _ in settings.ingress = .port(0) }
        #expect(
            result.problems == [
                "0.pcap, byte 0: frames of link type 195 (IEEE802_15_4, IEEE 802.15.4 with FCS); "
                    + "rules judge Ethernet, and what can be given an Ethernet header"
            ])
        #expect(result.report.frames == .init(read: 1, otherLink: 1))
        let both = CaptureBytes.pcapng().interface("a").interface("can0", linkType: 227).packet(Self.near, interface: 1, at: 0)
            .packet(Self.near, at: 0)
        let mixed = try Self.run([both])
        #expect(mixed.problems.isEmpty && mixed.report.frames == .init(read: 2, judged: 1, otherLink: 1))
        #expect(mixed.text.contains("\nnot judged: of link types that rules can't judge: 1 (CAN_SOCKETCAN)\n"), "\(mixed.text)")
    }

    @Test("frames of other links are given an Ethernet header, and the report says so")
    func givenLinks() throws {
        let packet = Array(Self.near[14...])
        let cooked: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]
        let going: [UInt8] = [8, 0, 0, 0, 0, 0, 0, 5, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0]
        let capture = CaptureBytes.pcap(word: 276).record(cooked + packet, at: Self.start).record(going + packet, at: Self.start)
            .record([8, 0], at: Self.start)
        let unmapped = try Self.run([capture])
        #expect(unmapped.problems.first?.contains("give --map 3=a if interface 3 was that port, --ingress a if") == true)
        let result = try Self.run([capture], rules: "ether saddr 02:00:00:00:00:01 ip protocol tcp counter") { settings, _ in
            settings.interfaceNumbers = [3: 1, 5: 0]
        }
        #expect(result.problems.isEmpty)
        #expect(result.report.frames == .init(read: 3, judged: 1, leaving: 1, unreadable: 1, givenEthernet: 1))
        #expect(result.list.hasPrefix("1 12:00:00.000000000 b > a IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], length 54: accept"))
        #expect(result.report.rules.map(\.frames) == [1])
        #expect(result.text.contains("\ngiven an Ethernet header in place of their own: 1 (LINUX_SLL2; addresses"), "\(result.text)")
        let raw = CaptureBytes.pcapng().interface("a", linkType: 101).packet(packet, at: 0).simplePacket(packet)
        #expect(try Self.run([raw], rules: "tcp dport 80 counter drop").report.rules.map(\.frames) == [2])
        let elsewhere = CaptureBytes.pcapng().interface("a").interface("tun0", linkType: 101).packet(packet, interface: 1, at: 0)
        #expect(try Self.run([elsewhere]).report.frames.elsewhere == 1)
    }

    @Test("a damaged file keeps what was in front of the damage, and the next file goes on")
    func damage() throws {
        var cut = Self.alone.record(Self.near, at: Self.start).record(Self.near, at: Self.start)
        cut.bytes.removeLast()
        let result = try Self.run([cut, Self.alone.record(Self.far, at: Self.start)]) { settings, _ in settings.ingress = .port(0) }
        #expect(result.problems.count == 1 && result.problems[0].hasPrefix("0.pcap, byte 94: the file ends here"), "\(result.problems)")
        #expect(result.report.frames.judged == 2)
        #expect(result.list.split(separator: "\n").map { $0.prefix(4) } == ["1:1 ", "2:1 "])
    }

    @Test("a datagram may lie in two files, and a fragment tells its own")
    func acrossFiles() throws {
        let result = try Self.run(
            [
                Self.alone.record(ReplayTests.part(0), at: Self.start),
                Self.alone.record(Self.near, at: Self.start).record(ReplayTests.part(16), at: Self.start)
                    .record(ReplayTests.part(32), at: Self.start),
            ], rules: "udp dport 53 drop"
        ) { settings, _ in settings.ingress = .port(0) }
        #expect(result.list.split(separator: "\n").map { $0.split(separator: " ")[0] } == ["2:1", "1:1", "2:2", "2:3"])
        #expect(result.report.rules.map(\.frames) == [1])
    }

    @Test("frames cut off are judged with zeros for what is missing, if that is wanted")
    func zeros() throws {
        let whole = Frame.ethernet().ipv4().udp(4, 53).payload(1000).bytes
        let cut = Self.alone.record(Array(whole.prefix(60)), at: Self.start, length: UInt32(whole.count))
            .record(whole, at: Self.start).record([], at: Self.start, length: .max)
        let result = try Self.run([cut], rules: "udp dport 53 udp length 1008 counter drop") { settings, _ in
            settings.ingress = .port(0)
            settings.fillsCutFrames = true
        }
        #expect(result.report.frames == .init(read: 3, judged: 2, cut: 1, filled: 1))
        #expect(result.report.rules.map(\.frames) == [2])
        #expect(result.report.rules.map(\.bytes) == [2 * 1028])
    }

    /// A frame, and what is listed of it.
    static let lines: [(frame: Frame, line: String)] = [
        (
            Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(4000, 80),
            "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], length 54: accept by policy of chain c "
                + "(table bridge t) reason=accept-by-policy"
        ),
        (
            Frame.ethernet().ipv4("10.0.0.1", "255.255.255.255").tcp(4000, 23, flags: 0x12),
            "IP 10.0.0.1.4000 > 255.255.255.255.23: Flags [S.], length 54: drop by rule r.nft:5 \"no telnet\" (chain c) reason=rule"
        ),
        (Frame.ethernet().vlan(5).ipv6().udp(1, 53), "vlan 5, IP6 2001:db8::1.1 > 2001:db8::2.53: UDP, length 66: accept"),
        (Frame.ethernet().vlan(7).vlan(8).arp(), "vlan 7 and 1 more, ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 50: accept"),
        (
            Frame.ethernet().vlan(7).vlan(8).vlan(9).ipv4().icmp(8),
            "vlan 7 and 2 more, IP 10.0.0.1 > 10.0.0.2: ICMP type 8 code 0, length 54: drop reason=vlan-depth"
        ),
        (Frame.ethernet().ipv6().icmpv6(135), "IP6 2001:db8::1 > 2001:db8::2: ICMP6 type 135 code 0, length 62: accept"),
        (Frame.ethernet().ipv4(protocolNumber: 6).payload(3), "IP 10.0.0.1 > 10.0.0.2: TCP, length 37: accept"),
        (Frame.ethernet().ipv4().payload(3), "IP 10.0.0.1 > 10.0.0.2: ip-proto-253, length 37: accept"),
        (Frame.ethernet().arp(), "ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 42: accept"),
        (Frame.ethernet().arp(operation: 2), "ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01, length 42: accept"),
        (Frame.ethernet().arp(operation: 9), "ARP, operation 9 10.0.0.1 is-at 02:00:00:00:00:01, length 42: accept"),
        (Frame.ethernet().arp().cut(to: 30), "ARP, length 30: accept"),
        (Frame.ethernet().payload(46), "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x88b5, length 60: accept"),
        (Frame.ethernet().cut(to: 9), "no Ethernet header, length 9: drop reason=ethernet-header-cut-off"),
        (
            Frame.ethernet().ipv4().udp(1, 2).cut(to: 20),
            "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x0800, length 20: drop reason=ipv4-header-cut-off"
        ),
        (
            Frame.ethernet().ipv4(identification: 77, more: true, fragmentOffset: 0, protocolNumber: 17).payload(16),
            "IP 10.0.0.1.1 > 10.0.0.2.515: UDP, frag 77:16@0+, length 50: drop reason=fragment-mode"
        ),
        (
            Frame.ethernet().ipv4(identification: 77, fragmentOffset: 16, protocolNumber: 17).payload(9),
            "IP 10.0.0.1 > 10.0.0.2: UDP, frag 77:9@16, length 43: drop reason=fragment-mode"
        ),
        (
            Frame.ethernet().ipv4().udp(9, 9),
            "IP 10.0.0.1.9 > 10.0.0.2.9: UDP, length 42: log by rule r.nft:6 (chain c) prefix=\"nine\" reason=accept-by-policy"
        ),
    ]

    @Test("a line says what a frame is, and what became of it", arguments: lines.indices)
    func line(_ index: Int) throws {
        let (frame, line) = Self.lines[index]
        let capture = CaptureBytes.pcap(nanoseconds: true).record(frame.bytes, at: Self.start * 1000 + 1_023_000_045)
        let result = try Self.run([capture], rules: "tcp dport 23 drop comment \"no telnet\"\nudp dport 9 log prefix \"nine\"") {
            settings, _ in
            settings.ingress = .port(0)
            settings.fragments = .drop
        }
        #expect(result.list.hasPrefix("1 12:00:01.023000045 a > b \(line)"), "\(result.list)")
    }

    @Test("JSON is a line a frame, in Suricata's words")
    func json() throws {
        let capture = Self.alone.record(Self.near, at: Self.start).record(Self.third, at: Self.start).record(Self.near, at: Self.start)
        let result = try Self.run([capture], rules: "udp dport 6 log prefix \"six\" drop") { settings, _ in
            settings.ingress = .port(0)
            settings.listing = .json
        }
        let lines = try result.list.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(lines.map { $0["event_type"] as? String } == ["packet", "alert", "drop", "packet"])
        #expect(lines.map { $0["pcap_cnt"] as? Int } == [1, 2, 2, 3])
        #expect(lines.map { ($0["verdict"] as? [String: String])?["action"] } == ["pass", "drop", "drop", "pass"])
        #expect(lines.allSatisfy { $0["pcap_filename"] as? String == result.folder.path("0.pcap") && $0["in_iface"] as? String == "a" })
        #expect(lines[2]["timestamp"] as? String == "2026-01-01T12:00:00.000000+0000")
    }

    @Test("both sides are written, what passes as it leaves", arguments: ["pcapng", "pcap"])
    func outputs(kind: String) throws {
        let capture = Self.alone.record(Self.near, at: Self.start).record(Self.third, at: Self.start + 1)
        let result = try Self.run([capture], rules: "udp dport 6 drop\nip ttl set 9") { settings, folder in
            settings.ingress = .port(0)
            for (path, isAccepted) in [(folder.path("accepted.\(kind)"), true), (folder.path("dropped.\(kind)"), false)] {
                var capture = CaptureSettings(path: path)
                capture.origin.ports = ["a", "b"]
                let file = try CaptureFile(capture)
                if isAccepted { settings.accepted = file } else { settings.dropped = file }
            }
        }
        func frames(_ name: String) throws -> [(bytes: [UInt8], interface: String?, direction: CapturedFrame.Direction, time: UInt64)] {
            var reader = try CaptureReader(path: result.folder.path("\(name).\(kind)"))
            var frames: [(bytes: [UInt8], interface: String?, direction: CapturedFrame.Direction, time: UInt64)] = []
            while let frame = try reader.next() {
                frames.append((Array(frame.bytes), reader.interface(frame.interface).name, frame.direction, frame.time))
            }
            return frames
        }
        let accepted = try frames("accepted")
        let dropped = try frames("dropped")
        #expect(accepted.count == 1 && dropped.count == 1)
        #expect(accepted.first?.bytes[22] == 9 && accepted.first?.bytes.count == Self.near.count, "the TTL that the rule set")
        #expect(dropped.first?.bytes == Self.third)
        #expect(accepted.first?.time == Self.start * 1000 && dropped.first?.time == (Self.start + 1) * 1000)
        guard kind == "pcapng" else { return }
        #expect(accepted.first?.interface == "b" && accepted.first?.direction == .outbound)
        #expect(dropped.first?.interface == "a" && dropped.first?.direction == .inbound)
    }

    /// Windows' segmentation offload and BIG TCP leave a length of 0 in what is captured before the hardware has it.
    @Test(
        "a super-frame without a length ends with its frame",
        arguments: [
            Frame.ethernet(to: 2, from: 1).ipv4(totalLength: 0).tcp(4000, 80).payload(60_000),
            Frame.ethernet(to: 2, from: 1).ipv6(payloadLength: 0).tcp(4000, 80).payload(60_000),
        ])
    func superFrameWithoutLength(_ frame: Frame) throws {
        let capture = CaptureBytes.pcap().record(frame.bytes, at: Self.start)
        let (_, report, _, problems, _) = try Self.run([capture], rules: "tcp dport 80 meta length > 60000 counter drop") {
            settings, _ in settings.ingress = .port(0)
        }
        #expect(problems.isEmpty)
        #expect(report.reasons["rule"]?.frames == 1, "\(report.reasons)")
    }

    @Test("the summary says what was not judged and which rules no frame matched")
    func summary() throws {
        let capture = Self.both.packet(Self.near, at: Self.start).packet(Self.near, interface: 1, at: Self.start)
            .packet(Self.far, interface: 1, at: Self.start + 1_500_000).packet(Self.near, at: Self.start, length: 999)
        let text = try Self.run([capture], rules: "tcp dport 80 accept\ntcp dport 81 drop").text
        for line in [
            " frames in ", ", from 2026-01-01T12:00:00.000000+0000 to 2026-01-01T12:00:01.500000+0000 (1.500 s); 2 judged\n",
            "\nnot judged: seen leaving: 1\n",
            "\nnot judged: cut off in the capture: 1 (--cut-frames zeros judges them)\n",
            "\na            1     54     1     54\n", "\nrules that no frame matched\nr.nft:6 c: tcp dport 81 drop\n",
            "\n      1     40  r.nft:5 c: tcp dport 80 accept\n",
        ] {
            #expect(text.contains(line), "\(line)\n\(text)")
        }
    }
}
