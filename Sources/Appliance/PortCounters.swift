import Classifier

/// What one worker counts on one port. The worker writes, everybody may read.
package final class PortCounters: Sendable {
    /// What is counted; behind these stand the frames that could not be sent, by error number.
    package enum Cell: Int {
        case receivedFrames, receivedBytes, sentFrames, sentBytes
        /// Frames that came in, were allowed, and are larger than the other port's MTU.
        case tooBig
        /// Frames of which the kernel could hand over only the beginning.
        case truncated
    }

    /// Linux has no error number above this (EHWPOISON).
    static let largestError = 133
    private static let firstError = Cell.truncated.rawValue + 1

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

    package func value(_ cell: Cell) -> UInt64 {
        cells.value(at: cell.rawValue)
    }

    package func failures(_ code: Int) -> UInt64 {
        cells.value(at: Self.firstError + code)
    }
}
