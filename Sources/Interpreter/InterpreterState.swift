import Classifier
import Decisions
import Ruleset

/// What the interpreter's limits and quotas remember, as the kernel remembers it, looked up by where they stand.
final class InterpreterState {
    /// Whose state: a statement's own, or that of a named limit or quota, by its number among all of its kind.
    enum Owner: Hashable {
        case statement(LoggedStatement)
        case limit(Int)
        case quota(Int)
        /// A statement of an element, by its place among them.
        case element(Member, Int)
        /// What an element has that rules don't change.
        case fixed(FixedElement, Int)
    }

    /// An element of a set that changes.
    struct Member: Hashable {
        var table: Int
        var set: String
        var isMeter: Bool
        /// For each component of the key a number, or the name of an interface.
        var key: [Value]
        /// Insertion sequence number; an element that is added again gets a new one.
        var number: Int
    }

    /// An element of a set that rules don't change.
    struct FixedElement: Hashable {
        var set: FixedSet
        var index: Int
    }

    /// A set in a table, or in a rule.
    enum FixedSet: Hashable {
        case named(String, table: Int)
        case inRule(LoggedStatement)
    }

    private struct Place: Hashable {
        var table: Int
        var name: String
        var isMeter: Bool
    }

    /// A set that changes, as it is now.
    private struct ChangingSet {
        var size: Int
        var timeout: UInt64
        var statements: [ElementStatement]
        var elements: [[Value]: Element] = [:]
        var inserted = 0
        var hasExpired = false

        struct Element {
            var member: Member
            var expires: UInt64
            var statements: [ElementStatement]
            /// In a map with what it leads to.
            var element: SetElement?
        }

        mutating func insert(_ key: [Value], _ place: Place, expires: UInt64, _ statements: [ElementStatement], _ element: SetElement?) {
            inserted += 1
            let member = Member(table: place.table, set: place.name, isMeter: place.isMeter, key: key, number: inserted)
            elements[key] = Element(member: member, expires: expires, statements: statements, element: element)
        }

        /// Takes out what has expired.
        mutating func expire(at now: UInt64) {
            let count = elements.count
            elements = elements.filter { $0.value.expires == 0 || $0.value.expires > now }
            if elements.count < count { hasExpired = true }
        }
    }

    private var sets: [Place: ChangingSet] = [:]

    /// True if a set would have been full if nothing had expired.
    var isRoomUncertain: Bool { sets.values.contains { $0.hasExpired && $0.inserted > $0.size } }

    private struct Key: Hashable {
        var table: Int
        var reference: ObjectReference
    }

    private struct Draw: Hashable {
        var statement: LoggedStatement
        var ordinal: Int
    }

    private var objects: [Key: (object: NamedObject, number: Int)] = [:]
    /// The tokens that were left, and when.
    private var buckets: [Owner: (tokens: UInt64, last: UInt64)] = [:]
    private var used: [Owner: UInt64] = [:]
    /// Numbers that have been drawn, by statement and by their place in it.
    private var drawn: [Draw: UInt64] = [:]
    /// The seed of what is drawn by lot.
    let seed: UInt64
    /// Connections that have been counted, by their entries.
    private var connections: [Owner: ConnectionList] = [:]

    /// Connections that a `ct count` has counted.
    private struct ConnectionList {
        var entries: [UInt64] = []
        /// There were more since it was last empty.
        var isCutShort = false
    }

