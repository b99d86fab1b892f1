/// A frame of one of two ports, until it is known that none from before it follows.
struct WaitingFrame {
    /// Where its bytes stand in the queue's memory.
    var offset: Int
    /// Bytes that were captured, and those that the frame had.
    var captured: Int
    var length: Int
    /// Nanoseconds since the epoch.
    var time: UInt64
    var place: FramePlace
    /// A hash of its bytes: see `FrameCopies`.
    var hash: UInt64
    /// True if it is known that it came in, and is no copy of one that went out.
    var isIngress: Bool
}

/// Frames of one port, first in, first out, in memory of a fixed size.
///
/// Invariant: bytes of the frames that wait stand in the order of the frames, from the first frame's offset up to `end`, around the
/// memory's end; no frame's bytes are in two pieces.
struct WaitingFrames: ~Copyable {
    static let mostFrames = 8192
    static let mostBytes = 4 << 20
    /// What a frame's place is a multiple of.
    private static let alignment = 16

    private let memory = UnsafeMutableRawPointer.allocate(byteCount: mostBytes, alignment: 64)
    private let entries = UnsafeMutablePointer<WaitingFrame>.allocate(capacity: mostFrames)
    private var head = 0
    private(set) var count = 0
    /// Where the next frame's bytes go.
    private var end = 0

    deinit {
        memory.deallocate()
        entries.deallocate()
    }

    /// The frame that has waited longest, of which there is one.
    @inline(__always)
    var first: WaitingFrame { entries[head] }

    /// Where a frame of that many bytes would stand; nil where it has no room.
    @inline(__always)
    private func place(for bytes: Int) -> Int? {
        let size = (bytes &+ Self.alignment &- 1) & ~(Self.alignment &- 1)
        guard count > 0 else { return size <= Self.mostBytes ? 0 : nil }
        guard count < Self.mostFrames else { return nil }
        let start = entries[head].offset
        if end > start {
            if Self.mostBytes &- end > size { return end }
            return start > size ? 0 : nil
        }
        return start &- end > size ? end : nil
    }

    func hasRoom(for bytes: Int) -> Bool { place(for: bytes) != nil }

    /// Puts a copy of a frame that has room after all others.
    @inline(__always)
    mutating func add(_ frame: WaitingFrame, _ bytes: UnsafeRawBufferPointer) {
        guard let place = place(for: bytes.count) else { return }
        var frame = frame
        frame.offset = place
        if let base = bytes.baseAddress { (memory + place).copyMemory(from: base, byteCount: bytes.count) }
        end = place &+ ((max(bytes.count, 1) &+ Self.alignment &- 1) & ~(Self.alignment &- 1))
        var slot = head &+ count
        if slot >= Self.mostFrames { slot &-= Self.mostFrames }
        (entries + slot).initialize(to: frame)
        count &+= 1
    }

    /// The bytes of the first frame, until it is taken out.
    @inline(__always)
    var firstBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: memory + entries[head].offset, count: entries[head].captured)
    }

    @inline(__always)
    mutating func removeFirst() {
        head &+= 1
        if head == Self.mostFrames { head = 0 }
        count &-= 1
    }
}
