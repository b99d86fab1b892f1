/// The syntax tree: what was written, with nothing resolved.
///
/// Only forms that the language has can be built; whether names exist and values fit is the checker's business.
struct FileSyntax {
    /// In the order in which they are carried out.
    var commands: [CommandSyntax] = []
    /// Names of sets whose declarations are wrong: that they are missing is no further mistake.
    var brokenSets: Set<String> = []
}

/// One thing that is done to a table, or with `flush ruleset` to all of them.
struct CommandSyntax {
    var table: TableName
    /// `create` in place of `add`: what is there already is an error.
    var isCreated = false
    /// `destroy` in place of `delete`: what is not there is no error.
    var mayBeMissing = false
    var location: SourceLocation
    var action: Action

    enum Action {
        case table(TableSyntax)
        case chain(ChainSyntax)
        case set(SetSyntax)
        case object(NamedObject)
        case setAside(SetAside)
        case rule(RuleSyntax, chain: String, place: RulePlace)
        case elements(EntryList, set: String)
        case deletion(EntryList, set: String)
        case flushTable
        case flushChain(String)
        case flushSet(String, isMap: Bool)
        case deleteTable
        case deleteChain(String)
        case deleteSet(String)
        case deleteObject(ObjectReference)
        case deleteSetAside(kind: String, String)
        /// By a handle, which no rule has.
        case destroyRule(chain: String)
        /// All families if there is none.
        case flushRuleset(Family?)
    }
}

/// Where a rule goes in its chain.
enum RulePlace {
    case end, start
    /// Before or after the rule of this number, from 0.
    case before(UInt64, location: SourceLocation)
    case after(UInt64, location: SourceLocation)
}

/// What a table is known by: each family has its own names.
struct TableName: Hashable {
    var family: Family
    var name: String
}

struct TableSyntax {
    var name: TableName
    var comment: String?
    var flags: Set<TableFlag> = []
    var objects: [NamedObject] = []
    var sets: [SetSyntax] = []
    var chains: [ChainSyntax] = []
    /// Flowtables and the like.
    var setAside: [SetAside] = []
    var unsupportedSets: [UnsupportedSet] = []
    var location: SourceLocation
}

struct SetSyntax {
    var name: String
    /// Verdicts in a map of which no more has been read.
    var contents: NamedSet.Contents
    /// Nil if none is written, or if it was refused.
    var key: SetKey?
    var hasKey = false
    var isConstant = false
    var isInterval = false
    var mergesElements = false
    var dynamics = SetDynamics()
    var size: UInt32?
    var policy = NamedSet.Policy.performance
    /// What elements without a counter of their own begin with, in a set that does not change; nil if none count.
    var counter: SetElement.Counter?
    /// One list for each `elements = …`.
    var elements: [EntryList] = []
    var hasElements = false
    var comment: String?
    var location: SourceLocation

    var isMap: Bool { contents != .keys }
}

/// A set or map of a kind that Weir does not have: an error as soon as a rule names it where a frame comes.
struct UnsupportedSet {
    var setAside: SetAside
    var failure: Diagnostic
}

struct ChainSyntax {
    var name: String
    var comment: String?
    var hook: HookSyntax?
    /// In place of a hook: one that no frame comes to, which Weir does not have.
    var uselessHook: UselessHook?
    var policy: PolicySyntax?
    var rules: [RuleSyntax]
    var location: SourceLocation
}

/// `type filter hook … priority …`.
struct HookSyntax {
    var hook: Hook
    var priority: Int32
    var location: SourceLocation
}

struct PolicySyntax {
    var policy: Policy
    var location: SourceLocation
}

struct RuleSyntax {
    /// None in a rule that could not be read, and is only written.
    var statements: [StatementSyntax]
    var comment: String?
    var location: SourceLocation
    var written: WrittenRule?
}

enum StatementSyntax {
    /// Nothing in it has to be resolved.
    case plain(Statement)
    case match(MatchSyntax)
    case verdictMap(MapSyntax)
    case assignment(AssignmentSyntax)
    case update(SetUpdateSyntax)
    case objectMap(ObjectMapSyntax)
    case block(ChainBlockSyntax)
    case reject(RejectionSyntax)

    var location: SourceLocation {
        switch self {
        case .plain(let statement): statement.traits.location
        case .match(let match): match.location
        case .block(let block): block.location
        case .reject(let rejection): rejection.location
        case .verdictMap(let map): map.location
        case .update(let update): update.location
        case .objectMap(let object): object.map.location
        case .assignment(let assignment): assignment.location
        }
    }
}

