/// A rule set that has been read and checked: every name resolved, every value a number, every dependency that nft would
/// add placed before the match that needs it.
///
/// The tree says what a rule means, one step at a time, in the order in which nft's kernel side evaluates it. Compilers and
/// the reference interpreter read it; the printer turns it back into text.
public struct Ruleset: Sendable, Equatable {
    /// The texts that were read, by the index that `SourceLocation.file` names.
    public var sources: [SourceFile]
    /// In the order in which they stand in the file.
    public var tables: [Table]

    public init(sources: [SourceFile], tables: [Table]) {
        self.sources = sources
        self.tables = tables
    }
}

/// What a table may be beside a table, by nft's word.
public enum TableFlag: String, Sendable, CaseIterable {
    /// Its chains are off.
    case dormant
    /// It belongs to the process that made it, and may outlive it. A file of Weir's belongs to Weir: these two say nothing here.
    case owner, persist
}

/// One table with its named sets and its chains.
public struct Table: Sendable, Equatable {
    public var family: Family
    public var name: String
    public var comment: String?
    /// Sorted.
    public var flags: [TableFlag] = []
    /// Counters, quotas, limits and timeouts that rules name, in the order in which they were declared.
    public var objects: [NamedObject]
    /// Sets and maps that rules name, in the order in which they were declared.
    public var sets: [NamedSet]
    public var chains: [Chain]
    /// What no frame meets, in the order in which it is listed.
    public var setAside: [SetAside]
    public var location: SourceLocation

    public init(
        family: Family, name: String, comment: String? = nil, objects: [NamedObject] = [], sets: [NamedSet] = [], chains: [Chain],
        setAside: [SetAside] = [], location: SourceLocation
    ) {
        self.family = family
        self.name = name
        self.comment = comment
        self.objects = objects
        self.sets = sets
        self.chains = chains
        self.setAside = setAside
        self.location = location
    }
}

/// A base chain if it is hooked into the path, else one that is only jumped to.
public struct Chain: Sendable, Equatable {
    /// How rules lead to it.
    public var target: JumpTarget
    public var comment: String?
    public var base: BaseChain?
    /// The chain with the rule that this one stands in; nil for a chain with a name.
    public var owner: String?
    public var rules: [Rule]
    public var location: SourceLocation
    /// Until the table is whole: a hook that no frame comes to.
    var uselessHook: UselessHook?

    public init(
        name: String, comment: String? = nil, base: BaseChain?, rules: [Rule], location: SourceLocation
    ) {
        target = .named(name)
        self.comment = comment
        self.base = base
        self.rules = rules
        self.location = location
    }

    /// A chain that stands in a rule of `owner`.
    init(_ block: InlineChain, of owner: String, location: SourceLocation) {
        target = block.target
        self.owner = owner
        rules = block.rules
        self.location = location
    }

    /// Its name; for a chain in a rule a number in braces.
    public var name: String { target.description }
}

/// The chain that a verdict leads to.
public enum JumpTarget: Sendable, Hashable, CustomStringConvertible {
    /// A chain of the same table, by name; the checker has seen that it is there and that no way leads back.
    case named(String)
    /// A chain that stands in the rule (`jump { … }`), by its number among those of the table.
    case inline(Int)

    public var description: String {
        switch self {
        case .named(let name): name
        case .inline(let number): "{\(number)}"
        }
    }
}

/// The chain in a rule, until the table is whole: then it is one of the table's chains.
struct InlineChain: Sendable, Equatable {
    /// By its place among the table's, as the rule's verdict has it; 0 until the table is whole.
    var number = 0
    var rules: [Rule]

    var target: JumpTarget { .inline(number) }
}

/// What makes a chain a base chain: `type filter hook H priority P; policy V;`.
public struct BaseChain: Sendable, Equatable {
    public var hook: Hook
    /// Lower runs first.
    public var priority: Int32
    public var policy: Policy

    public init(hook: Hook, priority: Int32, policy: Policy) {
        self.hook = hook
        self.priority = priority
        self.policy = policy
    }
}

/// Where in the path a base chain is evaluated.
///
/// A frame passes prerouting, forward and postrouting, in this order. What the host itself receives and sends passes the others: no
/// frame of Weir's comes there.
public enum Hook: String, Sendable, CaseIterable {
    case prerouting, input, forward, output, postrouting
}

/// What becomes of a frame that comes to the end of a base chain.
public enum Policy: String, Sendable, CaseIterable {
    case accept, drop
}

