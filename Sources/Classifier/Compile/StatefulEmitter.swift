import Ruleset

/// Gathers the limits, quotas and named counters of a program, and numbers them.
struct StatefulEmitter {
    private(set) var buckets: [TokenBucket] = []
    private(set) var quotas: [(bound: QuotaBound, used: UInt64)] = []
    private(set) var namedCounters: [NamedCounterReference] = []
    private(set) var plans: [DynamicSetPlan] = []
    /// Sets that stand in a table under a name, by the number of their plan.
    private(set) var changingReferences: [ChangingSetReference] = []
    private(set) var connectionTimeouts: [ConnectionTimeoutReference] = []
    private(set) var connectionBounds: [ConnectionBound] = []
    /// True if a statement counts connections.
    private(set) var countsConnections = false
    /// Statements with a cell of their own, after the cells of the buckets and of the quotas.
    private(set) var remembering: [RememberingStatement] = []
    private(set) var namedQuotas: [NamedQuotaReference] = []
    private(set) var guards: [ElementGuardPlan] = []
    /// What `ct count` takes in elements that rules don't change.
    private var elementWords = 0
    private let ports: [String]
    private var otherInterfaces: [String: UInt128] = [:]
    private(set) var templates: [ElementTemplate] = []
    /// By which the next program finds what is the same in it.
    var keys = StateKeys()
    private(set) var bucketKeys: [StateKey?] = []
    private(set) var quotaKeys: [StateKey?] = []
    private(set) var rememberingKeys: [StateKey?] = []
    private(set) var listKeys: [StateKey?] = []
    private(set) var guardKeys: [StateKey?] = []
    /// Sets of the table at hand that change, by name.
    private(set) var changingSets: [String: Int] = [:]
    /// Statements of each set's elements where a rule says no others: the template.
    private var ownTemplates: [String: Int] = [:]
    /// Numbers of the objects of the table at hand.
    private var numbers: [ObjectReference: Int] = [:]

    private static let comparedShapes = 64

    init(ports: [String]) {
        self.ports = ports
    }

    /// From here on names are those of this table.
    /// - Parameter tables: Has what elements of maps that change lead to.
    mutating func begin(_ table: Table, _ tables: inout TableEmitter) throws(ProgramError) {
        numbers.removeAll()
        changingSets.removeAll()
        ownTemplates.removeAll()
        for object in table.objects {
            keys.begin("\(table.family.rawValue) \(table.name) \(object.kind.rawValue) \(object.name) \(object.content)")
            let reference = ObjectReference(kind: object.kind, name: object.name)
            switch object.content {
            case .counter(let packets, let bytes):
                numbers[reference] = namedCounters.count
                namedCounters.append(
                    NamedCounterReference(family: table.family, table: table.name, name: object.name, packets: packets, bytes: bytes))
            case .limit(let limit): numbers[reference] = try add(limit, object.location)
            case .timeout(let timeout):
                numbers[reference] = connectionTimeouts.count
                connectionTimeouts.append(
                    ConnectionTimeoutReference(family: table.family, table: table.name, name: object.name, timeout: timeout))
            case .quota(let quota):
                numbers[reference] = add(quota)
                namedQuotas.append(
                    NamedQuotaReference(
                        family: table.family, table: table.name, name: object.name, quota: quota, number: quotas.count - 1))
            }
        }
        keys.end()
        for set in table.sets where set.changes {
            guard changingSets[set.name] == nil else { continue }
            try add(set, of: table, &tables)
            var declaration = set
            declaration.elements = SetElements([])
            changingReferences.append(
                ChangingSetReference(
                    family: table.family, table: table.name, name: set.name, isMap: set.isMap, capacity: plans[plans.count - 1].capacity,
                    declaration: declaration, number: plans.count - 1, template: ownTemplates[set.name] ?? 0))
        }
    }

    /// The elements of a table's only set, as the program that has the set keeps them.
    mutating func plan(ofElements table: Table) throws(ProgramError) -> DynamicSetPlan {
        var tables = TableEmitter()
        try begin(table, &tables)
        return plans[0]
    }

    /// What the sets that change take when they are full.
    var statistics: [LookupStatistics] {
        var names: [Int: LookupStatistics.SetName] = [:]
        for set in changingReferences { names[set.number] = LookupStatistics.SetName(family: set.family, table: set.table, name: set.name) }
        return plans.enumerated().map { number, plan in
            LookupStatistics(names[number], .changing, elements: plan.capacity, bytes: DynamicSet.byteCount(of: plan), steps: nil)
        }
    }

    func number(of object: ObjectReference, _ location: SourceLocation) throws(ProgramError) -> Int {
        guard let number = numbers[object] else { throw ProgramError(reason: .unknownObject(object), location: location) }
        return number
    }

