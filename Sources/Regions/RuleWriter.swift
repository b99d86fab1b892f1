import Ruleset

/// Writes the steps of one rule.
struct RuleWriter {
    private let rule: Rule
    private let decider: Int
    private let context: StepBuilder.Context
    private let place: RulePlace
    private var demand: Demand
    /// Where the rule ends without a verdict, if a step leads there.
    private var end: Int?
    /// The statement at hand.
    private var index = 0
    private var name: String?

    init(_ rule: Rule, decider: Int, _ context: StepBuilder.Context, at place: RulePlace) {
        self.rule = rule
        self.decider = decider
        self.context = context
        self.place = place
        demand = Demand(condition: context.entry)
    }

    mutating func write(into builder: inout StepBuilder) throws(RegionFailure) {
        for (index, statement) in rule.statements.enumerated() {
            self.index = index
            if builder.remembers(statement, table: context.table) { builder.remember(where: demand.condition) }
            guard try write(statement, into: &builder) else { break }
        }
        if let end { builder.add(.label(end)) }
    }

    // MARK: Names

    /// The statement by its place, by which the other rule set knows it too.
    private mutating func statementName() -> String {
        if name == nil { name = place.text }
        return "\(name ?? "") [\(index)]"
    }

    private mutating func readingPlace(_ key: MatchKey) -> ReadingPlace {
        var place = context.place
        if key.components.contains(where: { $0.field.generator != nil }) { place.statement = statementName() }
        return place
    }

    private mutating func end(_ builder: inout StepBuilder) -> Int {
        if let end { return end }
        let label = builder.label("end of \(statementName())")
        end = label
        return label
    }

    // MARK: Statements

    /// - Returns: False where no frame goes on to the next statement.
    private mutating func write(_ statement: Statement, into builder: inout StepBuilder) throws(RegionFailure) -> Bool {
        switch statement {
        case .counter, .log, .last, .hostSetting: return true
        case .match(let match): return write(match.loaded, into: &builder)
        case .verdict(.continue, _): return true
        case .verdict(let verdict, _):
            try write(verdict, where: demand, into: &builder)
            return false
        case .verdictMap(let map): return try write(map, into: &builder)
        case .assignment(let assignment): return try write(assignment, into: &builder)
        case .notrack: return writeUntracking(into: &builder)
        case .object(let reference, _) where reference.kind == .counter || reference.kind == .timeout: return true
        case .limit, .quota, .connectionCount, .object, .objectMap, .update: return restrict(toOpaque: statement, builder)
        }
    }

    /// What nobody knows without the frames before.
    /// - Parameter set: The set that is asked, which comes to what the file and the rules of the table make of it.
    private mutating func restrict(toOpaque statement: Statement, of set: NamedSet? = nil, _ builder: StepBuilder) -> Bool {
        var text = statement.described(in: rule)
        var place = statementName()
        if let set { place += " \(set.meaning(in: builder.ruleset.tables[context.table]))" }
        if case .object(let reference, _) = statement,
            let object = builder.ruleset.tables[context.table].objects.first(where: {
                $0.name == reference.name && $0.kind == reference.kind
            })
        {
            text += " { \(object.content) }"
        }
        demand.condition.restrict(.opaque(Variable.Opaque(text: text, place: place)), to: ValueSet(1, 1))
        return true
    }

    private mutating func write(_ match: Match, into builder: inout StepBuilder) -> Bool {
        let place = readingPlace(match.key)
        var values: [Value]
        switch match.operand {
        case .single(let value): values = [value]
        case .set(let members): values = members
        case .named(let name):
            guard let set = builder.sets[context.table][name] else { return false }
            if set.changes || set.isGuarded { return restrict(toOpaque: .match(match), of: set, builder) }
            values = set.elements.map(\.value)
        }
        if match.elements.contains(where: { !$0.statements.allSatisfy(\.holdsAlways) }) {
            return restrict(toOpaque: .match(match), builder)
        }
        let isNegated = match.relation == .notEqual
        if isNegated { values.removeAll { $0 == .any } }
        if match.key.isConcatenation {
            var found: [Demand] = []
            for value in values {
                guard let some = builder.demands.demands(match.key, value, at: place) else {
                    return restrict(toOpaque: .match(match), builder)
                }
                found += some
            }
            let readable = isNegated ? builder.demands.readable(match.key, at: place) : []
            return restrict(to: isNegated ? .none(found, readable: readable) : .any(found), match, into: &builder)
        }
        let holding = builder.demands.holding(match.key.first, values, isNegated: isNegated, at: place)
        return restrict(to: holding, match, into: &builder)
    }

