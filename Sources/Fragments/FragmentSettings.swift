/// What is done with fragments.
public enum FragmentMode: String, Sendable, CaseIterable {
    /// Held until the datagram is whole, judged as one packet, then released in the order in which they came.
    case reassemble
    /// The first fragment, which has to hold the whole transport header, is judged; the others follow it if they fit.
    case track
    /// No fragment passes.
    case drop
}

/// What fragments may cost, for one worker. All of it is set aside at the start.
public struct FragmentLimits: Sendable, Equatable {
    /// Bytes for all of it, records and tables included; at least `smallestBytes`.
    public var bytes: Int
    /// Datagrams of which fragments are held, 1 to 65,536; no more than one for each 2 KiB of `bytes`.
    public var datagrams: Int
    /// Fragments of one datagram, 2 to 8,192: a datagram of 65,535 bytes has no more of 8 bytes each.
    public var fragmentsPerDatagram: Int
    /// Bytes that may be held of what one host sends to one other.
    public var bytesPerPair: Int
    /// Nanoseconds from the first fragment that came to the last that may: RFC 791's upper bound is 255 s, Linux waits 30 s.
    public var ipv4Timeout: UInt64
    /// The same for IPv6: 60 s (RFC 8200, section 4.5).
    public var ipv6Timeout: UInt64

    /// Room for two frames of 64 KiB, and for putting them together.
    public static let smallestBytes = 512 << 10

    /// What lies outside of a limit's range is taken for the nearest that does not.
    public init(
        bytes: Int = 4 << 20, datagrams: Int = 2048, fragmentsPerDatagram: Int = 1024, bytesPerPair: Int? = nil,
        ipv4Timeout: UInt64 = 30_000_000_000, ipv6Timeout: UInt64 = 60_000_000_000
    ) {
        self.bytes = max(bytes, Self.smallestBytes)
        self.datagrams = min(max(datagrams, 1), 1 << 16, self.bytes / 2048)
        self.fragmentsPerDatagram = min(max(fragmentsPerDatagram, 2), 8192)
        self.bytesPerPair = min(max(bytesPerPair ?? self.bytes / 4, 1), self.bytes)
        self.ipv4Timeout = ipv4Timeout
        self.ipv6Timeout = ipv6Timeout
    }
}

/// Why a fragment dies.
public enum FragmentDeath: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// Fragments are not let through at all.
    case mode
    /// The datagram was not whole in time.
    case timeout
    /// Two fragments claim the same bytes (RFC 8200, section 4.5, RFC 5722): the datagram dies.
    case overlap
    /// The same fragment once more, byte for byte: only it dies.
    case duplicate
    /// The fragments disagree about where the datagram ends: it dies.
    case endConflict
    /// It would end beyond 65,535 bytes.
    case tooLong
    /// It has no data.
    case empty
    /// It is not the last, and its length is no multiple of 8.
    case badLength
    /// Some fragments are marked as of an ECN-capable transport and others are not (RFC 3168, section 5.3): the datagram dies.
    case ecn
    /// The first fragment ends within its headers (RFC 7112, RFC 1858).
    case headerChain
    /// The datagram holds a fragment header of its own that is not atomic: it dies. A host beyond Weir drops it too (`ipv6_frag_rcv`).
    case nested
    /// No room among `FragmentLimits.bytes`.
    case limitBytes
    /// No room among `FragmentLimits.datagrams`.
    case limitDatagrams
    /// The datagram has more than `FragmentLimits.fragmentsPerDatagram`.
    case limitFragments
    /// The pair of hosts holds more than `FragmentLimits.bytesPerPair`.
    case limitPair
}
