/// A header that tells how long what follows is, counts packets, or has a checksum over what follows: what differs between
/// the segments of a super-frame.
struct Layer: Sendable {
    enum Kind: UInt8, Sendable {
        /// Total length, identification, header checksum (RFC 791, section 3.1).
        case ipv4
        /// Payload length (RFC 8200, section 3).
        case ipv6
        /// Length, and a checksum or none (RFC 768).
        case udp
        /// A checksum over the rest of the packet, and a sequence number, where its flags say so (RFC 2784, RFC 2890).
        case gre
        /// Length (RFC 2516, section 4).
        case pppoe
        /// Length, and a sequence number where its flags say so (3GPP TS 29.281, section 5.1).
        case gtp
        /// An Ethernet header in a tunnel, with its tags. Nothing in it differs.
        case ethernet
    }

    var kind: Kind
    /// The header's first byte.
    var offset: UInt16
    /// The header's own bytes; of IPv6, with the extension headers.
    var length: UInt16
}

/// The layers of one frame, outermost first.
struct LayerList: Sendable {
    /// Two levels of encapsulation take at most eight.
    static let capacity = 12

    private var layers = InlineArray<12, Layer>(repeating: Layer(kind: .ipv4, offset: 0, length: 0))
    private(set) var count = 0

    subscript(index: Int) -> Layer {
        get { layers[index] }
        set { layers[index] = newValue }
    }

    /// False where there is no room.
    mutating func append(_ layer: Layer) -> Bool {
        guard count < Self.capacity else { return false }
        layers[count] = layer
        count &+= 1
        return true
    }

    /// Forgets all but the first `count`.
    mutating func cut(to count: Int) {
        self.count = min(count, self.count)
    }
}
