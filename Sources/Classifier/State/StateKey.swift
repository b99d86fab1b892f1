import Ruleset

/// What a statement that remembers is known by from one program to the next: the same declaration has the same key.
///
/// For an object that is its table, its name and what it says; for a statement of a rule the rule's table, chain and text, how many equal
/// rules come before it, and the statement's place among those of the rule that remember. Places in the file and comments don't count.
struct StateKey: Hashable, Sendable {
    /// 128 bits of a keyed hash: no two declarations have the same.
    private let first: Int
    private let second: Int

    init(_ owner: String, _ number: Int) {
        func hash(_ salt: UInt8) -> Int {
            var hasher = Hasher()
            hasher.combine(salt)
            hasher.combine(owner)
            hasher.combine(number)
            return hasher.finalize()
        }
        (first, second) = (hash(0), hash(1))
    }
}

/// Gives out keys while a program is compiled.
struct StateKeys {
    private enum Place {
        case nowhere
        case object(String)
        /// Its text is not made before it is asked for: most rules remember nothing.
        case rule(Rule, chain: JumpTarget, table: String, family: Family)
    }

    private var place = Place.nowhere
    private var owner: String?
    private var number = 0
    /// Rules with the same text so far.
    private var known: [StateKey: Int] = [:]

    /// What comes next belongs to an object.
    mutating func begin(_ object: String) { begin(.object(object)) }

    /// What comes next belongs to a rule.
    mutating func begin(_ rule: Rule, of chain: JumpTarget, table: String, family: Family) {
        begin(.rule(rule, chain: chain, table: table, family: family))
    }

    /// What comes next begins again with each program.
    mutating func end() { begin(.nowhere) }

    private mutating func begin(_ place: Place) {
        self.place = place
        owner = nil
        number = 0
    }

    /// nil for what begins again.
    mutating func next() -> StateKey? {
        if owner == nil { owner = madeOwner() }
        guard let owner else { return nil }
        defer { number += 1 }
        return StateKey(owner, number)
    }

    private mutating func madeOwner() -> String? {
        switch place {
        case .nowhere: return nil
        case .object(let text): return text
        case .rule(var rule, let chain, let table, let family):
            rule.comment = nil
            let text = "\(family.rawValue) \(table) \(chain)\n\(rule.text)\n"
            let key = StateKey(text, 0)
            let count = known[key, default: 0]
            known[key] = count + 1
            return text + "\(count)"
        }
    }
}
