/// Where the parts of an entry lie that the kernel's program and a worker share, in bytes from the entry's first.
///
/// The program works on an entry under its lock, which a worker takes too: neither sees half of what the other has changed.
public enum CarriedEntry {
    /// Bytes of an entry. Each of the blocks below has cache lines of its own.
    public static let size = 256

    /// 0, or 1 while somebody works on it (32 bits).
    public static let lock = 0
    /// The generation of rules under which frames of the flow are carried, or 0: they go up to the worker (32 bits).
    public static let generation = 4
    /// Frames that went up since the entry is known (64 bits).
    public static let raised = 8
    /// How many of them have passed the packet sockets (64 bits).
    public static let landed = 16
    /// Of the last frame, on CLOCK_MONOTONIC (64 bits, nanoseconds).
    public static let lastSeen = 24
    /// `Flag`s (32 bits).
    public static let flags = 32
    /// TCP's last segment (32 bits each): its end, its window, `TCPConnection.digest` of its length, the side that sent it, and how often
    /// it has come again.
    public static let lastEnd = 40
    public static let lastWindow = 44
    public static let lastLength = 48
    public static let lastSide = 52
    public static let retransmissions = 56
    /// The first side's block; the other one follows it.
    public static let sides = 64
    /// `CarriedKey` as the map has it.
    public static let key = 192

    /// What is known of the frames that come in by one of the two ports, from the block's first byte.
    public enum Side {
        public static let size = 64
        /// What was carried (64 bits each): frames, bytes of the packets, and bytes of the frames without a tag that stands apart.
        public static let frames = 0
        public static let packetBytes = 8
        public static let frameBytes = 16
        /// The MAC addresses, destination first, as the frame has them: bytes 0 and 1, 10 and 11, 2 to 5, 6 to 9.
        public static let macStart = 24
        public static let macEnd = 26
        public static let macFirst = 28
        public static let macSecond = 32
        /// TCP's window, as `TCPPeer` has it (32 bits each).
        public static let end = 36
        public static let maxEnd = 40
        public static let maxWindow = 44
        public static let maxAck = 48
        public static let scale = 52
        public static let flags = 56
    }

    public enum Flag {
        /// Frames from the first port, or from the second, are carried.
        public static let nearSide: UInt32 = 1
        public static let farSide: UInt32 = 2
        /// The MAC addresses have to be those of the entry.
        public static let checksMAC: UInt32 = 4
        /// The transport checksum has to be right.
        public static let verifiesChecksum: UInt32 = 8
        /// TCP segments have to be plainly inside the window.
        public static let tracksWindow: UInt32 = 16
    }

    /// Bits of `Side.flags`, which are `TCPPeer.Flag`'s.
    public enum PeerFlag {
        public static let sackPermitted = UInt32(TCPPeer.Flag.sackPermitted)
        public static let hasUnacknowledged = UInt32(TCPPeer.Flag.hasUnacknowledged)
        public static let hasMaxAck = UInt32(TCPPeer.Flag.hasMaxAck)
    }
}

/// By what the kernel's program finds a flow. Both directions have the same key: what stands on the side of the first port comes first.
///
///     bytes 0…15   address of the host at the first port; an IPv4 address in the first four bytes, then zeros
///     bytes 16…31  of the host at the second port
///     bytes 32, 33 port of the former; of an echo its identifier; else 0
///     bytes 34, 35 port of the latter; of an echo the index of the port by which requests come, and the code; else 0
///     byte 36      IP protocol
///     byte 37      4 or 6
///     byte 38      0 without a tag, 1 for 802.1Q, 2 for 802.1ad
///     bytes 40, 41 VLAN identifier, in the machine's order
public struct CarriedKey: Sendable {
    public static let size = 44
    public static let nearPort = 32
    public static let farPort = 34
    public static let transportProtocol = 36
    public static let version = 37
    public static let tagKind = 38
    public static let vlan = 40

    public private(set) var bytes = InlineArray<44, UInt8>(repeating: 0)

    /// - Parameters:
    ///   - tuple: Of one direction.
    ///   - side: The port by which packets of that direction come.
    ///   - link: As `FlowLink` packs it.
    init?(_ tuple: FlowTuple, side: UInt8, link: UInt32) {
        let kind = link >> 24 & 7
        // More tags than one are no part of the key.
        guard side < 2, kind < 3 else { return nil }
        let (near, far) = side == 0 ? (tuple.source, tuple.destination) : (tuple.destination, tuple.source)
        put(near, at: 0, isIPv6: tuple.isIPv6)
        put(far, at: 16, isIPv6: tuple.isIPv6)
        if ICMPMessage.isICMP(tuple.transportProtocol) {
            put(tuple.sourcePort, at: Self.nearPort)
            bytes[Self.farPort] = side
            bytes[Self.farPort + 1] = UInt8(truncatingIfNeeded: tuple.destinationPort)
        } else {
            let (nearPort, farPort) =
                side == 0 ? (tuple.sourcePort, tuple.destinationPort) : (tuple.destinationPort, tuple.sourcePort)
            put(nearPort, at: Self.nearPort)
            put(farPort, at: Self.farPort)
        }
        bytes[Self.transportProtocol] = tuple.transportProtocol
        bytes[Self.version] = tuple.isIPv6 ? 6 : 4
        bytes[Self.tagKind] = UInt8(truncatingIfNeeded: kind)
        if kind > 0 {
            let identifier = UInt16(truncatingIfNeeded: link & 0xfff)
            let isLittle = UInt16(1).littleEndian == 1
            let (low, high) = (UInt8(truncatingIfNeeded: identifier), UInt8(truncatingIfNeeded: identifier >> 8))
            bytes[Self.vlan] = isLittle ? low : high
            bytes[Self.vlan + 1] = isLittle ? high : low
        }
    }

    private mutating func put(_ address: UInt128, at place: Int, isIPv6: Bool) {
        let count = isIPv6 ? 16 : 4
        for index in 0..<count { bytes[place + index] = UInt8(truncatingIfNeeded: address >> UInt128(8 * (count - 1 - index))) }
    }

    private mutating func put(_ port: UInt16, at place: Int) {
        bytes[place] = UInt8(truncatingIfNeeded: port >> 8)
        bytes[place + 1] = UInt8(truncatingIfNeeded: port)
    }
}
