/// When a change of rules goes back by itself: as soon as more than a number of something was counted under the new rules, or in one second.
///
///     drops of established > 0
///     drops > 1000/s
///     counter NAME > 100
public struct AbortCondition: Sendable, Equatable {
    public enum Count: Sendable, Equatable {
        /// Frames that rules dropped of connections in which packets went both ways.
        case establishedDrops
        /// All dropped frames.
        case drops
        /// Packets that a named counter counted: its name, or the table's family and name and its own.
        case counter(String)
    }

    public var count: Count
    /// The largest number that is no reason to go back.
    public var limit: UInt64
    /// True if it is one of each second, not of the whole trial.
    public var isPerSecond: Bool

    /// Conditions for one change.
    public static let most = 16
    /// Bytes of one.
    private static let longest = 256
    private static let perSecond = "/s"

    /// nil for what is no condition.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.longest else { return nil }
        let parts = text.split(separator: ">", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let words = parts[0].split(whereSeparator: \.isWhitespace).map(String.init)
        let numbers = parts[1].split(whereSeparator: \.isWhitespace)
        guard numbers.count == 1 else { return nil }
        isPerSecond = numbers[0].hasSuffix(Self.perSecond)
        let digits = isPerSecond ? numbers[0].dropLast(Self.perSecond.count) : numbers[0]
        guard digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let limit = UInt64(digits) else { return nil }
        self.limit = limit
        switch words.first {
        case "drops" where words.count == 1: count = .drops
        case "drops" where words.dropFirst() == ["of", "established"]: count = .establishedDrops
        case "counter" where words.count == 2 || words.count == 4: count = .counter(words.dropFirst().joined(separator: " "))
        default: return nil
        }
    }

    /// As it is written.
    public var text: String { "\(count.text) > \(limit)\(isPerSecond ? Self.perSecond : "")" }

    /// For people who have written something else.
    public static let grammar = "\"drops of established > N\", \"drops > N\" or \"counter NAME > N\", with N or N/s"
}

extension AbortCondition.Count {
    fileprivate var text: String {
        switch self {
        case .establishedDrops: "drops of established"
        case .drops: "drops"
        case .counter(let name): "counter \(name)"
        }
    }
}
