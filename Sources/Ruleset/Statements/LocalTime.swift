/// The time zone of whoever writes the rules. nft turns local times into UTC when it reads them, and the kernel compares UTC.
public struct LocalTime: Sendable {
    /// Seconds that local time is ahead of UTC now. Times of day are turned by this, in summer and winter alike: that is how nft does
    /// it, and a rule that is to follow the change has to be read anew.
    public var offset: Int
    /// The same at another time, given in seconds since 1970.
    public var offsetAt: @Sendable (Int64) -> Int

    public init(offset: Int, offsetAt: @escaping @Sendable (Int64) -> Int) {
        self.offset = offset
        self.offsetAt = offsetAt
    }

    /// A time of day in UTC as this zone's clock shows it now, both in seconds.
    func timeOfDay(_ seconds: Int64) -> Int64 {
        guard seconds < TimeText.secondsOfDay else { return seconds }
        let local = (seconds + Int64(offset)) % TimeText.secondsOfDay
        return local < 0 ? local + TimeText.secondsOfDay : local
    }

    /// What has to be written for a point in time, given in seconds since 1970: the local time that is read as just that.
    func date(_ seconds: Int64) -> Int64 {
        let local = seconds + Int64(offsetAt(seconds))
        // At the border of summer time the zone at the local time may be another.
        return local - Int64(offsetAt(local)) == seconds ? local : seconds + Int64(offsetAt(local))
    }

    /// UTC itself.
    public static let utc = LocalTime(offset: 0) { _ in 0 }
}

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
        guard time[0] < 24, time[1] < 60, count == 1 || time[2] < 60 else { return nil }
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

extension ValueChecker {
    /// Texts are local time, numbers UTC: both as nft 1.0.6 reads them.
    func time(_ token: Token) throws(Diagnostic) -> UInt128 {
        if token.kind == .number, case .value(let number) = NumberText.value(of: token.text) {
            let (scale, most): (UInt128, UInt128) =
                switch selector.type {
                case .time: (TimeText.nanoseconds, maximum / TimeText.nanoseconds)
                case .hour: (1, UInt128(TimeText.secondsOfDay - 1))
                default: (1, 6)
                }
            guard number <= most else {
                throw failure(
                    token.location, "\(printable(token.text)) is out of range for '\(selector.text)'", note: "accepted: 0 to \(most)")
            }
            return number * scale
        }
        switch selector.type {
        case .day:
            if token.kind == .word || token.kind == .quoted, let number = NameTable.days.number(of: token.text) { return number }
        case .hour:
            if token.kind == .quoted, let local = TimeText.seconds(ofDay: token.text) {
                let seconds = (local - Int64(localTime.offset)) % TimeText.secondsOfDay
                return UInt128(seconds < 0 ? seconds + TimeText.secondsOfDay : seconds)
            }
        default:
            if token.kind == .quoted, let local = TimeText.seconds(ofDate: token.text) {
                let seconds = local - Int64(localTime.offsetAt(local))
                if seconds >= 0, UInt128(seconds) <= maximum / TimeText.nanoseconds { return UInt128(seconds) * TimeText.nanoseconds }
            }
        }
        throw failure(
            token.location, "\(token.described) is not \(selector.type.described)",
            note: "expected \(selector.type.example)")
    }

    /// The bounds of a time of day that begins before midnight and ends behind it, in UTC; nil for all other elements.
    ///
    /// Which those are depends on the zone: a range that is in order where it is written may not be so in UTC.
    func overnight(_ element: ElementSyntax) throws(Diagnostic) -> (begin: UInt128, end: UInt128)? {
        guard selector.type == .hour, case .range(let first, let last, _) = element else { return nil }
        let (begin, end) = (try number(first), try number(last))
        return begin > end ? (begin, end) : nil
    }
}

extension MatchChecker {
    /// As nft 1.0.6 lowers a range over midnight: the other way round, and not in it. The two bounds themselves are then not matched.
    func overnight(_ bounds: (begin: UInt128, end: UInt128), _ location: SourceLocation) throws(Diagnostic) -> Lowered {
        let operand = Operand.single(.range(bounds.end, bounds.begin))
        switch syntax.comparison {
        case nil, .equal: return Lowered(relation: .notEqual, operand: operand)
        case .notEqual: return Lowered(relation: .equal, operand: operand)
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .negation:
            throw Diagnostic(severity: .error, location: location, message: "an order needs a single value")
        }
    }
}

extension ValueText {
    /// A range of times: where it is open to one side, as the order that it was.
    func times(from low: UInt128, to high: UInt128, isElement: Bool) -> String {
        let most: UInt128 = type == .time ? UInt128(UInt64.max) : type == .hour ? UInt128(UInt32.max) : 255
        let unit = type == .time ? TimeText.nanoseconds : 1
        if !isElement, high == most { return low % unit == 0 ? ">= \(quoted(low))" : "> \(quoted(low - 1))" }
        return "\(quoted(low))-\(quoted(high))"
    }

    func quoted(_ number: UInt128) -> String { type == .day ? plain(number) : "\"\(plain(number))\"" }
}
