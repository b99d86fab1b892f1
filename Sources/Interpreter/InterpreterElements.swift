import Classifier
import Decisions
import Ruleset
import Wire

/// What sets, maps and objects say to a frame, one element after the other.
extension Interpreter {
    /// What a statement assigns; nil where it can't be read, or no element of a map holds the key.
    func assigned(
        _ value: AssignedValue, in table: Int, _ here: LoggedStatement, _ fields: InterpreterFields, _ result: inout Result
    ) -> UInt128? {
        switch value {
        case .constant(let number): return number
        case .removed: return nil
        case .field(let source): return fields.number(source)
        case .bits(let component):
            if case .number(let number) = fields.values(of: MatchKey(component))?.first { return number }
            return nil
        case .shifted(let bits):
            let key = MatchKey(
                MatchKey.Component(bits.field), rest: bits.fields.dropFirst().map { MatchKey.Component($0) })
            guard let values = fields.values(of: key) else { return nil }
            var numbers = values.compactMap { if case .number(let number) = $0 { number } else { nil } }[...]
            return numbers.count == values.count ? bits.value(of: &numbers) : nil
        case .mapped(let map):
            guard let element = element(of: map.elements, in: table, map.key, here, fields, &result),
                case .number(let number) = element.data
            else { return nil }
            return number
        }
    }

    /// The element of a map that holds the key, which has then counted; nil where the rule ends.
    func element(
        of map: VerdictMap.Elements, in table: Int, _ key: MatchKey, _ here: LoggedStatement, _ fields: InterpreterFields,
        _ result: inout Result
    ) -> SetElement? {
        if case .named(let name) = map, state.isChanging(name, table: table) {
            return state.element(holding: key, in: name, table: table, fields)
        }
        guard let found = find(in: map, of: table, key, fields) else { return nil }
        if let counter = found.counter { result.elements.append(counter) }
        return pass(found, map, table, here, fields, &result) ? found.element : nil
    }

    /// Whether the statements of an element that was found let the frame pass. Statements after the first that does not are not asked.
    func pass(
        _ found: Found, _ set: VerdictMap.Elements, _ table: Int, _ here: LoggedStatement, _ fields: InterpreterFields,
        _ result: inout Result
    ) -> Bool {
        let statements: [ElementStatement]
        let place: InterpreterState.FixedSet
        switch set {
        case .anonymous: (statements, place) = (found.element.statements, .inRule(here))
        case .named(let name):
            guard let guarded = tables[table].sets[name]?.guarded else { return true }
            (statements, place) = (guarded.statements(of: found.element), .named(name, table: table))
        }
        let element = InterpreterState.FixedElement(set: place, index: found.index)
        for (number, statement) in statements.enumerated() {
            if let counter = ownCounters.number(element, number) { result.elements.append(counter) }
            if !state.pass(statement, .fixed(element, number), fields) { return false }
        }
        return true
    }

    /// An element that holds a key.
    struct Found {
        var element: SetElement
        /// Among those of its set.
        var index: Int
        var counter: Int?
    }

    /// True if a named counter, quota or limit lets the frame pass.
    func pass(_ reference: ObjectReference, _ table: Int, _ fields: inout InterpreterFields, _ result: inout Result) -> Bool {
        guard let (object, number) = state.object(reference, table: table) else { return false }
        switch object.content {
        case .counter:
            result.namedCounters.append(number)
            return true
        case .limit(let limit): return state.pass(limit, .limit(number), fields)
        case .quota(let quota): return state.pass(quota, .quota(number), fields)
        case .timeout(let timeout):
            fields.setTimeout(timeout, number: number)
            return true
        }
    }

    /// The first element that holds the key, else `*`, with the number of its counter; nil if the key can't be read.
    func find(
        in set: VerdictMap.Elements, of table: Int, _ key: MatchKey, _ fields: InterpreterFields
    ) -> Found? {
        let numbered =
            switch set {
            case .anonymous(let elements): NumberedSet(elements: elements)
            case .named(let name): tables[table].sets[name] ?? NumberedSet(elements: [])
            }
        guard fields.canRead(key) else { return nil }
        let elements = numbered.elements
        func isAlive(_ element: SetElement) -> Bool {
            guard let lifetime = numbered.guarded?.lifetime(of: element) else { return true }
            return fields.now < start + lifetime * 1_000_000
        }
        guard
            let found = elements.firstIndex(where: { $0.value != .any && isAlive($0) && fields.isHeld(key, by: $0.value) == true })
                ?? elements.firstIndex(where: { $0.value == .any && isAlive($0) })
        else { return nil }
        return Found(element: elements[found], index: found, counter: numbered.firstCounter.map { $0 + found })
    }
}
