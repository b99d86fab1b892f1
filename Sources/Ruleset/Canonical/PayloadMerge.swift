/// Finds equalities on neighbouring octets of a header that nft joins into one load, where that changes what the rule means.
///
/// nft joins them (`payload_try_merge`), since 1.1 only where nothing stands between. And it takes flags without an operator for an equality, which elsewhere they are not: `tcp flags syn tcp window 5` looks
/// for frames with no flag but SYN.
struct PayloadMerge {
    private struct Part {
        var header: Field.Header
        var octets: Range<Int>
        /// Flags without an operator.
        var isFlags: Bool

        init?(_ match: Match, hasOperator: Bool) {
            guard case .payload(let header, _) = match.field.source, !match.key.isConcatenation, match.key.first.xor == 0,
                match.field.isWholeOctets, case .single(.number) = match.operand
            else { return nil }
            isFlags = !hasOperator && match.isAnyFlag
            guard isFlags || (match.mask == nil && match.relation == .equal) else { return nil }
            self.header = header
            octets = match.field.octets
        }

        func isBeside(_ other: Part) -> Bool {
            header == other.header && (octets.lowerBound == other.octets.upperBound || other.octets.lowerBound == octets.upperBound)
        }
    }

    private var parts: [Part] = []

    /// Takes note of a match as it has been lowered.
    /// - Returns: Whether joining it with one before it would change what it means.
    mutating func isHarmed(_ match: Match, hasOperator: Bool) -> Bool {
        guard let part = Part(match, hasOperator: hasOperator) else { return false }
        defer { parts.append(part) }
        return parts.contains { $0.isBeside(part) && ($0.isFlags || part.isFlags) }
    }

    /// True if the match has to be printed with its operator, so that it is not joined with another of the rule.
    static func needsOperator(_ match: Match, in rule: Rule) -> Bool {
        guard match.isAnyFlag, let part = Part(match, hasOperator: false) else { return false }
        return rule.statements.contains { statement in
            guard case .match(let other) = statement, let neighbour = Part(other, hasOperator: true) else { return false }
            return neighbour.isBeside(part)
        }
    }
}

extension Match {
    /// `tcp flags syn`: any of the flags.
    fileprivate var isAnyFlag: Bool {
        mask != nil && relation == .notEqual && operand == .single(.number(0)) && Selector.reading(field).type.isBitmask
    }
}
