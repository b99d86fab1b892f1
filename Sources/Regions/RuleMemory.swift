import Ruleset

/// Where frames are that leave something to frames after them: a limit's tokens, an element of a set, a mark of a connection.
struct Memory {
    var condition: Condition
    /// Steps before it.
    var place: Int
}

extension StepBuilder {
    /// True if the statement may do so, or may depend on what others have left.
    func remembers(_ statement: Statement, table: Int) -> Bool {
        func draws(_ key: MatchKey?) -> Bool { key?.components.contains { $0.field.generator != nil } ?? false }
        func isKept(_ name: String) -> Bool { sets[table][name].map { $0.changes || $0.isGuarded } ?? false }
        switch statement {
        case .counter, .log, .last, .hostSetting, .verdict: return false
        case .limit, .quota, .connectionCount, .objectMap, .update, .notrack: return true
        case .object(let reference, _): return reference.kind != .counter
        case .match(let match):
            if case .named(let name) = match.operand, isKept(name) { return true }
            return draws(match.key) || match.elements.contains { !$0.statements.allSatisfy(\.holdsAlways) }
        case .verdictMap(let map):
            if case .named(let name) = map.elements, isKept(name) { return true }
            guard case .anonymous(let elements) = map.elements else { return draws(map.key) }
            return draws(map.key) || elements.contains { !$0.statements.allSatisfy(\.holdsAlways) }
        case .assignment(let assignment):
            if case .mapped(let map) = assignment.value, case .named(let name) = map.elements, isKept(name) { return true }
            return assignment.field.connectionKey != nil || draws(statement.traits.key)
        }
    }
}

extension Condition {
    /// True if no frame has both.
    func isDisjoint(_ other: Condition) -> Bool {
        sets.contains { variable, set in other.sets[variable]?.isDisjoint(set) == true }
    }
}