    init(_ ruleset: Ruleset, start: UInt64, seed: UInt64) {
        self.seed = seed
        var numbers: [NamedObject.Kind: Int] = [:]
        for (index, table) in ruleset.tables.enumerated() {
            for set in table.sets where set.changes {
                let key = Place(table: index, name: set.name, isMeter: false)
                guard sets[key] == nil else { continue }
                let timeout = (set.dynamics.timeout ?? 0) &* 1_000_000
                var changing = ChangingSet(
                    size: max(Int(set.size ?? 0), set.elements.count), timeout: timeout, statements: set.dynamics.statements)
                for element in set.elements {
                    var values = [element.value]
                    if case .concatenation(let parts) = element.value { values = parts }
                    let lifetime = (set.lifetime(of: element) ?? 0) &* 1_000_000
                    changing.insert(
                        values, key, expires: lifetime == 0 ? 0 : start &+ lifetime,
                        element.statements.isEmpty ? changing.statements : element.statements, element)
                }
                sets[key] = changing
            }
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

    /// How often it has been drawn before.
    func countDraw(_ ordinal: Int, of statement: LoggedStatement) -> UInt64 {
        let draw = Draw(statement: statement, ordinal: ordinal)
        defer { drawn[draw, default: 0] += 1 }
        return drawn[draw, default: 0]
    }

    /// A bucket that fills by a token each nanosecond; a frame costs what its share of the rate takes.
    func pass(_ limit: Limit, _ owner: Owner, _ fields: InterpreterFields) -> Bool {
        let now = fields.now
        let depth = limit.depth ?? 0
        let cost =
            limit.measure == .packets
            ? limit.unitNanoseconds / limit.rate : (limit.unitNanoseconds &* UInt64(fields.length)) / limit.rate
        var tokens = depth
        if let bucket = buckets[owner] {
            // A clock that went back takes away what it had brought (`nft_limit_eval`).
            let sum = bucket.tokens.addingReportingOverflow(now < bucket.last ? 0 : now &- bucket.last)
            tokens = sum.overflow ? depth : min(depth, sum.partialValue)
            if now < bucket.last { tokens -= min(tokens, bucket.last - now) }
        }
        let isPaid = Int64(bitPattern: tokens &- cost) >= 0
        // What is not paid changes nothing.
        if isPaid || buckets[owner] == nil { buckets[owner] = (isPaid ? tokens &- cost : tokens, now) }
        return isPaid != limit.isOver
    }

    func pass(_ quota: Quota, _ owner: Owner, _ fields: InterpreterFields) -> Bool {
        let sum = used[owner, default: quota.used] &+ UInt64(fields.length)
        used[owner] = sum
        return (sum > quota.bytes) == quota.isOver
    }

    /// No more connections are kept than it takes to know that there are too many.
    func pass(_ count: ConnectionCount, _ owner: Owner, _ fields: InterpreterFields) -> Bool {
        let (own, counting) = (fields.connection.entry, fields.connection.counting)
        var list = connections[owner, default: ConnectionList()]
        if list.entries.isEmpty { list.isCutShort = false }
        list.entries.removeAll { $0 != own && !fields.live.isAlive($0, at: fields.now) }
        if own != 0, !list.entries.contains(own), counting == .begins || (counting == .goesOn && list.isCutShort) {
            if list.entries.count <= Int(count.limit) { list.entries.append(own) } else { list.isCutShort = true }
        }
        connections[owner] = list
        return (list.entries.count + (counting == .alone ? 1 : 0) > Int(count.limit)) == count.isOver
    }

    func isChanging(_ name: String, table: Int) -> Bool { sets[Place(table: table, name: name, isMeter: false)] != nil }

    /// nil where the key can't be read, or the element's own statements end the rule.
    func holds(_ match: Match, in name: String, table: Int, _ fields: InterpreterFields) -> Bool? {
        let place = Place(table: table, name: name, isMeter: false)
        guard let key = fields.values(of: match.key) else { return nil }
        sets[place]?.expire(at: fields.now)
        guard let element = sets[place]?.elements[key] else { return false }
        // net/netfilter/nft_lookup.c: what is not to be there ends the rule, and its statements don't run.
        if match.relation == .notEqual { return true }
        return pass(element.statements, element.member, fields) ? true : nil
    }

    /// The element of a map that changes which holds the key; nil where the rule ends.
    func element(holding key: MatchKey, in name: String, table: Int, _ fields: InterpreterFields) -> SetElement? {
        let place = Place(table: table, name: name, isMeter: false)
        guard let key = fields.values(of: key) else { return nil }
        sets[place]?.expire(at: fields.now)
        guard let element = sets[place]?.elements[key], pass(element.statements, element.member, fields) else { return nil }
        return element.element
    }

    func change(_ update: SetUpdate, table: Int, _ fields: InterpreterFields) -> Bool {
        let place = Place(table: table, name: update.set, isMeter: update.meterSize != nil)
        guard let key = fields.values(of: update.key) else { return false }
        var data: Value?
        switch update.data {
        case nil: break
        case .constant(let number, _): data = .number(number)
        case .field(let component):
            let drawn = update.key.components.count { $0.field.generator != nil }
            data = fields.values(of: MatchKey(component), afterDrawing: drawn)?.first
            if data == nil { return false }
        }
        if let size = update.meterSize, sets[place] == nil {
            sets[place] = ChangingSet(size: Int(size), timeout: 0, statements: [])
        }
        guard var set = sets[place] else { return false }
        defer { sets[place] = set }
        set.expire(at: fields.now)
        let lifetime = update.timeout.map { $0 &* 1_000_000 } ?? set.timeout
        let expires = lifetime == 0 ? 0 : fields.now &+ lifetime
        switch update.operation {
        case .delete:
            set.elements[key] = nil
            return true
        case .add, .update:
            if let element = set.elements[key] {
                if update.operation == .update, element.expires != 0, lifetime != 0 { set.elements[key]?.expires = expires }
            } else {
                guard set.elements.count < set.size else { return false }
                set.insert(
                    key, place, expires: expires, update.statements.isEmpty ? set.statements : update.statements,
                    SetElement(value: .any, mapped: data.map { .value($0) } ?? .nothing, location: update.location))
            }
        }
        guard let element = set.elements[key] else { return false }
        return pass(element.statements, element.member, fields)
    }

    private func pass(_ statements: [ElementStatement], _ member: Member, _ fields: InterpreterFields) -> Bool {
        for (index, statement) in statements.enumerated() where !pass(statement, .element(member, index), fields) { return false }
        return true
    }

    /// Whether a statement of an element lets the frame pass.
    func pass(_ statement: ElementStatement, _ owner: Owner, _ fields: InterpreterFields) -> Bool {
        switch statement {
        case .counter, .last: true
        case .limit(let limit): pass(limit, owner, fields)
        case .quota(let quota): pass(quota, owner, fields)
        case .connectionCount(let count): pass(count, owner, fields)
        }
    }
}