    private mutating func restrict(to holding: Holding, _ match: Match, into builder: inout StepBuilder) -> Bool {
        switch holding {
        case .unknown: return restrict(toOpaque: .match(match), builder)
        case .any(let some): return restrict(toOneOf: some, into: &builder)
        case .none(let none, let readable):
            guard restrict(toOneOf: readable, into: &builder) else { return false }
            for other in none {
                guard let both = builder.demands.combined(demand, other) else { continue }
                builder.add(.skip(end(&builder)), where: both, rule: decider)
            }
            return true
        }
    }

    private mutating func restrict(toOneOf some: [Demand], into builder: inout StepBuilder) -> Bool {
        let found = some.compactMap { builder.demands.combined(demand, $0) }
        guard let first = found.first else { return false }
        guard found.count > 1 else {
            demand = first
            return true
        }
        let inside = builder.label("inside \(statementName())")
        for one in found { builder.add(.skip(inside), where: one, rule: decider) }
        builder.add(.skip(end(&builder)), where: Demand(condition: demand.condition), rule: decider)
        builder.add(.label(inside))
        demand.tests = []
        return true
    }

    // MARK: Verdicts

    private mutating func write(_ verdict: Verdict, where demand: Demand, into builder: inout StepBuilder) throws(RegionFailure) {
        switch verdict {
        case .accept:
            builder.add(context.next.map { .skip($0) } ?? .verdict(.accept, by: decider), where: demand, rule: decider)
        case .drop: builder.add(.verdict(.drop, by: decider), where: demand, rule: decider)
        case .reject(let rejection):
            let told = builder.kind.isIP ? rejection.resolved(isIPv6: builder.kind.network == .ipv6) : rejection
            builder.add(.verdict(.reject(told), by: decider), where: demand, rule: decider)
        case .return: builder.add(.skip(context.exit), where: demand, rule: decider)
        case .continue: break
        case .jump(let target):
            try builder.enter(target, isJump: true, where: demand, context, rule: decider, name: statementName())
        case .goto(let target):
            try builder.enter(target, isJump: false, where: demand, context, rule: decider, name: statementName())
        }
    }

    private mutating func write(_ map: VerdictMap, into builder: inout StepBuilder) throws(RegionFailure) -> Bool {
        let place = readingPlace(map.key)
        let elements: [SetElement]
        switch map.elements {
        case .anonymous(let written): elements = written
        case .named(let name):
            guard let set = builder.sets[context.table][name] else { return false }
            guard !set.changes, !set.isGuarded else { return try writeUnknown(map, Array(set.elements), into: &builder) }
            elements = Array(set.elements)
        }
        if elements.contains(where: { !$0.statements.allSatisfy(\.holdsAlways) }) { return try writeUnknown(map, elements, into: &builder) }
        let mayGoOn = elements.contains { $0.verdict == .continue }
        let onward = mayGoOn ? builder.label("on in \(statementName())") : nil
        for element in elements.filter({ $0.value != .any }) + elements.filter({ $0.value == .any }) {
            guard let verdict = element.verdict else { continue }
            guard let some = builder.demands.demands(map.key, element.value, at: place) else {
                return try writeUnknown(map, elements, into: &builder)
            }
            for one in some.compactMap({ builder.demands.combined(demand, $0) }) {
                if verdict == .continue, let onward {
                    builder.add(.skip(onward), where: one, rule: decider)
                } else {
                    try write(verdict, where: one, into: &builder)
                    // The chain may have ended without a verdict: no later element is asked then.
                    if case .jump = verdict {
                        builder.add(.skip(end(&builder)), where: Demand(condition: one.condition), rule: decider)
                    }
                }
            }
        }
        guard let onward else { return false }
        builder.add(.skip(end(&builder)), where: Demand(condition: demand.condition), rule: decider)
        builder.add(.label(onward))
        demand.tests = []
        return true
    }