/// One rule: statements, evaluated from the first to the first that does not match.
public struct Rule: Sendable, Equatable {
    public var statements: [Statement]
    public var comment: String?
    public var location: SourceLocation
    /// The chain that stands in the rule, until the table is whole.
    var block: InlineChain?
    /// Until the table is whole: its text, in a file of which parts are set aside.
    var written: WrittenRule?

    public init(statements: [Statement], comment: String?, location: SourceLocation) {
        self.statements = statements
        self.comment = comment
        self.location = location
    }
}

/// What a rule says of a frame that it matches.
public enum Verdict: Sendable, Equatable {
    case accept
    case drop
    /// As `drop`, and the sender is told.
    case reject(Rejection)
    case `return`
    case `continue`
    case jump(JumpTarget)
    case goto(JumpTarget)

    /// Verdicts that are a word and no more.
    static let words: KeyValuePairs<String, Verdict> = ["accept": .accept, "drop": .drop, "return": .return, "continue": .continue]

    /// The verdict that is this word and no more.
    init?(word: String) {
        guard let known = Self.words.first(where: { $0.key == word }) else { return nil }
        self = known.value
    }

    /// The chain that is gone to.
    public var target: JumpTarget? {
        switch self {
        case .jump(let chain), .goto(let chain): chain
        case .accept, .drop, .reject, .return, .continue: nil
        }
    }
}

/// `key relation operand`. If the key can't be read in a frame the match fails, whatever the relation (NFT_BREAK).
public struct Match: Sendable, Equatable {
    public var key: MatchKey
    public var relation: Relation
    public var operand: Operand
    /// How the range was written, if by an order: `> 1023`.
    public var order: Order?
    /// Of an anonymous set some of whose elements have statements or comments: the operand's values with these, in the operand's order;
    /// else empty.
    public var elements: [SetElement] = []
    /// Not written in the rule: added, as nft adds it, since the next match depends on it (`tcp dport` on `meta l4proto tcp`).
    public var isImplied: Bool
    public var location: SourceLocation

    public init(
        key: MatchKey, relation: Relation = .equal, operand: Operand, order: Order? = nil, isImplied: Bool = false,
        location: SourceLocation
    ) {
        self.key = key
        self.relation = relation
        self.operand = operand
        self.order = order
        self.isImplied = isImplied
        self.location = location
    }

    /// With a single field.
    public init(
        field: Field, mask: UInt128? = nil, relation: Relation = .equal, operand: Operand, order: Order? = nil,
        isImplied: Bool = false, location: SourceLocation
    ) {
        self.init(
            key: MatchKey(MatchKey.Component(field, mask: mask)), relation: relation, operand: operand, order: order,
            isImplied: isImplied, location: location)
    }

    /// The field, or the first of a concatenation.
    public var field: Field {
        get { key.first.field }
        set { key.first.field = newValue }
    }
    /// Its bits that count; nil for all of them.
    public var mask: UInt128? {
        get { key.first.mask }
        set { key.first.mask = newValue }
    }
}

/// How a field is held against the operand. Order relations (`<`, `>=` …) have become ranges.
public enum Relation: Sendable, Equatable {
    /// Equal to the value, inside the range or prefix, in the set.
    case equal
    /// The opposite, among the frames in which the field can be read.
    case notEqual
}

/// The orders that a rule can ask for. They stand beside the range of all numbers that fulfil them.
public enum Order: String, Sendable {
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="

    /// The number after the operator, of the range that it stands for.
    func limit(of low: UInt128, _ high: UInt128) -> UInt128 {
        switch self {
        case .less: high &+ 1
        case .lessOrEqual: high
        case .greater: low &- 1
        case .greaterOrEqual: low
        }
    }
}

/// The right side of a match.
public enum Operand: Sendable, Equatable {
    case single(Value)
    /// An anonymous set. Its elements are sorted, and of intervals neighbours are joined, unless the rule goes on with a header that
    /// depends on their order.
    ///
    /// With `*` among them the relation is `equal`.
    case set([Value])
    /// A set of the same table, by name; the checker has seen that it is there and that its elements are of the field's type.
    case named(String)
}

/// A constant. Numbers are the field's bits as an unsigned integer, most significant first (an IPv4 address in the low 32 bits).
public enum Value: Sendable, Hashable {
    case number(UInt128)
    /// From the first to the second, both included; the first is not above the second.
    case range(UInt128, UInt128)
    /// The first `length` bits of a field of `Field.bitWidth` bits; the bits after them are zero.
    case prefix(UInt128, length: Int)
    /// An interface's name, or with `isPrefix` all names that begin so (`"eth*"`).
    case interface(String, isPrefix: Bool)
    /// One for each component of a key, in its order; none of them is a concatenation.
    case concatenation([Value])
    /// `*` in a set or map: whatever no other element holds.
    case any
}
