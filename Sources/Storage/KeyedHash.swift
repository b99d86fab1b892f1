/// A hash under a key that nobody outside knows, so that nobody can choose packets that share a place.
///
/// Products of 64 by 64 bits, their halves folded together: a few instructions for a whole key.
public struct KeyedHash: BitwiseCopyable, Sendable {
    @usableFromInline
    let first: UInt64
    @usableFromInline
    let second: UInt64

    public init() {
        first = UInt64.random(in: .min ... .max)
        second = UInt64.random(in: .min ... .max) | 1
    }

    @inlinable @inline(__always)
    static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    @inlinable @inline(__always)
    public func mix(_ number: UInt128, _ state: UInt64) -> UInt64 {
        let low = UInt64(truncatingIfNeeded: number) ^ first ^ state
        let high = UInt64(truncatingIfNeeded: number >> 64) ^ second
        return Self.fold(Self.fold(low, high) ^ state, second)
    }

    @inlinable @inline(__always)
    public func mix(_ number: UInt64, _ state: UInt64) -> UInt64 {
        Self.fold(number ^ first, state ^ second)
    }

    /// A number below `count`, the same for the same hash.
    @inlinable @inline(__always)
    public static func place(of hash: UInt64, among count: Int) -> Int {
        Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(truncatingIfNeeded: count)) >> 32)
    }
}
