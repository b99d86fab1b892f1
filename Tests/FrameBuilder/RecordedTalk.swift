/// One healthy TCP conversation of 21 frames between stations 1 (client, 10.0.0.1) and 2 (server, 10.0.0.2), as it is recorded in different
/// places: a request of 100 bytes and an answer of 1,000, five times.
public struct RecordedTalk: Sendable {
    public struct Segment: Sendable {
        public var isFromClient: Bool
        public var bytes: [UInt8]
    }

    public private(set) var segments: [Segment] = []
    private var isPartial: Bool

    /// - Parameter isPartial: The client's checksums are left to its card: the client has recorded them.
    public init(isPartial: Bool = false) {
        self.isPartial = isPartial
        var (client, server) = (1000 as UInt32, 9000 as UInt32)
        add(true, 0x02, client, 0)
        client += 1
        add(false, 0x12, server, client)
        server += 1
        add(true, 0x10, client, server)
        for _ in 0..<5 {
            add(true, 0x18, client, server, payload: 100)
            client += 100
            add(false, 0x18, server, client, payload: 1000)
            server += 1000
            add(true, 0x10, client, server)
        }
        add(true, 0x11, client, server)
        add(false, 0x11, server, client + 1)
        add(true, 0x10, client + 1, server + 1)
    }

    private mutating func add(_ isUp: Bool, _ flags: UInt8, _ sequence: UInt32, _ acknowledgement: UInt32, payload: Int = 0) {
        func be(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
        let link = isUp ? Frame.ethernet(to: 2, from: 1) : Frame.ethernet(to: 1, from: 2)
        let addresses = isUp ? ("10.0.0.1", "10.0.0.2") : ("10.0.0.2", "10.0.0.1")
        let ports: (UInt16, UInt16) = isUp ? (4000, 80) : (80, 4000)
        let frame = link.ipv4(addresses.0, addresses.1).tcp(ports.0, ports.1, flags: flags).payload(payload)
            .patched(38, be(sequence) + be(acknowledgement))
        segments.append(Segment(isFromClient: isUp, bytes: frame.bytes.finished(isPartial: isUp && isPartial)))
    }

    public var frames: [[UInt8]] { segments.map(\.bytes) }
}
