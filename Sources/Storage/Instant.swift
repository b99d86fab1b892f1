/// When a frame is judged, by two clocks. The caller reads them: once a batch is often enough.
public struct Instant: BitwiseCopyable, Sendable, Equatable {
    /// Nanoseconds of a clock that never goes back; from where it counts does not matter. Limits and timeouts go by it.
    public var monotonic: UInt64
    /// Nanoseconds since 1970, UTC. `meta time`, `meta day` and `meta hour` go by it.
    public var sinceEpoch: UInt64

    public init(monotonic: UInt64, sinceEpoch: UInt64) {
        self.monotonic = monotonic
        self.sinceEpoch = sinceEpoch
    }

    private static let secondsOfDay: UInt64 = 86_400
    private var seconds: UInt64 { sinceEpoch / 1_000_000_000 }

    /// Seconds since midnight (`nft_meta_hour`).
    package var secondOfDay: UInt64 { seconds % Self.secondsOfDay }

    /// Sunday is 0; 1970 began on a Thursday (`nft_meta_weekday`).
    package var weekday: UInt64 { (seconds / Self.secondsOfDay &+ 4) % 7 }
}
