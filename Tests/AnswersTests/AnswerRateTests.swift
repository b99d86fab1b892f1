import Answers
import Synchronization
import Testing

@Suite struct AnswerRateTests {
    /// How many of the answers that are asked for leave, one asked for every so many nanoseconds.
    private static func admitted(_ rate: AnswerRate, count: UInt64, every step: UInt64, from start: UInt64 = 5_000_000_000) -> Int {
        (0..<count).count { rate.admits(port: 0, at: start + $0 * step) && rate.take(port: 0, at: start + $0 * step) }
    }

    @Test("a flood gets its rate, and a tenth of a second's answers at once", arguments: [1, 10, 1_000, 100_000])
    func flood(perSecond: Int) {
        // Ten seconds, ten thousand asked for in each.
        let found = Self.admitted(AnswerRate(perSecond: perSecond), count: 100_000, every: 100_000)
        let last = 9_999_900_000 + 100_000_000
        #expect(found == min(100_000, last / (1_000_000_000 / perSecond) + 1), "\(found)")
    }

    @Test func `what comes at the rate all leaves`() {
        #expect(Self.admitted(AnswerRate(perSecond: 1_000), count: 5_000, every: 1_000_000) == 5_000)
    }

    @Test func `none at all`() {
        #expect(Self.admitted(AnswerRate(perSecond: 0), count: 1_000, every: 1_000_000) == 0)
    }

    @Test func `each port has its own`() {
        let rate = AnswerRate(perSecond: 10)
        _ = Self.admitted(rate, count: 100, every: 1)
        #expect(!rate.admits(port: 0, at: 5_000_000_000) && rate.admits(port: 1, at: 5_000_000_000))
    }

    @Test func `workers share it`() async {
        let rate = AnswerRate(perSecond: 1_000)
        let taken = Atomic<Int>(0)
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { (0..<1_000).count { _ in rate.take(port: 0, at: 7_000_000_000) } } }
            for await count in group { taken.add(count, ordering: .relaxed) }
        }
        #expect(taken.load(ordering: .relaxed) == 101)
    }
}
