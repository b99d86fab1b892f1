public import Decisions
import Segmentation
import Synchronization
import Wire

/// What is known of a captured frame beside its bytes.
public struct CaptureRecord: Sendable, Equatable, Decided {
    /// Nanoseconds since the epoch.
    public var time: UInt64
    /// Bytes of the frame, its tags included.
    public var length: UInt32
    /// Where a checksum that was left to the hardware begins to count, and where it belongs, counted from there; nil if the
    /// frame's checksums are as they should be.
    public var partialChecksum: PartialChecksum?
    /// Index of the port it came in on.
    public var port: UInt8
    /// What was decided on it.
    public var decision: Decision
    /// What `decision.invalidCause` goes by.
    public var invalidNumbers = InvalidNumbers.none
    /// The `log` statement for which it is captured; nil if it is captured for what was decided.
    public var event: LoggedStatement?
    /// Bytes to keep; the file may keep fewer.
    public var snapLength: UInt32
    /// Frames that should stand before it in the file, after the one that does, and don't: the writer fills it in.
    var missingBefore: UInt64 = 0
    /// Bytes of the frame where `length` is that of the part which was kept; 0 elsewhere.
    public var wireLength: UInt32 = 0
    /// It is captured as it leaves by the port.
    public var isOutbound = false

    public init(
        time: UInt64, length: UInt32, partialChecksum: PartialChecksum? = nil, port: UInt8, decision: Decision,
        event: LoggedStatement? = nil,
        snapLength: UInt32 = .max
    ) {
        self.time = time
        self.length = length
        self.partialChecksum = partialChecksum
        self.port = port
        self.decision = decision
        self.event = event
        self.snapLength = snapLength
    }
}

/// What a `virtio_net_hdr` says of a frame whose checksum is unfinished: `csum_start` and `csum_offset`, all tags counted.
public struct PartialChecksum: Sendable, Equatable {
    public var start: UInt16
    public var offset: UInt16
    /// `gso_type` and `gso_size`; 0 for a frame that is no super-frame. A tunnel's super-frame leaves its outer checksums unfinished too.
    public var segmentation: UInt8
    public var segmentSize: UInt16

    public init(start: UInt16, offset: UInt16, segmentation: UInt8 = 0, segmentSize: UInt16 = 0) {
        self.start = start
        self.offset = offset
        self.segmentation = segmentation
        self.segmentSize = segmentSize
    }

    /// Finishes them all.
    func finish(_ bytes: inout MutableRawSpan) {
        let offload = OffloadHeader(
            flags: OffloadHeader.needsChecksumFlag, type: segmentation, segmentSize: segmentSize, checksumStart: start,
            checksumOffset: offset)
        SuperFrame.finishChecksums(of: &bytes, offload)
    }
}

/// Frames on their way from one worker to the writer: a ring of bytes of a fixed size, with one writer and one reader, that
/// never makes the worker wait.
///
/// Invariant: `head` and `tail` only grow, and `tail <= head <= tail + capacity`; bytes between them are the reader's, all
/// others the writer's. A record never wraps: where one doesn't fit up to the memory's end, a mark skips the rest.
public final class CaptureQueue: Sendable {
    private nonisolated(unsafe) let memory: UnsafeMutableRawPointer
    private let capacity: Int
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)
    private let lostFrames = Atomic<UInt64>(0)

    private static let stride = (MemoryLayout<Header>.size + 15) & ~15

    /// What stands before each frame. `total` is the record's length with padding; a skip has no frame.
    private struct Header {
        var total: Int
        var isSkip: Bool
        var record: CaptureRecord
    }

    /// `capacity` bytes, rounded up to 64.
    public init(capacity: Int) {
        self.capacity = (max(capacity, 4096) + 63) & ~63
        memory = .allocate(byteCount: self.capacity, alignment: 64)
    }

    deinit {
        memory.deallocate()
    }

    /// Frames that found no room since the start.
    public var lost: UInt64 { lostFrames.load(ordering: .relaxed) }

    /// Puts a copy of a frame into the queue; false, and counted, if it doesn't fit. The frame comes in up to three parts,
    /// as the tag stands apart from the bytes around it; the record's `length` is theirs together.
    public func offer(_ record: CaptureRecord, _ parts: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer)) -> Bool {
        let frameBytes = parts.0.count + parts.1.count + parts.2.count
        let total = Self.stride + (frameBytes + 15) & ~15
        var position = head.load(ordering: .relaxed)
        let free = capacity - (position - tail.load(ordering: .acquiring))
        let toEnd = capacity - position % capacity
        let skip = toEnd < total ? toEnd : 0
        guard total <= capacity, skip + total <= free, frameBytes == Int(record.length) else {
            lostFrames.store(lostFrames.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
            return false
        }
        if skip > 0 {
            // Records and the capacity are multiples of 16; a rest too short for a header is skipped by both sides alike.
            if skip >= Self.stride { write(Header(total: skip, isSkip: true, record: record), at: position) }
            position += skip
        }
        write(Header(total: total, isSkip: false, record: record), at: position)
        var place = memory + position % capacity + Self.stride
        func append(_ part: UnsafeRawBufferPointer) {
            guard let base = part.baseAddress else { return }
            place.copyMemory(from: base, byteCount: part.count)
            place += part.count
        }
        append(parts.0)
        append(parts.1)
        append(parts.2)
        head.store(position + total, ordering: .releasing)
        return true
    }

    private func write(_ header: Header, at position: Int) {
        (memory + position % capacity).storeBytes(of: header, as: Header.self)
    }

    public var isEmpty: Bool {
        head.load(ordering: .acquiring) == tail.load(ordering: .acquiring)
    }

    /// Hands the oldest frame to `body`, whose bytes it may change, and takes it out; false if there is none.
    public func take(_ body: (CaptureRecord, UnsafeMutableRawBufferPointer) -> Void) -> Bool {
        let end = head.load(ordering: .acquiring)
        var position = tail.load(ordering: .relaxed)
        while position != end {
            let toEnd = capacity - position % capacity
            if toEnd < Self.stride {
                position += toEnd
                continue
            }
            let place = memory + position % capacity
            let header = place.load(as: Header.self)
            position += header.total
            if header.isSkip { continue }
            body(header.record, UnsafeMutableRawBufferPointer(start: place + Self.stride, count: Int(header.record.length)))
            tail.store(position, ordering: .releasing)
            return true
        }
        tail.store(position, ordering: .releasing)
        return false
    }
}
