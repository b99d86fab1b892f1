import Ruleset

/// What the interpreter's limits and quotas remember, as the kernel remembers it, looked up by where they stand.
final class InterpreterState {
    /// Whose state: a statement's own, or that of a named limit or quota, by its number among all of its kind.
    enum Owner: Hashable {
        case statement(LoggedStatement)
        case limit(Int)
        case quota(Int)
    }

    private struct Key: Hashable {
        var table: Int
        var reference: ObjectReference
    }

    private var objects: [Key: (object: NamedObject, number: Int)] = [:]
    /// The tokens that were left, and when.
    private var buckets: [Owner: (tokens: UInt64, last: UInt64)] = [:]
    private var used: [Owner: UInt64] = [:]

    init(_ ruleset: Ruleset) {
        var numbers: [NamedObject.Kind: Int] = [:]
        for (index, table) in ruleset.tables.enumerated() {
            for object in table.objects {
                let number = numbers[object.kind, default: 0]
                numbers[object.kind] = number + 1
                objects[Key(table: index, reference: ObjectReference(kind: object.kind, name: object.name))] = (object, number)
            }
        }
    }

    func object(_ reference: ObjectReference, table: Int) -> (object: NamedObject, number: Int)? {
        objects[Key(table: table, reference: reference)]
    }

    /// A bucket that fills by a token each nanosecond; a frame costs what its share of the rate takes.
    func pass(_ limit: Limit, _ owner: Owner, _ fields: InterpreterFields) -> Bool {
        let now = fields.now
        let depth = limit.depth ?? 0
        let cost =
            limit.measure == .packets
            ? limit.unitNanoseconds / limit.rate : (limit.unitNanoseconds &* UInt64(fields.length)) / limit.rate
        var tokens = depth
        if let bucket = buckets[owner] { tokens = min(depth, bucket.tokens + (now - bucket.last)) }
        let isPaid = Int64(bitPattern: tokens &- cost) >= 0
        if isPaid { tokens = tokens &- cost }
        buckets[owner] = (tokens, now)
        return isPaid != limit.isOver
    }

    func pass(_ quota: Quota, _ owner: Owner, _ fields: InterpreterFields) -> Bool {
        let sum = used[owner, default: quota.used] + UInt64(fields.length)
        used[owner] = sum
        return (sum > quota.bytes) == quota.isOver
    }
}
