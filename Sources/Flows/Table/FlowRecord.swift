/// Four words, so that records need no more than four bytes of alignment.
struct StoredAddress: BitwiseCopyable {
    private var words: (UInt32, UInt32, UInt32, UInt32)

    init(_ address: UInt128) {
        words = (
            UInt32(truncatingIfNeeded: address), UInt32(truncatingIfNeeded: address >> 32),
            UInt32(truncatingIfNeeded: address >> 64), UInt32(truncatingIfNeeded: address >> 96)
        )
    }

    var value: UInt128 {
        @inline(__always) get {
            let low = UInt64(words.1) << 32 | UInt64(words.0)
            let high = UInt64(words.3) << 32 | UInt64(words.2)
            return UInt128(high) << 64 | UInt128(low)
        }
    }
}

/// What a protocol remembers of a flow: 44 bytes, which each of them reads in its own way.
struct TransportMemory: BitwiseCopyable {
    var first = (UInt32(0), UInt32(0), UInt32(0), UInt32(0))
    var second = (UInt32(0), UInt32(0), UInt32(0), UInt32(0))
    var third = (UInt32(0), UInt32(0), UInt32(0))
}

/// What has passed, and, of a flow that may have to make room, its neighbours in the list of those.
///
/// Bytes count to 2^48 and packets to 2^40 in each direction, and stay there. Of a listed flow the upper bits are where the
/// neighbours stand, so it is listed only while 32 bits are enough for all four numbers.
struct FlowAccount: BitwiseCopyable {
    private var bytes = (UInt32(0), UInt32(0))
    private var packets = (UInt32(0), UInt32(0))
    private var upper = (UInt16(0), UInt16(0), UInt16(0))

    /// No neighbour.
    static let none: Int32 = 0xff_ffff

    func byteCount(_ direction: FlowDirection, isListed: Bool) -> UInt64 {
        let low = UInt64(direction == .original ? bytes.0 : bytes.1)
        return isListed ? low : low | UInt64(direction == .original ? upper.0 : upper.1) << 32
    }

    func packetCount(_ direction: FlowDirection, isListed: Bool) -> UInt64 {
        let low = UInt64(direction == .original ? packets.0 : packets.1)
        return isListed ? low : low | UInt64(direction == .original ? upper.2 & 0xff : upper.2 >> 8) << 32
    }

    /// Counts a packet; false, and nothing is counted, where a listed flow has no room for it.
    mutating func count(_ length: Int, _ direction: FlowDirection, isListed: Bool) -> Bool {
        count(UInt64(truncatingIfNeeded: max(0, length)), packets: 1, direction, isListed: isListed)
    }

    /// Counts several packets, in the same way.
    @inline(__always)
    mutating func count(_ bytes: UInt64, packets: UInt64, _ direction: FlowDirection, isListed: Bool) -> Bool {
        let byteCount = byteCount(direction, isListed: isListed) &+ bytes
        let packetCount = packetCount(direction, isListed: isListed) &+ packets
        if isListed {
            guard byteCount <= UInt64(UInt32.max), packetCount <= UInt64(UInt32.max) else { return false }
        }
        set(min(byteCount, 1 << 48 - 1), min(packetCount, 1 << 40 - 1), direction, isListed: isListed)
        return true
    }

    private mutating func set(_ byteCount: UInt64, _ packetCount: UInt64, _ direction: FlowDirection, isListed: Bool) {
        if direction == .original {
            bytes.0 = UInt32(truncatingIfNeeded: byteCount)
            packets.0 = UInt32(truncatingIfNeeded: packetCount)
        } else {
            bytes.1 = UInt32(truncatingIfNeeded: byteCount)
            packets.1 = UInt32(truncatingIfNeeded: packetCount)
        }
        guard !isListed else { return }
        let packetsAbove = UInt16(truncatingIfNeeded: packetCount >> 32)
        if direction == .original {
            upper.0 = UInt16(truncatingIfNeeded: byteCount >> 32)
            upper.2 = upper.2 & 0xff00 | packetsAbove
        } else {
            upper.1 = UInt16(truncatingIfNeeded: byteCount >> 32)
            upper.2 = upper.2 & 0x00ff | packetsAbove << 8
        }
    }

