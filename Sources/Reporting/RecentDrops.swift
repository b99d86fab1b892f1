package import Capture
import Decisions
import Wire

/// The last dropped frames of a run, in memory of a fixed size. Workers put them into queues; everything else is on one thread.
package final class RecentDrops {
    /// Bytes of a frame that are kept.
    package static let snapLength = 256
    /// Frames of each worker that are kept in a second.
    package static let perSecond = 500
    /// Bytes of each worker's queue: more than a second's frames.
    private static let queueBytes = 512 << 10

    /// A dropped frame.
    package struct Entry {
        /// Counts up from 1.
        package var number: UInt64
        /// Its `length` is that of `bytes`, its `wireLength` the frame's.
        package var record: CaptureRecord
        package var bytes: [UInt8]

        /// What events and messages say of it. The bytes that were not kept are taken for zeros, which says nothing wrong of headers.
        package func logRecord() -> LogRecord {
            var frame = bytes
            frame += [UInt8](repeating: 0, count: max(0, Int(record.wireLength) - bytes.count))
            return frame.withUnsafeBytes { buffer in
                let parsed = ParsedFrame.parse(buffer.bytes, tag: nil)
                return LogRecord(
                    event: nil, time: record.time, ingress: record.port,
                    addresses: bytes.count < 12 ? 0 : LogRecord.addresses(in: buffer.bytes), frame: parsed, decision: record.decision)
            }
        }
    }

    private let queues: [CaptureQueue]
    private let capacity: Int
    private var entries: [Entry] = []
    /// Where the oldest is, once all places are taken.
    private var oldest = 0
    private var newest: UInt64 = 0

    /// - Parameter capacity: Frames that are kept.
    package init(_ queues: [CaptureQueue], capacity: Int) {
        self.queues = queues
        self.capacity = max(capacity, 1)
    }

    /// The queue of a worker.
    package static func queue() -> CaptureQueue { CaptureQueue(capacity: queueBytes) }

    /// Takes what the workers have left since the last call.
    package func collect() {
        for queue in queues {
            for _ in 0..<2 * Self.perSecond {
                guard queue.take({ record, frame in self.add(record, frame) }) else { break }
            }
        }
    }

    private func add(_ record: CaptureRecord, _ frame: UnsafeMutableRawBufferPointer) {
        newest += 1
        let entry = Entry(number: newest, record: record, bytes: Array(frame))
        guard entries.count == capacity else { return entries.append(entry) }
        entries[oldest] = entry
        oldest = (oldest + 1) % capacity
    }

    /// The number of the newest; 0 if there was none.
    package var last: UInt64 { newest }

    /// The oldest of those that are there after a number; nil if there is none.
    package func next(after number: UInt64) -> Entry? {
        guard newest > number, !entries.isEmpty else { return nil }
        let first = newest - UInt64(entries.count) + 1
        let wanted = max(first, number + 1)
        return entries[(oldest + Int(wanted - first)) % entries.count]
    }
}
