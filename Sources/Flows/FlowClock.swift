extension FlowTracker {
    /// Ticks come around (see `Tick`), and no flow is silent for longer than this, with a second for their rounding.
    private static let longestSilence: UInt64 = (FlowTimeouts.longestSeconds + 1) * 1_000_000_000

    /// Time has come to this. From one look at the clock to the next it may be months, where captures are judged.
    @inline(__always)
    mutating func advance(to now: UInt64) {
        guard now > clock else { return }
        if now &- clock > Self.longestSilence { expireAll() }
        clock = now
    }

    @inline(never)
    private mutating func expireAll() {
        for record in 0..<Int32(truncatingIfNeeded: table.capacity) where table.expiry(record) != 0 {
            remove(record)
            counters[.expired] &+= 1
        }
    }
}