    /// What the program's cells are to begin with: those of the buckets, then those of the quotas, then those of other
    /// statements.
    /// - Parameter start: Now, on the clock of `Instant.monotonic`.
    func words(from start: UInt64) -> [UInt64] {
        buckets.map(\.full) + quotas.map(\.used) + remembering.map { $0.word(from: start) }
    }

    /// In the order of `words`.
    var cellKeys: [StateKey?] { bucketKeys + quotaKeys + rememberingKeys }

    mutating func add(_ limit: Limit, _ location: SourceLocation) throws(ProgramError) -> Int {
        guard let depth = limit.depth else { throw ProgramError(reason: .limit, location: location) }
        buckets.append(TokenBucket(limit, depth: depth))
        bucketKeys.append(keys.next())
        return buckets.count - 1
    }

    mutating func add(_ quota: Quota) -> Int {
        quotas.append((QuotaBound(bytes: quota.bytes, isOver: quota.isOver), quota.used))
        quotaKeys.append(keys.next())
        return quotas.count - 1
    }

    mutating func add(_ statement: RememberingStatement) -> Int {
        remembering.append(statement)
        rememberingKeys.append(keys.next())
        return remembering.count - 1
    }

    mutating func add(_ count: ConnectionCount) -> Int {
        countsConnections = true
        connectionBounds.append(ConnectionBound(count))
        listKeys.append(keys.next())
        return connectionBounds.count - 1
    }

    /// One of an element that rules don't change.
    mutating func add(_ count: ConnectionCount, ofElementAt location: SourceLocation) throws(ProgramError) -> Int {
        let number = add(count)
        elementWords += ConnectionBound(count).words
        if elementWords > ConnectionBound.mostWords {
            throw ProgramError(
                reason: .connections(words: ConnectionBound(count).words, elements: connectionBounds.count), location: location)
        }
        return number
    }

    mutating func add(_ plan: ElementGuardPlan) -> Int {
        guards.append(plan)
        guardKeys.append(plan.lifetime == 0 ? nil : keys.next())
        return guards.count - 1
    }

    /// Refuses sets that would take more memory for connections than there is on most machines.
    private func checkRoom(of plan: DynamicSetPlan, _ location: SourceLocation) throws(ProgramError) {
        let (words, isTooLarge) = plan.words.multipliedReportingOverflow(by: max(1, plan.capacity))
        if isTooLarge || words > ConnectionBound.mostWords {
            throw ProgramError(reason: .connections(words: plan.words, elements: plan.capacity), location: location)
        }
    }

    private mutating func add(_ set: NamedSet, of table: Table, _ tables: inout TableEmitter) throws(ProgramError) {
        let capacity = max(set.size.map { Int($0) } ?? set.elements.count, set.elements.count)
        guard capacity <= DynamicSets.largest else { throw ProgramError(reason: .setSize(capacity), location: set.location) }
        var plan = DynamicSetPlan(
            capacity: capacity, timeout: (set.dynamics.timeout ?? 0) &* 1_000_000,
            words: ElementStep.words(of: set.dynamics.statements))
        plan.width = Self.width(of: set.key.fields)
        plan.hasData = set.isMap
        plan.title = "\(table.family.rawValue) \(table.name) \(set.name)"
        plan.declaration = set.declarationText
        plan.isTransferable = set.contents == .keys || set.data != nil
        let own = try Self.addShape(set.dynamics.statements, to: &plan, set.location)
        note(set.dynamics.statements)
        for element in set.elements {
            var shape = own
            if !element.statements.isEmpty {
                shape = try Self.addShape(element.statements, to: &plan, element.location)
                note(element.statements)
                plan.words = max(plan.words, ElementStep.words(of: element.statements))
            }
            let data = try data(of: element, set, &tables)
            plan.elements.append(
                DynamicSetPlan.Element(
                    key: try key(of: element, set), data: data, timeout: DynamicSet.lifetime(element.expires ?? element.timeout),
                    shape: shape))
        }
        try checkRoom(of: plan, set.location)
        changingSets[set.name] = plans.count
        ownTemplates[set.name] = templates.count
        templates.append(ElementTemplate(operation: .add, timeout: 0, shape: own))
        plans.append(plan)
    }

    /// What an element leads to: in a map to values the value, else the number of its outcome.
    private func data(of element: SetElement, _ set: NamedSet, _ tables: inout TableEmitter) throws(ProgramError) -> UInt128 {
        switch set.contents {
        case .keys: return 0
        case .values: if case .value(.number(let number)) = element.mapped { return number } else { return 0 }
        case .verdicts: return UInt128(try tables.addOutcome(of: element))
        case .objects(let kind):
            var element = element
            let object = ObjectReference(kind: kind, name: element.object ?? "")
            element.mapped = .value(.number(UInt128(try number(of: object, element.location))))
            return UInt128(try tables.addOutcome(of: element))
        }
    }

