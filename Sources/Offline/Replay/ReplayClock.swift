import Classifier
import Storage

/// Recorded times as the clocks that the firewall goes by.
///
/// The monotonic clock begins at 0 with the first frame and goes on with the frames' times. Frames that are out of order by up to a
/// second, as captures of several interfaces have them, make it stand still; a longer way back (a clock that was set, another file)
/// makes it go on from where it stands.
struct ReplayClock {
    /// Nanoseconds by which a frame's time may lie before the last one's.
    private static let tolerance: UInt64 = 1_000_000_000

    /// The time at which the monotonic clock would be 0, by the clock of the frames; it may lie before the epoch.
    private var origin: Int128?
    private(set) var monotonic: UInt64 = 0
    /// Frames whose time was before that of a previous frame.
    private(set) var backwardSteps: UInt64 = 0

    /// - Parameter time: The time of the next frame, in nanoseconds since the epoch.
    mutating func instant(at time: UInt64) -> Instant {
        guard let origin else {
            origin = Int128(time)
            return Instant(monotonic: 0, sinceEpoch: time)
        }
        let elapsed = Int128(time) - origin
        if elapsed >= Int128(monotonic) {
            monotonic = UInt64(clamping: elapsed)
        } else {
            backwardSteps &+= 1
            if elapsed < Int128(monotonic) - Int128(Self.tolerance) { self.origin = Int128(time) - Int128(monotonic) }
        }
        return Instant(monotonic: monotonic, sinceEpoch: time)
    }

    /// Lets time go by without a frame.
    mutating func advance(to monotonic: UInt64) -> Instant {
        self.monotonic = max(self.monotonic, monotonic)
        return Instant(monotonic: self.monotonic, sinceEpoch: UInt64(clamping: (origin ?? 0) + Int128(self.monotonic)))
    }
}