    /// A map whose elements come and go: any of its verdicts may be found, or none.
    private mutating func writeUnknown(_ map: VerdictMap, _ elements: [SetElement], into builder: inout StepBuilder) throws(RegionFailure)
        -> Bool
    {
        let text = "\(Statement.verdictMap(map).described(in: rule)) { \(elements.meaning) }"
        var verdicts: [Verdict] = []
        for element in elements { if let verdict = element.verdict, !verdicts.contains(verdict) { verdicts.append(verdict) } }
        let onward = builder.label("on in \(statementName())")
        for verdict in verdicts {
            let variable = Variable.opaque(Variable.Opaque(text: "\(text) finds \(verdict.described)", place: statementName()))
            var one = demand
            one.condition.restrict(variable, to: ValueSet(1, 1))
            if verdict == .continue {
                builder.add(.skip(onward), where: one, rule: decider)
            } else {
                try write(verdict, where: one, into: &builder)
                if case .jump = verdict { builder.add(.skip(end(&builder)), where: Demand(condition: one.condition), rule: decider) }
            }
        }
        builder.add(.skip(end(&builder)), where: Demand(condition: demand.condition), rule: decider)
        builder.add(.label(onward))
        demand.tests = []
        return true
    }

    // MARK: Assignments

    /// From here on the rule's demands about what steps assign are asked once.
    private mutating func settle(into builder: inout StepBuilder) {
        guard !demand.tests.isEmpty else { return }
        builder.ask(demand, else: end(&builder), name: statementName(), rule: decider)
        demand.tests = []
    }

    private mutating func writeUntracking(into builder: inout StepBuilder) -> Bool {
        settle(into: &builder)
        func assign(_ variable: Variable) -> Step.Action {
            .assign([Step.Assigned(variable: variable, value: .number(64))])
        }
        guard context.place.isEarly else {
            // Only what is invalid has no connection to keep.
            var one = demand
            one.tests = [StateTest(variable: .connectionState, set: ValueSet(1, 1))]
            builder.add(assign(.connectionState), where: one, rule: decider)
            return true
        }
        builder.add(assign(.earlyState), where: demand, rule: decider)
        builder.add(assign(.connectionState), where: demand, rule: decider)
        return true
    }

    private mutating func write(_ assignment: Assignment, into builder: inout StepBuilder) throws(RegionFailure) -> Bool {
        let place = readingPlace(MatchKey(MatchKey.Component(assignment.field)))
        if case .removed = assignment.value { return writeRemoval(assignment, into: &builder) }
        guard let reading = builder.demands.reader.readings(of: assignment.field, at: place).first else {
            // Marks of connections that aren't there are left as they are; a field that isn't there ends the rule.
            return assignment.field == .ctMark
        }
        // `ct mark set` does nothing to a packet without a connection.
        let readable = Demand(condition: reading.guards)
        if assignment.field != .ctMark {
            guard restrict(toOneOf: builder.demands.readable(MatchKey(MatchKey.Component(assignment.field)), at: place), into: &builder)
            else { return false }
        }
        switch assignment.value {
        case .constant(let number):
            settle(into: &builder)
            assign(.number(number), reading, readable, into: &builder)
        case .mapped(let map): return try write(map, reading, readable, into: &builder)
        case .field, .bits, .shifted:
            let key = Statement.assignment(assignment).traits.key
            if let key, !restrict(toOneOf: builder.demands.readable(key, at: readingPlace(key)), into: &builder) { return false }
            settle(into: &builder)
            assign(.unknown(assignment.meaning), reading, readable, into: &builder)
        case .removed: break
        }
        return true
    }

    private mutating func assign(_ value: Step.Value, _ reading: Reading, _ readable: Demand, into builder: inout StepBuilder) {
        var left = reading.pieces.reduce(0) { $0 + $1.bits }
        var assigned: [Step.Assigned] = []
        for piece in reading.pieces {
            left -= piece.bits
            guard case .variable(let variable, let bits) = piece else { continue }
            if case .number(let number) = value {
                let digit = number >> UInt128(left) & ValueSet.ones(bits)
                assigned.append(Step.Assigned(variable: variable, value: .number(digit)))
            } else {
                assigned.append(Step.Assigned(variable: variable, value: value))
            }
        }
        if let both = builder.demands.combined(demand, readable) { builder.add(.assign(assigned), where: both, rule: decider) }
    }

