/// A hash under a key that nobody outside knows, so that nobody can choose packets that share a place.
///
/// Products of 64 by 64 bits, their halves folded together: a few instructions for a whole key.
struct KeyedHash: BitwiseCopyable {
    private let first: UInt64
    private let second: UInt64

    init() {
        first = UInt64.random(in: .min ... .max)
        second = UInt64.random(in: .min ... .max) | 1
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inline(__always)
    func mix(_ number: UInt128, _ state: UInt64) -> UInt64 {
        let low = UInt64(truncatingIfNeeded: number) ^ first ^ state
        let high = UInt64(truncatingIfNeeded: number >> 64) ^ second
        return Self.fold(Self.fold(low, high) ^ state, second)
    }

    @inline(__always)
    func mix(_ number: UInt64, _ state: UInt64) -> UInt64 {
        Self.fold(number ^ first, state ^ second)
    }

    /// A number below `count`, the same for the same hash.
    @inline(__always)
    static func place(of hash: UInt64, among count: Int) -> Int {
        Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(truncatingIfNeeded: count)) >> 32)
    }
}
