/// When a change of rules goes back by itself: as soon as more than a number of something was counted under the new rules.
///
///     drops of established > 0
///     drops > 1000
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

    /// Conditions for one change.
    public static let most = 16
    /// Bytes of one.
    private static let longest = 256

    /// nil for what is no condition.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.longest else { return nil }
        let parts = text.split(separator: ">", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let words = parts[0].split(whereSeparator: \.isWhitespace).map(String.init)
        let numbers = parts[1].split(whereSeparator: \.isWhitespace)
        guard numbers.count == 1, numbers[0].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let limit = UInt64(numbers[0]) else {
            return nil
        }
        self.limit = limit
        switch words.first {
        case "drops" where words.count == 1: count = .drops
        case "drops" where words.dropFirst() == ["of", "established"]: count = .establishedDrops
        case "counter" where words.count == 2 || words.count == 4: count = .counter(words.dropFirst().joined(separator: " "))
        default: return nil
        }
    }

    /// As it is written.
    public var text: String { "\(count.text) > \(limit)" }

    /// For people who have written something else.
    public static let grammar = "\"drops of established > N\", \"drops > N\" or \"counter NAME > N\""
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