    /// `meta mark set ip saddr map { … }`.
    private mutating func write(_ map: ValueMap, _ reading: Reading, _ readable: Demand, into builder: inout StepBuilder)
        throws(RegionFailure) -> Bool
    {
        settle(into: &builder)
        var elements: [SetElement]?
        switch map.elements {
        case .anonymous(let written): elements = written
        case .named(let name):
            if let set = builder.sets[context.table][name], !set.changes, !set.isGuarded { elements = Array(set.elements) }
        }
        let place = readingPlace(map.key)
        let text = map.meaning
        guard let elements, elements.allSatisfy({ $0.statements.allSatisfy(\.holdsAlways) }),
            elements.allSatisfy({ builder.demands.demands(map.key, $0.value, at: place) != nil })
        else {
            demand.condition.restrict(.opaque(Variable.Opaque(text: "\(text) finds one", place: statementName())), to: ValueSet(1, 1))
            assign(.unknown(text), reading, readable, into: &builder)
            return true
        }
        let done = builder.label("done in \(statementName())")
        var found: [(label: Int, data: UInt128)] = []
        for element in elements.filter({ $0.value != .any }) + elements.filter({ $0.value == .any }) {
            guard case .number(let number)? = element.data else { continue }
            let label = builder.label("element \(found.count) of \(statementName())")
            found.append((label, number))
            for one in (builder.demands.demands(map.key, element.value, at: place) ?? []).compactMap({
                builder.demands.combined(demand, $0)
            }) {
                builder.add(.skip(label), where: one, rule: decider)
            }
        }
        builder.add(.skip(end(&builder)), where: demand, rule: decider)
        for (label, number) in found {
            builder.add(.label(label))
            assign(.number(number), reading, readable, into: &builder)
            builder.add(.skip(done), where: demand, rule: decider)
        }
        builder.add(.label(done))
        return true
    }

    /// An option gives way, if it is there; a packet in which it goes beyond the header is dropped.
    private mutating func writeRemoval(_ assignment: Assignment, into builder: inout StepBuilder) -> Bool {
        guard builder.kind.transports.contains(6) else { return false }
        let text = assignment.meaning
        settle(into: &builder)
        demand.condition.restrict(.transportProtocol, to: ValueSet(6, 6))
        var broken = demand
        broken.condition.restrict(.opaque(Variable.Opaque(text: "\(text) drops", place: statementName())), to: ValueSet(1, 1))
        builder.add(.verdict(.drop, by: decider), where: broken, rule: decider)
        demand.condition.restrict(.opaque(Variable.Opaque(text: "\(text) holds", place: statementName())), to: ValueSet(1, 1))
        return true
    }
}

extension Assignment {
    /// As it is written.
    var meaning: String { Statement.assignment(self).described(in: Rule(statements: [], comment: nil, location: location)) }
}

extension ValueMap {
    /// The key and the elements, wherever they stand.
    var meaning: String {
        switch elements {
        case .anonymous(let elements): "\(key.described) map { \(elements.meaning) }"
        case .named(let name): "\(key.described) map @\(name)"
        }
    }
}

extension Sequence<SetElement> {
    /// What they hold and what they lead to, wherever they stand.
    var meaning: String {
        map { "\($0.value) \($0.mapped) \($0.statements) \($0.timeout ?? 0) \($0.expires ?? 0)" }.joined(separator: ", ")
    }
}

extension NamedSet {
    /// What it begins with, and the rules that change it.
    func meaning(in table: Table) -> String {
        let changes = table.chains.flatMap(\.rules).filter { rule in
            rule.statements.contains { statement in
                guard case .update(let update) = statement else { return false }
                return update.set == name
            }
        }
        return "\(dynamics) \(size ?? 0) { \(elements.meaning) } \(changes.map(\.meaning))"
    }
}

extension ElementStatement {
    /// True if it lets every frame pass.
    var holdsAlways: Bool {
        switch self {
        case .counter, .last: true
        case .limit, .quota, .connectionCount: false
        }
    }
}
