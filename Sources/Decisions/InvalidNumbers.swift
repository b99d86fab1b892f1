/// The numbers that an `InvalidCause` goes by: what a packet has, and what it should have had. Kept as numbers, since most are never printed.
public struct InvalidNumbers: BitwiseCopyable, Sendable, Hashable {
    /// What they are numbers of.
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// There are none.
        case none
        /// A TCP sequence number, and the lowest and highest that the connection had room for.
        case sequence
        /// A TCP acknowledgement, and the lowest and highest that there could be.
        case acknowledgement
        /// A reset's sequence number, and the lowest that it may have.
        case reset
        /// A checksum, and the right one.
        case checksum
        /// SCTP's checksum, and the right one, both as they stand in the header.
        case cyclicChecksum
        /// A length in a header, and that of the packet.
        case length
        /// A header that is cut off, by its bytes.
        case cutOff
        /// TCP's flags.
        case flags
        /// TCP's flags, and the connection's state (`enum tcp_conntrack`).
        case state
        /// TCP's flags, of a segment that can begin no connection.
        case beginning
        /// An SCTP verification tag, and the association's.
        case tag
        /// ICMP's type and code.
        case type
    }

    public var kind: Kind
    /// What the packet has.
    public var found: UInt32
    /// What would be right: the lowest, or the only value.
    public var low: UInt32
    public var high: UInt32

    /// There are none.
    public static let none = InvalidNumbers(.none, 0)

    /// Puts them together.
    @inlinable
    public init(_ kind: Kind, _ found: UInt32, _ low: UInt32 = 0, _ high: UInt32 = 0) {
        self.kind = kind
        self.found = found
        self.low = low
        self.high = high
    }

    /// For people: `seq 4711 not in 4000…4500`; nil if there are none.
    public var text: String? {
        switch kind {
        case .none: nil
        case .sequence: "seq \(found) not in \(low)…\(high)"
        case .acknowledgement: "ack \(found) not in \(low)…\(high)"
        case .reset: "seq \(found) before \(low)"
        case .checksum: "checksum \(Self.hexadecimal(found, 4)), right would be \(Self.hexadecimal(low, 4))"
        case .cyclicChecksum: "checksum \(Self.hexadecimal(found, 8)), right would be \(Self.hexadecimal(low, 8))"
        case .length: "length \(found) in a packet of \(low) bytes"
        case .cutOff: "\(found) bytes"
        case .flags: "flags \(Self.flags(found))"
        case .state: "flags \(Self.flags(found)) in state \(Self.state(low))"
        case .beginning: "flags \(Self.flags(found)) begin no connection"
        case .tag: "tag \(Self.hexadecimal(found, 8)), the association's is \(Self.hexadecimal(low, 8))"
        case .type: "type \(found) code \(low)"
        }
    }

    private static func hexadecimal(_ number: UInt32, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// tcpdump's letters, the acknowledgement a dot: `[S.]`.
    private static func flags(_ flags: UInt32) -> String {
        let letters = Array("FSRP.UEW")
        return "[" + String(letters.indices.filter { flags & 1 << UInt32($0) != 0 }.map { letters[$0] }) + "]"
    }

    /// As conntrack's listing has it.
    private static func state(_ number: UInt32) -> String {
        let names = [
            "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
        ]
        return names.indices.contains(Int(number)) ? names[Int(number)] : "\(number)"
    }
}
