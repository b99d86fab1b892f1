import Testing

import Appliance

@Suite struct FullnessWatchTests {
    @Test("one message a minute, with what was refused since the last")
    func pace() {
        var watch = FullnessWatch()
        var told: [[Int]] = []
        for second in 0..<200 {
            // Two a second from second 3 on; for a moment the count falls back, once when a message is due.
            let total = second < 3 ? 0 : [50, 63].contains(second) ? 1 : UInt64(2 * (second - 2))
            watch.note(.connections, total) { told.append([second, Int($0)]) }
            watch.note(.set(1), 0) { _ in told.append([second, -1]) }
        }
        #expect(told == [[3, 2], [63, 118], [123, 122], [183, 120]])
    }

    @Test("another cause has a pace of its own, and what has stopped is not told again")
    func causes() {
        var watch = FullnessWatch()
        var told: [String] = []
        for second in 0..<300 {
            watch.note(.share, 7) { told.append("share \($0) at \(second)") }
            watch.note(.set(0), second < 5 ? 0 : 3) { told.append("set \($0) at \(second)") }
        }
        #expect(told == ["share 7 at 0", "set 3 at 5"])
    }
}
