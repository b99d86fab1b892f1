import Appliance
import Testing

@Suite struct ChangeNoticesTests {
    /// What happens at a second: a message wants to pass (true), or a sum is asked for (false). What comes of it: 1 if it passes, 0 if not;
    /// the sum, 0 if there is none.
    @Test(
        arguments: [
            (
                "a few pass, and the rest is summed up", 2,
                [(0, true, 1), (0, true, 1), (0, true, 0), (1, true, 0), (5, false, 0), (11, false, 2)]
            ),
            ("a sum is said once", 1, [(0, true, 1), (0, true, 0), (11, false, 1), (30, false, 0), (30, true, 1)]),
            ("nothing passes before what was held back", 1, [(0, true, 1), (0, true, 0), (20, true, 0), (20, false, 2)]),
            ("a sum is a message", 1, [(0, true, 1), (1, true, 0), (10, false, 1), (11, true, 0), (20, false, 1)]),
            ("nothing is no sum", 1, [(0, false, 0), (0, true, 1), (20, false, 0)]),
        ] as [(String, Int, [(second: Int, isMessage: Bool, result: UInt64)])])
    func aFewPass(_ what: String, _ size: Int, _ steps: [(second: Int, isMessage: Bool, result: UInt64)]) {
        var notices = ChangeNotices(size: size)
        let start = ContinuousClock.now
        for (place, step) in steps.enumerated() {
            let now = start + .seconds(step.second)
            let result = step.isMessage ? notices.mayPass(at: now) ? 1 : 0 : notices.sum(at: now) ?? 0
            #expect(result == step.result, "\(what), step \(place)")
        }
    }

    @Test func theEndSaysWhatIsLeft() {
        var notices = ChangeNotices(size: 1)
        let start = ContinuousClock.now
        let results = [notices.mayPass(at: start), notices.mayPass(at: start)]
        #expect(results == [true, false])
        let sums = [notices.sum(at: start), notices.sum(isLast: true, at: start), notices.sum(isLast: true, at: start)]
        #expect(sums == [nil, 1, nil])
    }
}
