/// A window of a stream: bytes from the place that was read up to, in one piece, as many as are asked for.
///
/// Invariant: `start <= end <= capacity`; bytes between them have been read and not consumed, and `offset` is where they stand in the
/// stream.
struct InputBuffer: ~Copyable {
    /// Puts bytes of the stream into the memory and says how many; 0 at its end, a negative error number if it can't be read.
    typealias Source = (UnsafeMutableRawBufferPointer) -> Int

    private static let usualCapacity = 1 << 20

    private let source: Source
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    private var start = 0
    private var end = 0
    private(set) var offset: UInt64 = 0
    /// The error number that ended the stream, or 0.
    private(set) var errorNumber: Int32 = 0
    private var isAtEnd = false

    init(_ source: @escaping Source) {
        self.source = source
        capacity = Self.usualCapacity
        memory = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    /// The bytes that are there; valid until the next call that changes the buffer.
    @inline(__always)
    var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: memory + start, count: end &- start) }

    /// Waits for a number of bytes; false if the stream ends before.
    @inline(__always)
    mutating func hold(_ count: Int) -> Bool { end &- start >= count || fill(count) }

    @inline(never)
    private mutating func fill(_ count: Int) -> Bool {
        if count > capacity - start {
            if count > capacity {
                let larger = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
                larger.copyMemory(from: memory + start, byteCount: end - start)
                memory.deallocate()
                memory = larger
                capacity = count
            } else {
                memory.copyMemory(from: memory + start, byteCount: end - start)
            }
            end -= start
            start = 0
        }
        while end - start < count {
            guard readMore() else { return false }
        }
        return true
    }

    private mutating func readMore() -> Bool {
        guard !isAtEnd else { return false }
        let count = source(UnsafeMutableRawBufferPointer(start: memory + end, count: capacity - end))
        if count > 0 {
            end += min(count, capacity - end)
            return true
        }
        isAtEnd = true
        errorNumber = Int32(clamping: -count)
        return false
    }

    /// Goes on after bytes that are there.
    @inline(__always)
    mutating func consume(_ count: Int) {
        start &+= count
        offset &+= UInt64(truncatingIfNeeded: count)
    }

    /// Goes on after bytes that may not be there yet; returns how many of them the stream does not have.
    mutating func skip(_ count: UInt64) -> UInt64 {
        var rest = count
        while rest > 0 {
            let part = Int(min(rest, UInt64(end - start)))
            consume(part)
            rest -= UInt64(part)
            if rest > 0 {
                start = 0
                end = 0
                guard readMore() else { return rest }
            }
        }
        return 0
    }
}
