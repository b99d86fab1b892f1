import Storage

/// How many flows each source has begun that are in the table and not over: no source may fill it.
///
/// Every source has a place in each of two rows, by two keyed hashes, an IPv6 /64 counting as one source, and the smaller of its two
/// numbers is taken for its own (a count-min sketch; Cormode and Muthukrishnan 2005). That is never too low, and too high only where
/// others share both places: nobody can choose whom to share with, and the memory does not grow with the sources. Counting a flow is
/// two additions.
///
/// Invariant: each row's sum is the number of flows that `add` was called for and `subtract` was not.
@safe
struct SourceShares: ~Copyable, @unchecked Sendable {
    private let counts: UnsafeMutablePointer<UInt32>
    let placeCount: Int

    static func placeCount(for capacity: Int) -> Int { max(16, capacity / 32) }
    static func bytes(for capacity: Int) -> Int { 2 * placeCount(for: capacity) * MemoryLayout<UInt32>.stride }

    init(capacity: Int) {
        placeCount = Self.placeCount(for: capacity)
        unsafe counts = .allocate(capacity: 2 * placeCount)
        unsafe counts.initialize(repeating: 0, count: 2 * placeCount)
    }

    deinit {
        unsafe counts.deallocate()
    }

    /// The two places of a source.
    func places(of source: UInt128, isIPv6: Bool, _ hash: KeyedHash) -> (Int, Int) {
        let source = Self.counted(source, isIPv6: isIPv6)
        return (
            KeyedHash.place(of: hash.mix(source, isIPv6 ? 3 : 4), among: placeCount),
            placeCount &+ KeyedHash.place(of: hash.mix(source, isIPv6 ? 5 : 6), among: placeCount)
        )
    }

    /// What of an address counts as its source.
    @inline(__always)
    static func counted(_ source: UInt128, isIPv6: Bool) -> UInt128 { isIPv6 ? source >> 64 : source }

    /// Flows that a source has, or more.
    func count(_ places: (Int, Int)) -> Int { unsafe Int(min(counts[places.0], counts[places.1])) }

    mutating func add(_ places: (Int, Int)) {
        unsafe counts[places.0] &+= 1
        unsafe counts[places.1] &+= 1
    }

    mutating func subtract(_ places: (Int, Int)) {
        unsafe counts[places.0] &-= 1
        unsafe counts[places.1] &-= 1
    }

    /// Both rows together.
    var sums: (UInt64, UInt64) {
        var sums: (UInt64, UInt64) = (0, 0)
        for place in 0..<placeCount {
            unsafe sums.0 &+= UInt64(counts[place])
            unsafe sums.1 &+= UInt64(counts[placeCount &+ place])
        }
        return sums
    }
}
