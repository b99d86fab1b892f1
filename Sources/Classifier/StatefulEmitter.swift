import Ruleset

/// Gathers the limits, quotas and named counters of a program, and numbers them.
struct StatefulEmitter {
    private(set) var buckets: [TokenBucket] = []
    private(set) var quotas: [(bound: QuotaBound, used: UInt64)] = []
    private(set) var namedCounters: [NamedCounterReference] = []
    /// Those of the table at hand.
    private var numbers: [ObjectReference: Int] = [:]

    /// From here on names are those of this table.
    mutating func begin(_ table: Table) throws(ProgramError) {
        numbers.removeAll()
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
}
