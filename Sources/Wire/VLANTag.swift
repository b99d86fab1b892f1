/// One IEEE 802.1Q tag: 16 bits that say "a tag" and 16 bits of content.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-------------------------------+-----+-+-----------------------+
///     |             TPID              | PCP |D|      identifier       |
///     +-------------------------------+-----+-+-----------------------+
public struct VLANTag: Sendable, Hashable, BitwiseCopyable {
    /// Tag protocol identifier: 0x8100 (802.1Q) or 0x88a8 (802.1ad).
    public var tpid: UInt16
    /// Tag control information: priority, drop eligible indicator, identifier.
    public var tci: UInt16

    /// A tag's length in the frame, in bytes.
    public static let length = 4

    @inlinable
    public init(tpid: UInt16, tci: UInt16) {
        self.tpid = tpid
        self.tci = tci
    }

    /// The VLAN's number, 0 to 4095; 0 is a tag that has a priority only.
    @inlinable
    public var identifier: UInt16 { tci & 0x0fff }

    /// True if it puts the frame into a VLAN: identifier 0 is a priority tag (IEEE 802.1Q, table 9-2), which Linux takes off and
    /// forgets, any number of them (`__netif_receive_skb_core`).
    @inlinable
    public var namesVLAN: Bool { identifier != 0 }
}
