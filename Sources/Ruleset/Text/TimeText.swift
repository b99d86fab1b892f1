/// Points in time between text and number.
enum TimeText {
    static let nanoseconds: UInt128 = 1_000_000_000
    static let secondsOfDay: Int64 = 86_400

    /// `2024-06-06`, `2024-06-06 17:00` and `2024-06-06 17:00:05` in seconds since 1970 as if they were UTC; nil for anything else and
    /// for days that are not in the calendar.
    static func seconds(ofDate text: String) -> Int64? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let date = numbers(parts[0], separator: "-", digits: [4...4, 1...2, 1...2]) else { return nil }
        let (year, month, day) = (date[0], date[1], date[2])
        guard year >= 1970, (1...12).contains(month), day >= 1, day <= length(ofMonth: month, year) else { return nil }
        var seconds = days(year, month, day) * secondsOfDay
        if parts.count == 2 {
            guard let time = self.seconds(ofDay: String(parts[1])) else { return nil }
            seconds += time
        }
        return seconds
    }

    /// `17:00` or `17:00:30` in seconds; nil for anything else.
    static func seconds(ofDay text: String) -> Int64? {
        let count = text.utf8.count { $0 == UInt8(ascii: ":") }
        guard (1...2).contains(count), let time = numbers(text[...], separator: ":", digits: Array(repeating: 1...2, count: count + 1))
        else { return nil }
        guard time[0] < 24, time[1] < 60, count == 1 || time[2] <= 60 else { return nil }
        return time[0] * 3_600 + time[1] * 60 + (count == 2 ? time[2] : 0)
    }

    private static func numbers(_ text: Substring, separator: Character, digits: [ClosedRange<Int>]) -> [Int64]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count == digits.count else { return nil }
        var numbers: [Int64] = []
        for (part, count) in zip(parts, digits) {
            guard count.contains(part.utf8.count), part.utf8.allSatisfy(\.isDigit), let number = Int64(part) else { return nil }
            numbers.append(number)
        }
        return numbers
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func length(ofMonth month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// From 1970-01-01 on, in the Gregorian calendar.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let before = year - 1
        let leaps = (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400)
        let months = (1..<month).reduce(0) { $0 + length(ofMonth: $1, year) }
        return (year - 1970) * 365 + leaps + months + day - 1
    }

    /// As nft lists it: `2024-06-06 17:00:00`.
    static func text(ofDate seconds: Int64) -> String {
        var day = seconds / secondsOfDay
        var year: Int64 = 1970 + day / 366
        while days(year + 1, 1, 1) <= day { year += 1 }
        day -= days(year, 1, 1)
        var month: Int64 = 1
        while day >= length(ofMonth: month, year) {
            day -= length(ofMonth: month, year)
            month += 1
        }
        let time = seconds % secondsOfDay
        return "\(year)-\(two(month))-\(two(day + 1)) \(two(time / 3_600)):\(two(time / 60 % 60)):\(two(time % 60))"
    }

    /// As nft lists it: `17:00`, with seconds where there are some.
    static func text(ofDay seconds: Int64) -> String {
        let text = "\(two(seconds / 3_600)):\(two(seconds / 60 % 60))"
        return seconds % 60 == 0 ? text : text + ":\(two(seconds % 60))"
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
