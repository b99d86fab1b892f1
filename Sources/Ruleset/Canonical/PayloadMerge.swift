/// Finds equalities on neighbouring octets of a header that nft joins into one load, where that changes what the rule means.
///
/// nft 1.0.6 joins them at the place of one of the two (`payload_try_merge`), whatever stands between: a `counter` then counts other
/// frames. And it takes flags without an operator for an equality, which elsewhere they are not: `tcp flags syn tcp window 5` looks
/// for frames with no flag but SYN.
struct PayloadMerge {
    enum Harm {
        case flags, order
    }

    private struct Part {
        var header: Field.Header
        var octets: Range<Int>
        /// Flags without an operator.
        var isFlags: Bool
        /// Statements before it that do more than match.
        var effects: Int

        init?(_ match: Match, hasOperator: Bool, effects: Int) {
            guard case .payload(let header, _) = match.field.source, !match.key.isConcatenation, match.key.first.xor == 0,
                match.field.isWholeOctets, case .single(.number) = match.operand
            else { return nil }
            isFlags = !hasOperator && match.isAnyFlag
            guard isFlags || (match.mask == nil && match.relation == .equal) else { return nil }
            self.header = header
            octets = match.field.octets
            self.effects = effects
        }

        func isBeside(_ other: Part) -> Bool {
            header == other.header && (octets.lowerBound == other.octets.upperBound || other.octets.lowerBound == octets.upperBound)
        }
    }

    private var parts: [Part] = []
    private var effects = 0

    /// To be called for each statement that does more than match.
    mutating func noteEffect() { effects += 1 }

    /// Takes note of a match as it has been lowered.
    /// - Returns: What joining it with one before it would do.
    mutating func harm(of match: Match, hasOperator: Bool) -> Harm? {
        guard let part = Part(match, hasOperator: hasOperator, effects: effects) else { return nil }
        defer { parts.append(part) }
        let neighbours = parts.filter { $0.isBeside(part) }
        if neighbours.contains(where: { $0.isFlags || part.isFlags }) { return .flags }
        return neighbours.contains { $0.effects != effects } ? .order : nil
    }

    /// Whether the match has to be printed with its operator, so that it is not joined with another of the rule.
    static func needsOperator(_ match: Match, in rule: Rule) -> Bool {
        guard match.isAnyFlag, let part = Part(match, hasOperator: false, effects: 0) else { return false }
        return rule.statements.contains { statement in
            guard case .match(let other) = statement, let neighbour = Part(other, hasOperator: true, effects: 0) else { return false }
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
