import Ruleset
import Synchronization

/// A `limit`, with what does not change of it.
struct TokenBucket: BitwiseCopyable, Sendable {
    /// Nanoseconds of the unit of time, and how many packets or bytes it has.
    let unit: UInt64
    let rate: UInt64
    /// Nanoseconds that the full bucket holds.
    let depth: UInt64
    let isOfBytes: Bool
    let isOver: Bool

    init(_ limit: Limit, depth: UInt64) {
        unit = limit.unitNanoseconds
        rate = limit.rate
        self.depth = depth
        isOfBytes = limit.measure == .bytes
        isOver = limit.isOver
    }

    private init() {
        (unit, rate, depth, isOfBytes, isOver) = (0, 1, 0, false, false)
    }

    /// In the place of a bucket where there is none.
    static let none = TokenBucket()

    /// What a bucket's word is as long as nothing has been taken out.
    var full: UInt64 { 0 &- depth }

    /// In nanoseconds: some 18 minutes.
    private static let largestSkew: UInt64 = 1 << 40

    /// A bucket's word after a frame, and whether the frame passes (net/netfilter/nft_limit.c, `nft_limit_eval`).
    ///
    /// The kernel keeps the time of the last frame and the tokens that were left; tokens grow by one each nanosecond, so the time at
    /// which there were none says both in one word. A full bucket is one whose time is further back than it is deep.
    @inline(__always)
    func after(_ empty: UInt64, bytes size: UInt64, at now: UInt64) -> (empty: UInt64, passes: Bool) {
        let age = now &- empty
        // Workers read the clock once a batch: one that comes late may see a time that is still to come.
        let tokens = age > UInt64.max - Self.largestSkew ? 0 : min(age, depth)
        let rest = tokens &- cost(ofBytes: size)
        // Signed, as the kernel's `delta`: a bucket of more than 2^63 nanoseconds counts as empty.
        guard Int64(bitPattern: rest) >= 0 else { return (empty, isOver) }
        return (now &- rest, !isOver)
    }

    /// Nanoseconds that a frame costs. The product wraps round where the kernel's does (`nft_limit_bytes_eval`).
    @inline(__always)
    func cost(ofBytes size: UInt64) -> UInt64 {
        isOfBytes ? (unit &* size) / rate : unit / rate
    }
}

/// A `quota`, with what does not change of it.
struct QuotaBound: BitwiseCopyable, Sendable {
    let bytes: UInt64
    let isOver: Bool

    /// True if the frame passes that brings the sum to `used` bytes (`nft_overquota`).
    @inline(__always)
    func passes(_ used: UInt64) -> Bool { (used > bytes) == isOver }
}

/// What the limits and quotas of a program have come to: one 64-bit word each, shared by all workers as the kernel's are by all CPUs.
/// Were each worker to have its own, several would let the rate pass as often as there are workers.
///
/// A word is only changed by compare and swap: no lock, and no word depends on another.
@safe
struct StateCells: ~Copyable, @unchecked Sendable {
    private let base: UnsafeMutablePointer<Atomic<UInt64>>
    let count: Int

    init(_ values: [UInt64]) {
        count = values.count
        unsafe base = .allocate(capacity: values.count)
        for (index, value) in values.enumerated() {
            unsafe (base + index).initialize(to: Atomic(value))
        }
    }

    deinit {
        unsafe base.deinitialize(count: count)
        unsafe base.deallocate()
    }

    /// What a cell says now; 0 for one that there isn't.
    func value(_ cell: Int) -> UInt64 {
        guard cell >= 0, cell < count else { return 0 }
        return unsafe base[cell].load(ordering: .relaxed)
    }

    /// Only before frames come to it.
    func set(_ cell: Int, _ word: UInt64) {
        guard cell >= 0, cell < count else { return }
        unsafe base[cell].store(word, ordering: .relaxed)
    }

    /// True if the bucket in this cell lets a frame pass, which then has paid.
    @inline(__always)
    func pass(_ bucket: TokenBucket, cell: Int, bytes size: UInt64, at now: UInt64) -> Bool {
        guard cell >= 0, cell < count else { return false }
        var word = unsafe base[cell].load(ordering: .relaxed)
        while true {
            let (empty, passes) = bucket.after(word, bytes: size, at: now)
            if empty == word { return passes }
            let swap = unsafe base[cell].compareExchange(expected: word, desired: empty, ordering: .relaxed)
            if swap.exchanged { return passes }
            word = swap.original
        }
    }

    /// Puts another word in a cell's place, as often as it takes.
    /// - Parameter change: The new word for the one that is there; nil to leave it.
    @inline(__always)
    func change(_ cell: Int, _ change: (UInt64) -> UInt64?) {
        guard cell >= 0, cell < count else { return }
        var known = unsafe base[cell].load(ordering: .relaxed)
        while let word = change(known) {
            let swap = unsafe base[cell].compareExchange(expected: known, desired: word, ordering: .relaxed)
            if swap.exchanged { return }
            known = swap.original
        }
    }

    /// True if the quota in this cell lets a frame pass, whose bytes count in any case (net/netfilter/nft_quota.c, `nft_overquota`).
    @inline(__always)
    func pass(_ quota: QuotaBound, cell: Int, bytes size: UInt64) -> Bool {
        guard cell >= 0, cell < count else { return false }
        let used = unsafe base[cell].wrappingAdd(size, ordering: .relaxed).newValue
        return quota.passes(used)
    }
}
