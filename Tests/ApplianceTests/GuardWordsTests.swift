import Appliance
import Testing

@Suite struct GuardWordsTests {
    @Test(
        arguments: [
            (.zero, "0 ms"), (.microseconds(1), "1 ms"), (.milliseconds(37), "37 ms"), (.milliseconds(999), "999 ms"),
            (.seconds(1), "1.0 s"),
            (.milliseconds(4201), "4.3 s"), (.seconds(99), "99.0 s"), (.seconds(100), "2 min"), (.seconds(600), "10 min"),
        ] as [(Duration, String)])
    func times(_ duration: Duration, _ text: String) {
        #expect(GuardWords.time(duration) == text)
    }

    @Test(
        arguments: [
            (0, 0, "0 frames came in, none of which went past it"), (1, 0, "1 frame came in, none of which went past it"),
            (1, 1, "1 frame came in, at most all of which went past it"), (240, 12, "240 frames came in, at most 12 of which went past it"),
            (240, 240, "240 frames came in, at most all of which went past it"),
        ] as [(UInt64, UInt64, String)])
    func amounts(_ total: UInt64, _ missed: UInt64, _ text: String) {
        let amount = GuardMeter.Amount(total: total, missed: missed)
        #expect(GuardWords.came(amount, "went past it") == text)
    }

    @Test func counts() {
        #expect([1, 2].map(GuardWords.times) == ["once", "2 times"])
        #expect([1, 2].map(GuardWords.more) == ["once more", "2 more times"])
    }

    /// A message each second: which of them may pass.
    @Test(
        arguments: [
            (1, [true, false, false, false, false, false, false, false, false, false, true, false]),
            (2, [true, true, false, false, false, false, false, false, false, false, true, true]),
        ] as [(Int, [Bool])])
    func quotas(_ size: Int, _ passes: [Bool]) {
        var quota = MessageQuota(size: size)
        let start = ContinuousClock.now
        #expect(passes.indices.map { quota.take(at: start + .seconds($0)) } == passes)
    }
}