    /// True if the numbers leave room for neighbours.
    var fitsList: Bool { upper == (0, 0, 0) }

    /// Neighbours of a listed flow; `none` at the ends.
    var newer: Int32 {
        get { Int32(upper.0) | Int32(upper.2 & 0xff) << 16 }
        set {
            upper.0 = UInt16(truncatingIfNeeded: newValue)
            upper.2 = upper.2 & 0xff00 | UInt16(truncatingIfNeeded: newValue >> 16) & 0xff
        }
    }
    var older: Int32 {
        get { Int32(upper.1) | Int32(upper.2 >> 8) << 16 }
        set {
            upper.1 = UInt16(truncatingIfNeeded: newValue)
            upper.2 = upper.2 & 0x00ff | UInt16(truncatingIfNeeded: newValue >> 16) << 8
        }
    }

    /// Takes the neighbours out, where the upper bits begin at 0.
    mutating func clearNeighbours() { upper = (0, 0, 0) }
}

/// A flow as the table holds it: 116 bytes.
struct FlowRecord: BitwiseCopyable {
    var source = StoredAddress(0)
    var destination = StoredAddress(0)
    var sourcePort: UInt16 = 0
    var destinationPort: UInt16 = 0
    /// See `FlowLink`.
    var link: UInt32 = 0
    var mark: UInt32 = 0
    /// When it began, in 2^30 ns.
    var start: UInt32 = 0
    var memory = TransportMemory()
    var account = FlowAccount()
    var transportProtocol: UInt8 = 0
    /// `Flag`s, and in the upper four bits the policy of timeouts; 0 is that of the settings.
    private var flags: UInt8 = 0

    struct Flag {
        /// `IPS_SEEN_REPLY`.
        static let seenReply: UInt8 = 1
        /// `IPS_ASSURED`.
        static let assured: UInt8 = 2
        /// In a list of those that may have to make room.
        static let listed: UInt8 = 4
        /// Both ends have closed it, so the list is that of the finished.
        static let finished: UInt8 = 8
    }

    init() {}

    init(_ tuple: FlowTuple, link: UInt32, start: UInt64) {
        source = StoredAddress(tuple.source)
        destination = StoredAddress(tuple.destination)
        sourcePort = tuple.sourcePort
        destinationPort = tuple.destinationPort
        transportProtocol = tuple.transportProtocol
        self.link = link
        self.start = UInt32(truncatingIfNeeded: start >> 30)
    }

    @inline(__always)
    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    @inline(__always)
    mutating func set(_ flag: UInt8, _ value: Bool) { flags = value ? flags | flag : flags & ~flag }

    var policy: UInt8 {
        get { flags >> 4 }
        set { flags = flags & 0x0f | newValue << 4 }
    }

    /// The direction that began it.
    var original: FlowTuple {
        FlowTuple(
            source: source.value, destination: destination.value, sourcePort: sourcePort, destinationPort: destinationPort,
            transportProtocol: transportProtocol, isIPv6: link & FlowLink.isIPv6 != 0)
    }

    /// Which way a normalized tuple goes in this flow; nil if it belongs to another.
    @inline(__always)
    func direction(of tuple: FlowTuple, link: UInt32) -> FlowDirection? {
        guard self.link == link, transportProtocol == tuple.transportProtocol else { return nil }
        if sourcePort == tuple.sourcePort, destinationPort == tuple.destinationPort, source.value == tuple.source,
            destination.value == tuple.destination
        {
            return .original
        }
        if sourcePort == tuple.destinationPort, destinationPort == tuple.sourcePort, source.value == tuple.destination,
            destination.value == tuple.source, !ICMPMessage.isICMP(transportProtocol)
        {
            return .reply
        }
        return nil
    }
}
