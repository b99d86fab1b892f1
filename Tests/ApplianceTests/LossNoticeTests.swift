import Appliance
import Testing

@Suite struct LossNoticeTests {
    /// Losses of single seconds, and the messages about them, by the second at which they come.
    private static let courses: [(description: String, losses: [Int: UInt64], messages: [Int: LossNotice.Message])] = [
        ("none", [:], [:]),
        ("one second", [3: 10], [3: .begins, 8: .isOver(10)]),
        ("from the first second on", [0: 1], [0: .begins, 5: .isOver(1)]),
        ("seconds that belong together", [3: 10, 7: 1], [3: .begins, 12: .isOver(11)]),
        (
            "without an end", Dictionary(uniqueKeysWithValues: (0..<130).map { ($0, 2) }),
            [0: .begins, 60: .goesOn(120), 120: .goesOn(120), 134: .isOver(260)]
        ),
        ("again within a minute", [0: 1, 10: 2], [0: .begins, 5: .isOver(1), 60: .begins, 61: .isOver(2)]),
        ("again and again", [0: 1, 10: 2, 20: 4, 58: 8], [0: .begins, 5: .isOver(1), 60: .begins, 63: .isOver(14)]),
        ("again after a minute", [0: 1, 100: 2], [0: .begins, 5: .isOver(1), 100: .begins, 105: .isOver(2)]),
    ]

    @Test("a loss is told of once a minute at most, and all of it", arguments: courses.indices)
    func course(_ index: Int) {
        let course = Self.courses[index]
        var notice = LossNotice()
        var total: UInt64 = 0
        var messages: [Int: LossNotice.Message] = [:]
        for second in 0..<200 {
            total += course.losses[second] ?? 0
            messages[second] = notice.look(total)
        }
        #expect(messages == course.messages, "\(course.description)")
    }
}
