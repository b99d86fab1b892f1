// Points in time, as rules write them.

extension ValueChecker {
    /// Texts are local time, numbers UTC: both as nft 1.0.6 reads them.
    func time(_ token: Token) throws(Diagnostic) -> UInt128 {
        if token.kind == .number, case .value(let number) = NumberText.value(of: token.text) {
            let (scale, most): (UInt128, UInt128) =
                switch selector.type.form {
                case .date: (TimeText.nanoseconds, maximum / TimeText.nanoseconds)
                case .timeOfDay: (1, UInt128(TimeText.secondsOfDay - 1))
                default: (1, 6)
                }
            guard number <= most else {
                throw failure(
                    token.location, "\(printable(token.text)) is out of range for '\(selector.text)'", note: "accepted: 0 to \(most)")
            }
            return number * scale
        }
        switch selector.type.form {
        case .weekday:
            if token.kind == .word || token.kind == .quoted, let number = NameTable.days.number(of: token.text) { return number }
        case .timeOfDay:
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

    /// The bounds of a time of day that begins before midnight and ends after it, in UTC; nil for all other elements.
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
        let (most, unit): (UInt128, UInt128) =
            switch type.form {
            case .date: (UInt128(UInt64.max), TimeText.nanoseconds)
            case .timeOfDay: (UInt128(UInt32.max), 1)
            default: (255, 1)
            }
        if !isElement, high == most { return low % unit == 0 ? ">= \(quoted(low))" : "> \(quoted(low - 1))" }
        return "\(quoted(low))-\(quoted(high))"
    }

    func quoted(_ number: UInt128) -> String { type == .day ? plain(number) : "\"\(plain(number))\"" }
}
