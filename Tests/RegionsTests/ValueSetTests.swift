import FrameBuilder
import Regions
import Testing

/// Sets of intervals, held to sets of numbers.
@Suite("sets of numbers") struct ValueSetTests {
    private static func random(_ random: inout SeededGenerator) -> ValueSet {
        ValueSet(
            (0..<Int.random(in: 0...5, using: &random)).map { _ in
                let low = UInt128(Int.random(in: 0..<64, using: &random))
                return ValueSet.Interval(low, min(63, low + UInt128(Int.random(in: 0..<12, using: &random))))
            })
    }

    private static func numbers(_ set: ValueSet) -> Set<UInt128> { Set((0..<64).map { UInt128($0) }.filter(set.contains)) }

    @Test("all operations", arguments: 0..<200) func operations(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let (left, right) = (Self.random(&random), Self.random(&random))
        let (mine, its) = (Self.numbers(left), Self.numbers(right))
        #expect(Self.numbers(left.intersection(right)) == mine.intersection(its))
        #expect(Self.numbers(left.union(right)) == mine.union(its))
        #expect(Self.numbers(left.subtracting(right)) == mine.subtracting(its), "\(left) \(right)")
        #expect(left.isDisjoint(right) == mine.isDisjoint(with: its))
        #expect(left.isSubset(of: right) == mine.isSubset(of: its))
        #expect(left.subtracting(right).union(left.intersection(right)) == left)
        let digits = left.digits([2, 1, 3])
        let combined = digits.flatMap { digits in
            Self.numbers(digits[0]).flatMap { high in
                Self.numbers(digits[1]).flatMap { middle in Self.numbers(digits[2]).map { high << 4 | middle << 3 | $0 } }
            }
        }
        #expect(Set(combined) == mine && combined.count == mine.count)
    }

    @Test func `the largest number is no special case`() {
        let all = ValueSet.all(bits: 128)
        #expect(all.subtracting(ValueSet(5, .max)) == ValueSet(0, 4))
        #expect(all.subtracting(ValueSet(0, 4)) == ValueSet(5, .max))
        #expect(ValueSet(5, .max).union(ValueSet(0, 4)) == all)
    }
}
