import Ruleset
import Storage

/// What a rule does to a set, and what an element has that it puts in.
struct ElementTemplate: BitwiseCopyable, Sendable {
    var operation: Operation
    /// Nanoseconds that the element lives; 0 for the set's own timeout.
    var timeout: UInt64
    /// Among its set's.
    var shape: UInt32

    enum Operation: UInt8 {
        case add, update, delete
    }
}

/// The statements of an element, among the steps of its set.
struct ElementShape: BitwiseCopyable, Sendable {
    var first: Int
    var count: Int
}

/// One statement of elements; which of the others count depends on the kind.
struct ElementStep: BitwiseCopyable, Sendable {
    enum Kind: UInt8 {
        case counter, limit, quota, last, connectionCount
    }

    var kind: Kind
    var bucket = TokenBucket.none
    var quota = QuotaBound(bytes: 0, isOver: false)
    var bound = ConnectionBound.none
    /// What an element's state begins with.
    var words: (UInt64, UInt64)
    /// Where the state begins among the element's 64-bit words.
    var place = 0

    /// How many words the states of these statements take in an element.
    static func words(of statements: [ElementStatement]) -> Int { statements.reduce(0) { $0 + words(of: $1) } }

    static func words(of statement: ElementStatement) -> Int {
        if case .connectionCount(let count) = statement { ConnectionBound(count).words } else { 2 }
    }
}

/// What became of an element that was put in or taken out.
enum SetOutcome {
    case changed
    /// It was there already, or was not there.
    case unchanged
    /// There was no room for it.
    case refused
}

/// The plan of a set.
struct DynamicSetPlan {
    var capacity: Int
    /// Nanoseconds; 0 for none.
    var timeout: UInt64
    /// Maximum 64-bit words that the statements of an element take, of whatever template it is.
    var words: Int
    /// How many times 128 bits a key has.
    var width = 1
    /// True if elements are mapped to something.
    var hasData = false
    /// What elements can have beside their keys: first what the set says of all.
    var shapes: [Shape] = []
    /// The table's family and name and the set's own, or the meter's.
    var title = ""
    /// As `NamedSet.declarationText`.
    var declaration = ""
    /// False if what elements lead to is numbered by their program.
    var isTransferable = true
    /// From the file.
    var elements: [Element] = []

    struct Shape {
        var statements: [ElementStatement]
        var steps: [ElementStep]
    }

    struct Element {
        var key: PackedKey
        /// What it is mapped to.
        var data: UInt128
        /// Nanoseconds that it lives; 0 for the set's own timeout.
        var timeout: UInt64
        var shape: UInt32
    }
}

/// The sets of a program that change: shared by all workers, in memory that is there from the start.
@safe
struct DynamicSets: ~Copyable, @unchecked Sendable {
    private let sets: FrozenArray<DynamicSet>
    private let templates: FrozenArray<ElementTemplate>
    /// Who own the memory of the sets, in their order.
    let memories: [DynamicSetMemory]
    private let isKept: [Bool]

    /// Maximum elements of a set; each takes 32 bytes, 16 for each of its statements (of `ct count N` 8 for each
    /// of N + 1 connections, and 8 more) and for what it is mapped to, and for each 128
    /// bits of its key beyond the first.
    static let largest = Int(SetUpdate.largestSize)

    /// - Parameters:
    ///   - kept: The memory of sets that go on, by plan; they keep what they have.
    ///   - start: From when on the elements of the file live.
    init(_ plans: [DynamicSetPlan], templates: [ElementTemplate], kept: [DynamicSetMemory?], start: UInt64) {
        isKept = plans.indices.map { $0 < kept.count && kept[$0] != nil }
        memories = plans.enumerated().map { index, plan in
            (index < kept.count ? kept[index] : nil) ?? DynamicSetMemory(plan, start: start)
        }
        sets = FrozenArray(memories.map(\.set))
        self.templates = FrozenArray(templates)
    }

    /// Takes all memory that new sets can come to need.
    func commit() {
        for (memory, isKept) in zip(memories, isKept) where !isKept { memory.commit() }
    }

    /// True if the set holds the key; nil where it does, and the element's own statements end the rule.
    /// - Parameter isNegated: The rule asks for keys that are not there. What is found ends it then, and its statements don't run.
    @inline(never)
    func holds(
        _ key: PackedKey, set: Int, isNegated: Bool, bytes size: UInt64, connection: CountedConnection, at now: UInt64
    ) -> Bool? {
        sets[set].holds(key, isNegated: isNegated, bytes: size, connection: connection, at: now)
    }

    /// What the map has for the key; nil where it has nothing, or the element's own statements end the rule.
    @inline(never)
    func mapped(_ key: PackedKey, set: Int, bytes size: UInt64, connection: CountedConnection, at now: UInt64) -> UInt128? {
        sets[set].mapped(key, bytes: size, connection: connection, at: now)
    }

    /// Elements that a set had no room for so far.
    func refused(set: Int) -> UInt64 { sets[set].refused }

    /// Elements that a set holds now.
    func count(set: Int, at now: UInt64) -> Int { sets[set].count(at: now) }

    /// Puts an element in that no frame brings.
    /// - Parameter timeout: Nanoseconds; 0 for the set's own.
    func put(_ key: PackedKey, set: Int, template: Int, timeout: UInt64, at now: UInt64) -> SetOutcome {
        sets[set].put(key, timeout: timeout, shape: templates[template].shape, at: now)
    }

    /// Takes an element out.
    func take(_ key: PackedKey, set: Int, at now: UInt64) -> SetOutcome { sets[set].take(key, at: now) }

    /// Goes over a set from a place on: the elements that live, each with the nanoseconds that it has left (nil for ever), and where to go
    /// on; nil after the last.
    func elements(set: Int, from place: Int, count: Int, at now: UInt64, _ body: (PackedKey, UInt64?) -> Void) -> Int? {
        sets[set].elements(from: place, count: count, at: now, body)
    }

    /// Does what the template says to the key, and says whether the rule goes on.
    @inline(never)
    func change(
        _ key: PackedKey, data: UInt128 = 0, set: Int, template: Int, bytes size: UInt64, connection: CountedConnection, at now: UInt64
    ) -> Bool {
        sets[set].change(key, templates[template], data: data, bytes: size, connection: connection, at: now)
    }
}