    /// How many times 128 bits keys of these fields have.
    private static func width(of fields: [Field]) -> Int {
        (fields.reduce(0) { $0 + PackedKey.words(of: $1) } + 3) / 4
    }

    private mutating func key(of element: SetElement, _ set: NamedSet) throws(ProgramError) -> PackedKey {
        var values = [element.value]
        if case .concatenation(let parts) = element.value { values = parts }
        var key = PackedKey()
        var word = 0
        for (field, value) in zip(set.key.fields, values) {
            switch value {
            case .number(let number): key.place(number, atWord: word)
            case .interface(let name, false): key.place(number(ofInterface: name), atWord: word)
            default: throw ProgramError(reason: .value(field), location: element.location)
            }
            word += PackedKey.words(of: field)
        }
        guard values.count == set.key.fields.count, word <= PackedKey.capacity else {
            throw ProgramError(reason: .value(set.key.field), location: element.location)
        }
        return key
    }

    /// A port is its bit; other names have numbers of their own, which no frame has.
    private mutating func number(ofInterface name: String) -> UInt128 {
        if let port = ports.firstIndex(of: name) { return 1 << UInt128(port) }
        if let known = otherInterfaces[name] { return known }
        let number = UInt128(4 + otherInterfaces.count)
        otherInterfaces[name] = number
        return number
    }

    /// - Returns: The numbers of the set that the rule changes, and of the template that says how.
    /// - Parameter table: The title of its table.
    mutating func add(_ update: SetUpdate, of table: String) throws(ProgramError) -> (set: Int, template: Int) {
        let set: Int
        if let size = update.meterSize {
            guard Int(size) <= DynamicSets.largest else { throw ProgramError(reason: .setSize(Int(size)), location: update.location) }
            set = plans.count
            var plan = DynamicSetPlan(capacity: Int(size), timeout: 0, words: 0)
            plan.width = Self.width(of: update.key.components.map(\.field))
            plan.title = "\(table) meter \(update.set)"
            plan.declaration = "\(update.key)"
            plans.append(plan)
        } else {
            guard let known = changingSets[update.set] else {
                throw ProgramError(reason: .unknownSet(update.set), location: update.location)
            }
            set = known
        }
        let isOwn = update.statements.isEmpty && update.meterSize == nil
        let shape = isOwn ? 0 : try Self.addShape(update.statements, to: &plans[set], update.location)
        note(update.statements)
        let operation: ElementTemplate.Operation =
            switch update.operation {
            case .add: .add
            case .update: .update
            case .delete: .delete
            }
        templates.append(ElementTemplate(operation: operation, timeout: DynamicSet.lifetime(update.timeout), shape: shape))
        if !isOwn { plans[set].words = max(plans[set].words, ElementStep.words(of: update.statements)) }
        try checkRoom(of: plans[set], update.location)
        return (set, templates.count - 1)
    }

    private mutating func note(_ statements: [ElementStatement]) {
        if statements.contains(where: { if case .connectionCount = $0 { true } else { false } }) { countsConnections = true }
    }

    /// The shape's number in its set. Of the first shapes none comes twice, so that one more rule with the same statements changes no set.
    private static func addShape(
        _ statements: [ElementStatement], to plan: inout DynamicSetPlan, _ location: SourceLocation
    ) throws(ProgramError) -> UInt32 {
        if let known = plan.shapes.prefix(comparedShapes).firstIndex(where: { $0.statements == statements }) { return UInt32(known) }
        guard plan.shapes.count < DynamicSet.shapeBits else { throw ProgramError(reason: .tooLarge, location: location) }
        var steps: [ElementStep] = []
        var place = 0
        for statement in statements {
            defer {
                steps[steps.count - 1].place = place
                place += ElementStep.words(of: statement)
            }
            switch statement {
            case .counter(let packets, let bytes): steps.append(ElementStep(kind: .counter, words: (packets, bytes)))
            case .quota(let quota):
                let bound = QuotaBound(bytes: quota.bytes, isOver: quota.isOver)
                steps.append(ElementStep(kind: .quota, quota: bound, words: (quota.used, 0)))
            case .limit(let limit):
                guard let depth = limit.depth else { throw ProgramError(reason: .limit, location: location) }
                let bucket = TokenBucket(limit, depth: depth)
                steps.append(ElementStep(kind: .limit, bucket: bucket, words: (bucket.full, 0)))
            case .last(let last):
                steps.append(ElementStep(kind: .last, words: (last.used == nil ? StateCells.never : 0, last.used ?? 0)))
            case .connectionCount(let count):
                steps.append(ElementStep(kind: .connectionCount, bound: ConnectionBound(count), words: (0, 0)))
            }
        }
        plan.shapes.append(DynamicSetPlan.Shape(statements: statements, steps: steps))
        return UInt32(plan.shapes.count - 1)
    }
}
