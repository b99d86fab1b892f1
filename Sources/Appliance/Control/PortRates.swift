import Storage

/// Frames and bytes of each port in the last second.
struct PortRates {
    struct Rate: Encodable {
        var receivedFrames: UInt64 = 0
        var receivedBits: UInt64 = 0
        var sentFrames: UInt64 = 0
        var sentBits: UInt64 = 0
    }

    private struct Sums {
        var counts: [UInt64] = [0, 0, 0, 0]
    }

    private var sums: [Sums]
    private var time: UInt64 = 0
    /// By port; a second's.
    private(set) var current: [Rate]

    init(ports: Int) {
        sums = Array(repeating: Sums(), count: ports)
        current = Array(repeating: Rate(), count: ports)
    }

    /// To be called about once a second.
    mutating func look(at pool: WorkerPool) {
        let now = Clock.now().monotonic
        let passed = now - time
        time = now
        for port in sums.indices {
            let cells: [PortCounters.Cell] = [.receivedFrames, .receivedBytes, .sentFrames, .sentBytes]
            let counts = cells.map { cell in pool.portCounters.reduce(0) { $0 &+ $1[port].value(cell) } }
            func rate(_ index: Int, _ factor: UInt64) -> UInt64 {
                let grown = counts[index] >= sums[port].counts[index] ? counts[index] - sums[port].counts[index] : 0
                return UInt64(Double(grown &* factor) * 1e9 / Double(max(passed, 1)) + 0.5)
            }
            current[port] = Rate(receivedFrames: rate(0, 1), receivedBits: rate(1, 8), sentFrames: rate(2, 1), sentBits: rate(3, 8))
            sums[port].counts = counts
        }
    }
}
