import Ruleset

/// When packets come: `@0.5s` from the start on, `+1s` from the packet before on.
extension PacketParser {
    /// A hundred years, which leave room for a date before them.
    private static let longest: UInt64 = 36_525 * 86_400_000_000_000
    private static let units: [(name: String, nanoseconds: UInt64)] = [
        ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ]

    /// nil where none is given.
    mutating func time(after now: UInt64) throws(Diagnostic) -> UInt64? {
        guard current.kind == .word, let sign = current.text.first, sign == "@" || sign == "+" else { return nil }
        let token = current
        guard let span = Self.nanoseconds(of: token.text.dropFirst()) else {
            throw fail(
                token, "not a time: \(shown(token))", note: "as in @0.5s from the start, +200ms after the previous packet, or +1h30m")
        }
        let time = sign == "+" ? now + span : span
        guard time <= Self.longest else { throw fail(token, "the time is more than 100 years from the start") }
        guard time >= now else {
            throw fail(token, "the packet would come before the previous one", note: "times count from the start and never go back")
        }
        next()
        return time
    }

    /// `1.5s`, `1m30s`, `200ms`; nil for anything else and for what is longer than 100 years.
    static func nanoseconds(of text: Substring) -> UInt64? {
        var rest = Array(text.utf8)[...]
        guard !rest.isEmpty else { return nil }
        var sum: UInt64 = 0
        while !rest.isEmpty {
            let digits = rest.prefix { isDigit($0) }
            rest = rest.dropFirst(digits.count)
            var fraction: ArraySlice<UInt8> = []
            if rest.first == UInt8(ascii: ".") {
                fraction = rest.dropFirst().prefix { isDigit($0) }
                rest = rest.dropFirst(1 + fraction.count)
                guard !fraction.isEmpty else { return nil }
            }
            let name = String(decoding: rest.prefix { !isDigit($0) }, as: UTF8.self)
            rest = rest.dropFirst(name.utf8.count)
            guard (1...12).contains(digits.count), fraction.count <= 9, let unit = units.first(where: { $0.name == name }),
                let whole = UInt64(String(decoding: digits, as: UTF8.self))
            else { return nil }
            let (product, isTooLong) = whole.multipliedReportingOverflow(by: unit.nanoseconds)
            guard !isTooLong, product <= longest else { return nil }
            var part: UInt64 = 0
            var weight = unit.nanoseconds
            for digit in fraction {
                weight /= 10
                part += UInt64(digit - UInt8(ascii: "0")) * weight
            }
            sum += product + part
            guard sum <= longest else { return nil }
        }
        return sum
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
