import Capture
import FrameBuilder
import Testing

/// Frames of other links become frames of Ethernet.
@Suite struct LinkTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var linkType: UInt16
        /// What stands before the packet.
        var header: [UInt8]
        /// The packet; IPv4 unless another is said.
        var packet = LinkTests.ipv4
        /// What stands after it.
        var trailer: [UInt8] = []
        /// Destination, source and type; nil if the frame can't be given them.
        var ethernet: [UInt8]?
        var direction = CapturedFrame.Direction.unknown
        var number: UInt32?
    }

    static let ipv4 = Array(Frame.ethernet().ipv4().udp(4, 53).payload(9).bytes[14...])
    static let ipv6 = Array(Frame.ethernet().ipv6().udp(4, 53).payload(9).bytes[14...])
    private static let nobody: [UInt8] = [2, 0, 0, 0, 0, 0]
    private static let client: [UInt8] = [2, 0, 0, 0, 0, 1]
    private static let server: [UInt8] = [2, 0, 0, 0, 0, 2]
    private static let third: [UInt8] = [2, 0, 0, 0, 0, 3]
    private static let v4: [UInt8] = [0x08, 0x00]
    private static let v6: [UInt8] = [0x86, 0xdd]
    private static let snap: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]

    /// A data frame's header: control, duration, three addresses, sequence.
    private static func wireless(_ control: [UInt8], _ addresses: [[UInt8]], rest: [UInt8] = []) -> [UInt8] {
        control + [0, 0] + addresses[0] + addresses[1] + addresses[2] + [0x10, 0] + rest
    }

    /// An attribute of NFLOG, in the file's byte order, which is the little one.
    private static func attribute(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
        [UInt8(4 + value.count), 0, type, 0] + value + [UInt8](repeating: 0, count: -value.count & 3)
    }

    static let cases: [Case] = [
        Case(
            testDescription: "LINUX_SLL to us", linkType: 113, header: [0, 0, 0, 1, 0, 6] + client + [0, 0] + v4,
            ethernet: nobody + client + v4, direction: .inbound),
        Case(
            testDescription: "LINUX_SLL from us", linkType: 113, header: [0, 4, 0, 1, 0, 6] + client + [0, 0] + v4,
            ethernet: nobody + client + v4, direction: .outbound),
        Case(
            testDescription: "LINUX_SLL broadcast", linkType: 113, header: [0, 1, 0, 1, 0, 6] + client + [0, 0] + v4,
            ethernet: [UInt8](repeating: 0xff, count: 6) + client + v4, direction: .inbound),
        Case(
            testDescription: "LINUX_SLL of a tunnel", linkType: 113,
            header: [0, 0, 0xff, 0xfe, 0, 0] + [UInt8](repeating: 0, count: 8) + v6,
            packet: ipv6, ethernet: nobody + nobody + v6, direction: .inbound),
        Case(testDescription: "LINUX_SLL cut off", linkType: 113, header: [0, 0, 0, 1], packet: []),
        Case(
            testDescription: "LINUX_SLL2", linkType: 276, header: v4 + [0, 0, 0, 0, 1, 7, 0, 1, 0, 6] + client + [0, 0],
            ethernet: nobody + client + v4, direction: .inbound, number: 0x107),
        Case(
            testDescription: "LINUX_SLL2 from us", linkType: 276, header: v4 + [0, 0, 0, 0, 0, 3, 0, 1, 4, 6] + client + [0, 0],
            ethernet: nobody + client + v4, direction: .outbound, number: 3),
        Case(
            testDescription: "LINUX_SLL2, LLC", linkType: 276, header: [0, 4, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6] + client + [0, 0],
            packet: [0x42, 0x42, 3], ethernet: nobody + client + [0, 3], direction: .inbound, number: 3),
        Case(testDescription: "RAW, IPv4", linkType: 101, header: [], ethernet: nobody + nobody + v4),
        Case(testDescription: "RAW, IPv6", linkType: 101, header: [], packet: ipv6, ethernet: nobody + nobody + v6),
        Case(testDescription: "RAW, neither", linkType: 101, header: [], packet: [0x50, 0, 0]),
        Case(testDescription: "RAW as DLT_RAW", linkType: 12, header: [], ethernet: nobody + nobody + v4),
        Case(testDescription: "IPV4", linkType: 228, header: [], ethernet: nobody + nobody + v4),
        Case(testDescription: "IPV6", linkType: 229, header: [], packet: ipv6, ethernet: nobody + nobody + v6),
        Case(testDescription: "NULL", linkType: 0, header: [2, 0, 0, 0], ethernet: nobody + nobody + v4),
        Case(testDescription: "NULL of macOS", linkType: 0, header: [30, 0, 0, 0], packet: ipv6, ethernet: nobody + nobody + v6),
        Case(testDescription: "NULL of a big machine", linkType: 0, header: [0, 0, 0, 28], packet: ipv6, ethernet: nobody + nobody + v6),
        Case(testDescription: "NULL, AppleTalk", linkType: 0, header: [16, 0, 0, 0]),
        Case(testDescription: "LOOP", linkType: 108, header: [0, 0, 0, 24], packet: ipv6, ethernet: nobody + nobody + v6),
        Case(testDescription: "PPP", linkType: 9, header: [0, 0x21], ethernet: nobody + nobody + v4),
        Case(testDescription: "PPP, compressed", linkType: 9, header: [0x57], packet: ipv6, ethernet: nobody + nobody + v6),
        Case(testDescription: "PPP in HDLC", linkType: 50, header: [0xff, 3, 0, 0x21], ethernet: nobody + nobody + v4),
        Case(testDescription: "PPP, LCP", linkType: 9, header: [0xff, 3, 0xc0, 0x21]),
        Case(
            testDescription: "802.11 to the access point", linkType: 105, header: wireless([0x08, 1], [third, client, server]) + snap,
            ethernet: server + client + v4),
        Case(
            testDescription: "802.11 from the access point, with QoS", linkType: 105,
            header: wireless([0x88, 2], [server, third, client], rest: [0, 0]) + snap, ethernet: server + client + v4),
        Case(
            testDescription: "802.11 from station to station, with HT control", linkType: 105,
            header: wireless([0x88, 0x80], [server, client, third], rest: [0, 0, 0, 0, 0, 0]) + snap, ethernet: server + client + v4),
        Case(
            testDescription: "802.11 between bridges", linkType: 105,
            header: wireless([0x08, 3], [third, third, server], rest: client) + snap, ethernet: server + client + v4),
        Case(
            testDescription: "802.11, LLC", linkType: 105, header: wireless([0x08, 1], [third, client, server]),
            packet: [0x42, 0x42, 3, 0], ethernet: server + client + [0, 4]),
        Case(testDescription: "802.11, encrypted", linkType: 105, header: wireless([0x08, 0x41], [third, client, server]) + snap),
        Case(testDescription: "802.11, a beacon", linkType: 105, header: wireless([0x80, 0], [third, client, server]) + snap),
        Case(testDescription: "802.11, no data", linkType: 105, header: wireless([0x48, 1], [third, client, server]) + snap),
        Case(
            testDescription: "802.11, several packets", linkType: 105,
            header: wireless([0x88, 1], [third, client, server], rest: [0x80, 0]) + snap),
        Case(
            testDescription: "radiotap", linkType: 127,
            header: [0, 0, 9, 0, 2, 0, 0, 0, 0x10] + wireless([0x08, 1], [third, client, server]) + snap, trailer: [1, 2, 3, 4],
            ethernet: server + client + v4),
        Case(
            testDescription: "radiotap with a time, two words and padding", linkType: 127,
            header: [0, 0, 26, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x20, 0]
                + wireless([0x88, 1], [third, client, server], rest: [0, 0, 0, 0]) + snap, ethernet: server + client + v4),
        Case(
            testDescription: "DSA to the host", linkType: 283, header: server + client + [0x00, 3 << 3, 0, 0] + v4,
            ethernet: server + client + v4, direction: .inbound, number: 3),
        Case(
            testDescription: "DSA from the host, tagged", linkType: 283, header: server + client + [0x60, 2 << 3, 0x60, 5] + v4,
            ethernet: server + client + [0x81, 0, 0x60, 5] + v4, direction: .outbound, number: 2),
        Case(
            testDescription: "EDSA", linkType: 284, header: server + client + [0xda, 0xda, 0, 0, 0xc0, 1 << 3, 0, 0] + v4,
            ethernet: server + client + v4, direction: .inbound, number: 1),
        Case(testDescription: "DSA to a sniffer", linkType: 283, header: server + client + [0x80, 1 << 3, 0, 0] + v4),
        Case(
            testDescription: "NFLOG", linkType: 239,
            header: [2, 0, 0, 5] + attribute(1, [8, 0, 1, 0]) + attribute(4, [0, 0, 0, 9]) + attribute(8, [0, 6, 0, 0] + client + [0, 0])
                + [UInt8(4 + ipv4.count), 0, 9, 0], ethernet: nobody + client + v4, direction: .inbound, number: 9),
        Case(
            testDescription: "NFLOG of a bridge, going out", linkType: 239,
            header: [7, 0, 0, 5] + attribute(1, [0x86, 0xdd, 4, 0]) + attribute(5, [0, 0, 0, 8])
                + attribute(16, server + client + v6) + [UInt8(4 + ipv6.count), 0, 9, 0], packet: ipv6,
            ethernet: server + client + v6, direction: .outbound, number: 8),
        Case(testDescription: "NFLOG, an attribute without an end", linkType: 239, header: [2, 0, 0, 5, 0, 0, 0, 0]),
        Case(
            testDescription: "ERF", linkType: 197,
            header: [UInt8](repeating: 1, count: 8) + [2, 6, 0, 80, 0, 0, 0, UInt8(ipv4.count + 18), 0, 0] + server + client + v4,
            trailer: [1, 2, 3, 4, 0, 0, 0], ethernet: server + client + v4, number: 2),
        Case(
            testDescription: "ERF with an extension", linkType: 197,
            header: [UInt8](repeating: 1, count: 8) + [0x82, 4, 0, 80, 0, 0, 0, UInt8(ipv4.count + 18)] + [UInt8](repeating: 0, count: 8)
                + [0, 0] + server + client + v4, trailer: [1, 2, 3, 4], ethernet: server + client + v4, number: 0),
        Case(
            testDescription: "ERF, no Ethernet", linkType: 197,
            header: [UInt8](repeating: 1, count: 8) + [1, 4, 0, 80, 0, 0, 0, 60] + server + client + v4),
    ]

    private enum Container: CaseIterable {
        case pcap, enhanced, simple
    }

    @Test("a frame has an Ethernet header, in all kinds of records", arguments: cases)
    func link(_ test: Case) throws {
        let whole = test.header + test.packet + test.trailer
        for container in Container.allCases {
            let section = CaptureBytes.pcapng().interface("a", linkType: test.linkType)
            // The second one finds the memory as the first one has left it.
            let capture =
                switch container {
                case .pcap: CaptureBytes.pcap(word: UInt32(test.linkType)).record(whole, at: 1).record(whole, at: 2)
                case .enhanced: section.packet(whole, at: 1).packet(whole, at: 2)
                case .simple: section.simplePacket(whole).simplePacket(whole)
                }
            var reader = try CaptureReader(of: capture.bytes)
            for _ in 0..<2 {
                let frame = try #require(try reader.next())
                guard let ethernet = test.ethernet else {
                    #expect(frame.link == .unreadable, "\(container)")
                    continue
                }
                #expect(frame.link == .given, "\(container)")
                #expect(Array(frame.bytes) == ethernet + test.packet, "\(container)")
                #expect(frame.length == frame.bytes.count && !frame.isCut)
                #expect(frame.direction == test.direction)
                #expect(frame.interfaceNumber == test.number)
            }
            #expect(try reader.next() == nil)
        }
    }

    @Test(
        "of any bytes at all nothing is read beyond their end",
        arguments: [0, 9, 12, 50, 101, 105, 108, 113, 127, 197, 228, 229, 239, 276, 283, 284])
    func anything(_ linkType: UInt32) throws {
        var random = SeededGenerator(seed: UInt64(linkType))
        var capture = CaptureBytes.pcap(word: linkType)
        let count = 3000
        for number in 0..<count {
            let length = Int(random.next() % 70)
            let bytes = (0..<length).map { _ in random.oneIn(3) ? 0 : UInt8(truncatingIfNeeded: random.next()) }
            capture = capture.record(bytes, at: UInt64(number), length: UInt32(length) + (random.oneIn(4) ? 40 : 0))
        }
        let bytes = capture.bytes
        var reader = try CaptureReader(of: bytes)
        var read = 0
        while let frame = try reader.next() {
            read += 1
            #expect(frame.bytes.count <= frame.length)
            #expect(frame.link == .unreadable || frame.bytes.count >= 14)
        }
        #expect(read == count)
    }

    /// The longer headers of records that patched kernels and programs have written under pcap's number.
    @Test(
        "records have headers as long as their writer's",
        arguments: [
            (0xa1b2_c3d4 as UInt32, 16, nil as UInt32?), (0xa1b2_c3d4, 20, nil), (0xa1b2_c3d4, 24, 7), (0xa1b2_cd34, 24, 7),
            (0xa1b2_cd34, 28, 7),
        ], [2, 3, 5])
    func patched(_ format: (magic: UInt32, header: Int, number: UInt32?), frames: Int) throws {
        func le(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        let frame = Frame.ethernet().ipv4().udp(4, 53).payload(30).bytes
        var bytes = le(format.magic) + [2, 0, 4, 0] + [UInt8](repeating: 0, count: 8) + le(65_535) + le(1)
        for number in 0..<frames {
            let rest = le(7) + [0, 8, number % 2 == 0 ? 0 : 4, 0, 1, 1, 0, 0]
            let length = UInt32(frame.count)
            bytes += (le(1_700_000_000 + UInt32(number)) + le(5) + le(length) + le(length) + rest).prefix(format.header) + frame
        }
        var reader = try CaptureReader(of: bytes)
        for number in 0..<frames {
            let read = try #require(try reader.next())
            #expect(Array(read.bytes) == frame)
            #expect(read.time == (1_700_000_000 + UInt64(number)) * 1_000_000_000 + 5000)
            #expect(read.interfaceNumber == format.number)
            #expect(read.direction == (format.number == nil ? .unknown : number % 2 == 0 ? .inbound : .outbound))
        }
        #expect(try reader.next() == nil)
    }

    @Test("a device's clock that is set between two frames makes no longer header of an address that looks like two lengths")
    func clockSet() throws {
        let frame = Frame.ethernet(to: macAddress("02:77:00:00:00:02"), from: macAddress("02:77:00:00:00:01")).ipv4().udp(4, 53).bytes
        let times: [UInt64] = [0, 1_700_000_001_000_000]
        let capture = times.reduce(CaptureBytes.pcap()) { $0.record(frame, at: $1) }
        var reader = try CaptureReader(of: capture.bytes)
        for time in times {
            let read = try #require(try reader.next())
            #expect(Array(read.bytes) == frame && read.time == time * 1000)
        }
        #expect(try reader.next() == nil)
    }

    @Test(
        "before 2.4 the lengths of a record may stand in the other order",
        arguments: [(0, true), (1, true), (2, true), (3, true), (3, false)])
    func oldVersions(minor: UInt16, isSwapped: Bool) throws {
        let frame = Frame.ethernet().ipv4().udp(4, 53).payload(30).bytes
        let kept = Array(frame.prefix(40))
        var capture = CaptureBytes.pcap(version: (2, minor)).record(kept, at: 5, length: UInt32(frame.count))
        if isSwapped {
            let lengths = Array(capture.bytes[32..<40])
            capture.bytes.replaceSubrange(32..<40, with: lengths[4...] + lengths[..<4])
        }
        var reader = try CaptureReader(of: capture.bytes)
        let read = try #require(try reader.next())
        #expect(Array(read.bytes) == kept && read.length == frame.count)
    }

    @Test(
        "a format that can't be read has a name, and a way to convert it",
        arguments: [
            (Array("snoop".utf8) + [0, 0, 0], "is a snoop capture; editcap -F pcapng FILE NEW"),
            (Array("GMBU".utf8), "is a capture of Microsoft's Network Monitor; editcap"),
            ([0x12, 0xcb, 0xe2, 0xa1], "is a pcap with fields of netsniff-ng's own; netsniff-ng --in FILE"),
        ])
    func refused(_ bytes: [UInt8], _ text: String) throws {
        #expect {
            _ = try CaptureReader(path: "capture") { buffer in
                buffer.copyBytes(from: bytes)
                return bytes.count
            }
        } throws: { error in
            "\(error)".contains(text)
        }
    }
}
