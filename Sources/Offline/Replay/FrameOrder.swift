import Capture

/// Frames of two ports in the order of their times, and which of them came in.
///
/// dumpcap reads its interfaces in turn, so frames of each are in order, and those of the two are not. Each waits until one of the other
/// port is there that came after it, or has come later by more than `window`. When it is its turn, its copy at the other port is known,
/// before it or after it.
struct FrameOrder: ~Copyable {
    /// Nanoseconds that a frame of one port may stand after a later one of the other.
    static let window: UInt64 = 500_000_000

    private var first = WaitingFrames()
    private var second = WaitingFrames()
    private var copies = FrameCopies()
    private var newest: UInt64 = 0
    /// The last frame that had its turn.
    private var lastPlace: UInt64 = 0
    /// Frames that had their turn after one that follows them in the file.
    private(set) var reordered: UInt64 = 0

    /// To be called before each file, when no frame waits.
    mutating func beginFile() {
        newest = 0
        lastPlace = 0
    }

    /// Frames that wait.
    var count: Int { first.count &+ second.count }

    func hasRoom(for frame: CapturedFrame, port: UInt8) -> Bool {
        port == 0 ? first.hasRoom(for: frame.bytes.count) : second.hasRoom(for: frame.bytes.count)
    }

    /// Has a frame wait that has room.
    /// - Parameter isIngress: It is known that it came in.
    @inline(__always)
    mutating func add(_ frame: CapturedFrame, _ place: FramePlace, port: UInt8, isIngress: Bool) {
        let bytes = UnsafeRawBufferPointer(frame.bytes)
        let hash = isIngress ? 0 : copies.hash(bytes, length: frame.length)
        if !isIngress { copies.add(hash, port: port, time: frame.time) }
        let waiting = WaitingFrame(
            offset: 0, captured: bytes.count, length: frame.length, time: frame.time, place: place, hash: hash, isIngress: isIngress)
        if port == 0 { first.add(waiting, bytes) } else { second.add(waiting, bytes) }
        newest = max(newest, frame.time)
    }

    /// The port whose first frame has its turn; nil while none has.
    /// - Parameter isForced: No other frame is waited for.
    @inline(__always)
    func next(isForced: Bool) -> UInt8? {
        if first.count > 0, second.count > 0 {
            let (one, other) = (first.first, second.first)
            // Frames of the same time stay as they stand in the file.
            return one.time < other.time || one.time == other.time && one.place.number < other.place.number ? 0 : 1
        }
        if first.count > 0 { return isForced || newest &- first.first.time > Self.window ? 0 : nil }
        if second.count > 0 { return isForced || newest &- second.first.time > Self.window ? 1 : nil }
        return nil
    }

    /// The first frame of a port, with its bytes, until it is removed.
    @inline(__always)
    func head(of port: UInt8) -> (frame: WaitingFrame, bytes: UnsafeMutableRawBufferPointer) {
        port == 0 ? (first.first, first.firstBytes) : (second.first, second.firstBytes)
    }

    /// True if the first frame of a port came in, now that it is its turn.
    @inline(__always)
    mutating func judge(_ frame: WaitingFrame, port: UInt8) -> FrameCopies.Answer {
        if frame.place.number < lastPlace { reordered &+= 1 } else { lastPlace = frame.place.number }
        return frame.isIngress ? .entering : copies.take(frame.hash, port: port, time: frame.time)
    }

    /// Notes that a frame came in, whose copy may follow.
    @inline(__always)
    mutating func note(_ frame: WaitingFrame, port: UInt8) {
        if !frame.isIngress { copies.note(frame.hash, port: port, time: frame.time) }
    }

    @inline(__always)
    mutating func removeFirst(of port: UInt8) {
        if port == 0 { first.removeFirst() } else { second.removeFirst() }
    }
}