/// What stands before an operator: `selector [& mask …]`, or several joined by dots.
struct KeySyntax {
    struct Component {
        var selector: Selector
        /// The selector's own.
        var location: SourceLocation
        /// In the order in which they are carried out.
        var operations: [(operator: ExpressionSyntax.Operator, operand: ExpressionSyntax)] = []
        /// In the place of a selector, whose type is known when the set is.
        var constant: ExpressionSyntax?
        /// What the constant is, as soon as that is known.
        var number: UInt128?
    }

    /// At least one.
    var components: [Component]
    var location: SourceLocation

    /// What a single operand is compared with, which a concatenation has none of.
    var first: Component { components[0] }
    var selectors: [Selector] { components.map(\.selector) }
    var text: String { components.map(\.selector.text).joined(separator: " . ") }
}

/// `key [operator] operand`.
struct MatchSyntax {
    var key: KeySyntax
    /// Nil if none is written, which is not always the same as `==`.
    var comparison: Comparison?
    var operand: OperandSyntax
    var location: SourceLocation

    enum Comparison: String {
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        /// None of the bits.
        case negation = "!"
    }

    var selector: Selector { key.first.selector }
}

/// `key vmap …` or `key map …`.
struct MapSyntax {
    var key: KeySyntax
    var elements: Elements
    var location: SourceLocation

    enum Elements {
        case anonymous([EntrySyntax])
        case named(String, location: SourceLocation)
    }
}

/// What stands between a set's commas.
struct EntrySyntax {
    var element: ElementSyntax
    /// In the order in which they are written.
    var statements: [ElementStatement] = []
    var comment: String?
    /// Behind the colon, in maps: a verdict, or a value.
    var verdict: Verdict?
    /// Milliseconds.
    var timeout: UInt64?
    /// Milliseconds that are left of the timeout.
    var expires: UInt64?
    var data: ExpressionSyntax?

    var isPlain: Bool {
        verdict == nil && data == nil && statements.isEmpty && comment == nil && timeout == nil && expires == nil
    }
}

enum OperandSyntax {
    case element(ElementSyntax)
    /// `a,b,c`: bits.
    case list([ExpressionSyntax], location: SourceLocation)
    /// `a,b / c,d`: among the bits after the slash exactly the ones before it.
    case masked([ExpressionSyntax], mask: [ExpressionSyntax], location: SourceLocation)
    case set(EntryList, location: SourceLocation)
    /// `@name`.
    case named(String, location: SourceLocation)

    var location: SourceLocation {
        switch self {
        case .element(let element): element.location
        case .list(_, let location), .masked(_, _, let location), .set(_, let location), .named(_, let location): location
        }
    }
}

/// What stands for itself or in a set.
enum ElementSyntax {
    case value(ExpressionSyntax)
    case range(ExpressionSyntax, ExpressionSyntax, location: SourceLocation)
    case prefix(ExpressionSyntax, length: UInt64, location: SourceLocation)
    /// Joined by dots; none of them is a concatenation.
    case concatenation([ElementSyntax], location: SourceLocation)
    /// `*`.
    case any(location: SourceLocation)

    var location: SourceLocation {
        switch self {
        case .value(let value): value.location
        case .range(_, _, let location), .prefix(_, _, let location), .concatenation(_, let location), .any(let location): location
        }
    }
}

/// A constant, perhaps computed.
indirect enum ExpressionSyntax {
    case constant(Token)
    case operation(Operator, ExpressionSyntax, ExpressionSyntax, location: SourceLocation)

    /// From the one that binds weakest.
    enum Operator: CaseIterable {
        case or, exclusiveOr, and

        var symbol: Token.Symbol {
            switch self {
            case .or: .bar
            case .exclusiveOr: .caret
            case .and: .ampersand
            }
        }
    }

    /// Constants in it, up to `limit`.
    func weight(upTo limit: Int) -> Int {
        switch self {
        case .constant: return 1
        case .operation(_, let left, let right, _):
            let weight = left.weight(upTo: limit)
            return weight >= limit ? limit : min(limit, weight + right.weight(upTo: limit - weight))
        }
    }

    var location: SourceLocation {
        switch self {
        case .constant(let token): token.location
        case .operation(_, _, _, let location): location
        }
    }
}
