import CLinux
import Classifier
import Glibc
public import Storage

/// The system's clocks.
public enum Clock {
    /// Both as they are now.
    public static func now() -> Instant {
        Instant(monotonic: nanoseconds(CLOCK_MONOTONIC), sinceEpoch: nanoseconds(CLOCK_REALTIME))
    }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }
}
