/// Ten bytes that the caller has kept with a held frame, right before it: what they mean is the caller's own.
///
/// A run keeps the frame's `struct virtio_net_hdr` there, as its sending call wants it; a replay keeps the frame's number.
public struct FrameTag: Sendable, BitwiseCopyable {
    static let length = 10

    /// The first eight bytes.
    public let low: UInt64
    /// The last two.
    public let high: UInt16

    /// All zero by default: as a `struct virtio_net_hdr`, nothing is left for the hardware to do.
    public init(low: UInt64 = 0, high: UInt16 = 0) {
        self.low = low
        self.high = high
    }

    /// - Parameter start: Ten bytes, of any alignment.
    @unsafe
    public init(at start: UnsafeRawPointer) {
        unsafe low = start.loadUnaligned(as: UInt64.self)
        unsafe high = start.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
    }

    /// - Parameter frame: What the bytes precede.
    @unsafe
    func write(before frame: UnsafeMutableRawPointer) {
        unsafe frame.storeBytes(of: low, toByteOffset: -Self.length, as: UInt64.self)
        unsafe frame.storeBytes(of: high, toByteOffset: 8 - Self.length, as: UInt16.self)
    }
}
