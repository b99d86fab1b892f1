import Classifier

/// What new rules have kept of the existing ones' state, in words and for programs.
struct KeptStateReport: Encodable {
    struct Kept: Encodable {
        struct Set: Encodable {
            /// With its table.
            var set: String
            /// Elements that live.
            var elements: Int
        }

        var sets: [Set]
        var limits: Int
        var quotas: Int
        /// `last` statements.
        var lastUses: Int
        /// `ct count` statements.
        var connectionCounts: Int
    }

    struct Dropped: Encodable {
        struct Set: Encodable {
            var set: String
            var reason: String
        }

        var sets: [Set]
        var limits: Int
        var quotas: Int
        var lastUses: Int
        var connectionCounts: Int
    }

    var kept: Kept
    var dropped: Dropped
    /// Elements of the new file for which a set that goes on had no room.
    var refusedElements: Int
    /// For people.
    private(set) var lines: [String]

    private enum CodingKeys: CodingKey { case kept, dropped, refusedElements }

    init(_ state: KeptState) {
        kept = Kept(
            sets: state.keptSets.map { Kept.Set(set: $0.set, elements: $0.elements) }, limits: state.kept.limits,
            quotas: state.kept.quotas, lastUses: state.kept.lastUses, connectionCounts: state.kept.connectionCounts)
        dropped = Dropped(
            sets: state.droppedSets.map { Dropped.Set(set: $0.set, reason: $0.reason) }, limits: state.dropped.limits,
            quotas: state.dropped.quotas, lastUses: state.dropped.lastUses, connectionCounts: state.dropped.connectionCounts)
        refusedElements = state.refusedElements
        lines = state.lines
    }
}

extension KeptState {
    /// Sets that are named one by one.
    private static let namedSets = 20

    /// What was kept, what was not and why; none where there was nothing.
    var lines: [String] {
        var lines: [String] = []
        let elements = keptSets.reduce(0) { $0 + $1.elements }
        var words = keptSets.isEmpty ? [] : ["\(counted(keptSets.count, "set")) with \(counted(elements, "element"))"]
        words += kept.words
        if !words.isEmpty { lines.append("kept: " + words.joined(separator: ", ")) }
        for set in droppedSets.prefix(Self.namedSets) { lines.append("not kept: set \(set.set), since \(set.reason)") }
        if droppedSets.count > Self.namedSets { lines.append("not kept: \(counted(droppedSets.count - Self.namedSets, "more set"))") }
        if !dropped.isEmpty { lines.append("not kept: " + dropped.words.joined(separator: ", ")) }
        if refusedElements > 0 { lines.append("no room: \(counted(refusedElements, "element")) of the file did not fit into the sets") }
        return lines
    }
}

extension KeptState.Numbers {
    fileprivate var words: [String] {
        [(limits, "limit"), (quotas, "quota"), (lastUses, "last statement"), (connectionCounts, "ct count statement")].filter { $0.0 > 0 }
            .map { counted($0.0, $0.1) }
    }
}

/// `1 set`, `2 sets`.
private func counted(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
