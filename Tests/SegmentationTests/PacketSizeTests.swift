import FrameBuilder
import Segmentation
import Testing
import Wire

/// What a frame becomes on the wire, by which "too big" is judged.
@Suite struct PacketSizeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let frame: Frame
        /// gso_type of the `virtio_net_hdr`, gso_size, and csum_start, or nil for a finished checksum.
        let type: UInt8
        let size: UInt16
        let start: UInt16?
        /// Bytes of the largest network-layer packet; nil if they can't be known.
        let expected: Int?

        init(_ description: String, _ frame: Frame, _ type: UInt8, _ size: UInt16, at start: UInt16?, is expected: Int?) {
            (testDescription, self.frame, self.type, self.size, self.start, self.expected) = (
                description, frame, type, size, start, expected
            )
        }
    }

    /// linux/virtio_net.h: VIRTIO_NET_HDR_GSO_TCPV4, _TCPV6, _UDP_L4, _NONE, _ECN and _UDP.
    private static let (tcp4, tcp6, udp, none, congested, fragments) = (1, 4, 5, 0, 0x80, 3) as (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8)
    private static let link = Frame.ethernet()
    private static let outer4 = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2")
    private static let outer6 = Frame.ethernet().ipv6("fd00::1", "fd00::2")
    /// Inner Ethernet and IPv4 headers, and a TCP header with 12 bytes of options.
    private static let vxlan: [UInt8] =
        [8, 0, 0, 0, 0, 0, 42, 0] + Frame.ethernet().ipv4().ipPayload(6, tcpHeader + [UInt8](repeating: 1, count: 9000)).bytes
    private static let tcpHeader: [UInt8] =
        [15, 160, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 16, 255, 255, 0, 0, 0, 0] + Array(repeating: 1, count: 12)

    static let cases: [Case] = [
        Case("a plain frame", outer4.udp(1, 2).payload(100), none, 0, at: nil, is: 128),
        Case("a plain frame's padding doesn't count", outer4.udp(1, 2).padded(to: 60), none, 0, at: nil, is: 28),
        Case("a plain frame with tags", link.vlan(5).vlan(6).ipv4().udp(1, 2).payload(100), none, 0, at: nil, is: 128),
        Case("no IP", link.arp(), tcp4, 1448, at: 34, is: nil),
        Case("TCP", outer4.tcp(1, 2).payload(9000), tcp4, 1448, at: 34, is: 1488),
        Case("TCP, its checksum finished", outer4.tcp(1, 2).payload(9000), tcp4, 1448, at: nil, is: 1488),
        Case("TCP with CWR", outer4.tcp(1, 2).payload(9000), tcp4 | congested, 1448, at: 34, is: 1488),
        Case("TCP with options", outer6.ipPayload(6, tcpHeader + [UInt8](repeating: 1, count: 9000)), tcp6, 1428, at: 54, is: 1500),
        Case("TCP after a tag", link.vlan(5).ipv4().tcp(1, 2).payload(9000), tcp4, 1448, at: 38, is: 1488),
        Case("TCP whose header is cut off", outer4.ipPayload(6, [UInt8](repeating: 0, count: 19)), tcp4, 1448, at: 34, is: nil),
        Case("datagrams", outer6.udp(1, 2).payload(9000), udp, 1200, at: 54, is: 1248),
        Case("UDP fragmentation offload", outer4.udp(1, 2).payload(9000), fragments, 1480, at: 34, is: 1500),
        Case("TCP in VXLAN", outer4.udp(50000, 4789).payload(vxlan), tcp4, 1398, at: 84, is: 1398 + 32 + 20 + 14 + 8 + 8 + 20),
        Case("TCP in VXLAN over IPv6", outer6.udp(50000, 4789).payload(vxlan), tcp4, 1398, at: 104, is: 1398 + 32 + 20 + 14 + 8 + 8 + 40),
        // Whatever the sender's machine says: what comes before the outer transport header can't be the transport header.
        Case("a start before the transport header", outer4.tcp(1, 2).payload(9000), tcp4, 1448, at: 14, is: 1488),
        Case("a start beyond the frame", outer4.tcp(1, 2).payload(100), tcp4, 1448, at: 60_000, is: nil),
        // BIG TCP as Linux up to 6.18 has it: no segment has the option.
        Case(
            "TCP after a jumbo option", link.ipv6("fd00::1", "fd00::2", payloadLength: 0).ipPayload(0, jumbo), tcp6, 1428, at: 62,
            is: 1428 + 32 + 40),
    ]

    private static let jumbo: [UInt8] =
        [6, 0, 0xc2, 4, 0, 1, 0x11, 0x98] + tcpHeader + [UInt8](repeating: 1, count: 70_040 - 8 - 32)

    @Test("bytes of the largest packet on the wire", arguments: cases)
    func largestOnWire(_ test: Case) {
        let bytes = test.frame.bytes
        let offload = OffloadHeader(
            flags: test.start == nil ? 0 : OffloadHeader.needsChecksumFlag, type: test.type, segmentSize: test.size,
            checksumStart: test.start ?? 0, checksumOffset: 0)
        let parsed = ParsedFrame.parse(bytes.span.bytes, tag: nil, zeroLength: test.type == Self.none ? .literal : .superFrame)
        #expect(PacketSize.largestOnWire(parsed, offload, bytes.span.bytes) == test.expected)
    }
}
