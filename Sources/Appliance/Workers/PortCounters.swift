import Classifier
package import Segmentation
import Storage

/// What one worker counts on one port. The worker writes, everybody may read.
package final class PortCounters: Sendable {
    /// What is counted; after these stand the super-frames that could not be
    /// segmented, by fault, and the frames that could not be sent, by error number.
    package enum Cell: Int {
        case receivedFrames, receivedBytes, sentFrames, sentBytes
        /// Frames that came in, were allowed, and were dropped for being larger than the other port's MTU.
        case tooBig
        /// Packets that were too big for this port and left in fragments, and how many those were.
        case fragmented, fragments
        /// Answers that were sent by this port, and those that were not since there were too many before them.
        case answers, answersOverRate
        /// Frames of which the kernel could hand over only the beginning.
        case truncated
    }

    /// Linux has no error number above this (EHWPOISON).
    static let largestError = 133
    private static let firstFault = Cell.truncated.rawValue + 1
    private static let firstError = firstFault + SegmentationFault.allCases.count

    private let cells = CounterArray(count: firstError + largestError + 1)

    package init() {}

    @inline(__always)
    func count(_ cell: Cell, _ amount: Int = 1) {
        cells.add(UInt64(truncatingIfNeeded: amount), at: cell.rawValue)
    }

    /// Counts a frame that was allowed and could not be sent by this port.
    func countFailure(_ code: Int32) {
        cells.add(1, at: Self.firstError + min(max(Int(code), 0), Self.largestError))
    }

    /// Counts a super-frame that was allowed and could not be segmented for this port.
    func count(_ fault: SegmentationFault) {
        cells.add(1, at: Self.firstFault + Int(fault.rawValue))
    }

    package func value(_ cell: Cell) -> UInt64 {
        cells.value(at: cell.rawValue)
    }

    package func faults(_ fault: SegmentationFault) -> UInt64 {
        cells.value(at: Self.firstFault + Int(fault.rawValue))
    }

    package func failures(_ code: Int) -> UInt64 {
        cells.value(at: Self.firstError + code)
    }
}
