package import Decisions
package import Ruleset
import Synchronization

/// One `numgen` or `meta random` of a rule.
package struct NumberDraw: BitwiseCopyable, Sendable {
    private let modulus: UInt64
    private let offset: UInt64
    private let isRandom: Bool
    private let seed: UInt64

    /// - Parameters:
    ///   - seed: Of all numbers that rules draw by lot.
    ///   - place: The statement that draws, and among those that it draws the number's place.
    package init(_ generator: NumberGenerator, seed: UInt64, at place: LoggedStatement, ordinal: Int) {
        modulus = generator.modulus
        offset = UInt64(generator.offset)
        isRandom = generator.mode == .random
        let rule = Self.mixed(seed &+ UInt64(place.rule.row ?? 0))
        let statement = Self.mixed(rule &+ UInt64(place.statement.row ?? 0))
        self.seed = Self.mixed(statement &+ UInt64(truncatingIfNeeded: ordinal))
    }

    /// The number that is drawn after `count` others.
    ///
    /// By lot they are the SplitMix64 sequence of the seed (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014),
    /// brought into range as `reciprocal_scale` does: good enough for shares and samples, and no secret.
    @inline(__always)
    package func number(after count: UInt64) -> UInt64 {
        guard isRandom else { return count % modulus &+ offset }
        return (Self.mixed(seed &+ count &* 0x9e37_79b9_7f4a_7c15) &>> 32 &* modulus) &>> 32 &+ offset
    }

    private static func mixed(_ number: UInt64) -> UInt64 {
        var mixed = number &+ 0x9e37_79b9_7f4a_7c15
        mixed = (mixed ^ mixed &>> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed &>> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed &>> 31
    }
}

/// What a program draws, and how often it has: shared by all workers, as the kernel's counters are by all CPUs. So `inc` gives out
/// each number once in turn, however many workers ask.
///
/// Only a view: `NumberDrawOwner` frees it.
@safe
struct NumberDraws: BitwiseCopyable, @unchecked Sendable {
    private let draws: UnsafeMutablePointer<NumberDraw>
    private let counts: UnsafeMutablePointer<Atomic<UInt64>>

    fileprivate init(_ all: [NumberDraw]) {
        unsafe draws = .allocate(capacity: max(1, all.count))
        unsafe counts = .allocate(capacity: max(1, all.count))
        for (index, draw) in all.enumerated() {
            unsafe (draws + index).initialize(to: draw)
            unsafe (counts + index).initialize(to: Atomic(0))
        }
    }

    fileprivate func free(_ count: Int) {
        unsafe counts.deinitialize(count: count)
        unsafe draws.deallocate()
        unsafe counts.deallocate()
    }

    /// The next number of the draw, whose index the compiler of programs has given out.
    @inline(never)
    func next(_ index: Int) -> UInt128 {
        let count = unsafe counts[index].wrappingAdd(1, ordering: .relaxed).oldValue
        return unsafe UInt128(draws[index].number(after: count))
    }
}

/// The draws of one program.
struct NumberDrawOwner: ~Copyable, Sendable {
    let view: NumberDraws
    private let count: Int

    init(_ all: [NumberDraw]) {
        view = NumberDraws(all)
        count = all.count
    }

    deinit { view.free(count) }
}
