import Ruleset

/// Gathers the limits, quotas and named counters of a program, and numbers them.
struct StatefulEmitter {
    private(set) var buckets: [TokenBucket] = []
    private(set) var quotas: [(bound: QuotaBound, used: UInt64)] = []
    private(set) var namedCounters: [NamedCounterReference] = []
    private(set) var plans: [DynamicSetPlan] = []
    private(set) var templates: [ElementTemplate] = []
    private(set) var steps: [ElementStep] = []
    /// Of each template.
    private var statements: [[ElementStatement]] = []
    /// Sets of the table at hand that change, by name.
    private(set) var changingSets: [String: Int] = [:]
    /// Statements of each set's elements where a rule says no others: the template.
    private var ownTemplates: [String: Int] = [:]
    /// Those of the table at hand.
    private var numbers: [ObjectReference: Int] = [:]

    /// From here on names are those of this table.
    mutating func begin(_ table: Table) throws(ProgramError) {
        numbers.removeAll()
        changingSets.removeAll()
        ownTemplates.removeAll()
        for set in table.sets where set.dynamics.changes { try add(set) }
        for object in table.objects {
            let reference = ObjectReference(kind: object.kind, name: object.name)
            switch object.content {
            case .counter(let packets, let bytes):
                numbers[reference] = namedCounters.count
                namedCounters.append(
                    NamedCounterReference(family: table.family, table: table.name, name: object.name, packets: packets, bytes: bytes))
            case .limit(let limit): numbers[reference] = try add(limit, object.location)
            case .quota(let quota): numbers[reference] = add(quota)
            }
        }
    }

    func number(of object: ObjectReference, _ location: SourceLocation) throws(ProgramError) -> Int {
        guard let number = numbers[object] else { throw ProgramError(reason: .unknownObject(object), location: location) }
        return number
    }

    mutating func add(_ limit: Limit, _ location: SourceLocation) throws(ProgramError) -> Int {
        guard let depth = limit.depth else { throw ProgramError(reason: .limit, location: location) }
        buckets.append(TokenBucket(limit, depth: depth))
        return buckets.count - 1
    }

    mutating func add(_ quota: Quota) -> Int {
        quotas.append((QuotaBound(bytes: quota.bytes, isOver: quota.isOver), quota.used))
        return quotas.count - 1
    }

    private mutating func add(_ set: NamedSet) throws(ProgramError) {
        guard changingSets[set.name] == nil else { return }
        let template = try addTemplate(.add, timeout: 0, set.dynamics.statements, set.location)
        let capacity = max(set.size.map { Int($0) } ?? set.elements.count, set.elements.count)
        guard capacity <= DynamicSets.largest else { throw ProgramError(reason: .tooLarge, location: set.location) }
        var plan = DynamicSetPlan(
            capacity: capacity, timeout: (set.dynamics.timeout ?? 0) &* 1_000_000, steps: set.dynamics.statements.count, template: template)
        for element in set.elements {
            guard case .number(let key) = element.value else {
                throw ProgramError(reason: .value(set.key.field), location: element.location)
            }
            plan.elements.append((key, (element.timeout ?? 0) &* 1_000_000))
        }
        changingSets[set.name] = plans.count
        ownTemplates[set.name] = template
        plans.append(plan)
    }

    /// - Returns: The numbers of the set that the rule changes, and of the template that says how.
    mutating func add(_ update: SetUpdate) throws(ProgramError) -> (set: Int, template: Int) {
        var statements = update.statements
        let set: Int
        if let size = update.meterSize {
            guard Int(size) <= DynamicSets.largest else { throw ProgramError(reason: .tooLarge, location: update.location) }
            set = plans.count
            let own = try addTemplate(.add, timeout: 0, [], update.location)
            plans.append(DynamicSetPlan(capacity: Int(size), timeout: 0, steps: 0, template: own))
        } else {
            guard let known = changingSets[update.set], let own = ownTemplates[update.set] else {
                throw ProgramError(reason: .unknownSet(update.set), location: update.location)
            }
            set = known
            if statements.isEmpty { statements = self.statements[own] }
        }
        let operation: ElementTemplate.Operation =
            switch update.operation {
            case .add: .add
            case .update: .update
            case .delete: .delete
            }
        let template = try addTemplate(operation, timeout: (update.timeout ?? 0) &* 1_000_000, statements, update.location)
        plans[set].steps = max(plans[set].steps, statements.count)
        return (set, template)
    }

    private mutating func addTemplate(
        _ operation: ElementTemplate.Operation, timeout: UInt64, _ statements: [ElementStatement], _ location: SourceLocation
    ) throws(ProgramError) -> Int {
        guard let first = Int32(exactly: steps.count), let count = Int32(exactly: statements.count) else {
            throw ProgramError(reason: .tooLarge, location: location)
        }
        for statement in statements {
            switch statement {
            case .counter(let packets, let bytes): steps.append(ElementStep(kind: .counter, words: (packets, bytes)))
            case .quota(let quota):
                let bound = QuotaBound(bytes: quota.bytes, isOver: quota.isOver)
                steps.append(ElementStep(kind: .quota, quota: bound, words: (quota.used, 0)))
            case .limit(let limit):
                guard let depth = limit.depth else { throw ProgramError(reason: .limit, location: location) }
                let bucket = TokenBucket(limit, depth: depth)
                steps.append(ElementStep(kind: .limit, bucket: bucket, words: (bucket.full, 0)))
            }
        }
        templates.append(ElementTemplate(operation: operation, timeout: timeout, first: first, count: count))
        self.statements.append(statements)
        return templates.count - 1
    }
}
