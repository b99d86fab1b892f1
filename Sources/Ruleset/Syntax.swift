/// The syntax tree: what was written, with nothing resolved.
///
/// Only forms that the language has can be built; whether names exist and values fit is the checker's business.
struct FileSyntax {
    var tables: [TableSyntax] = []
}

struct TableSyntax {
    var name: String
    var chains: [ChainSyntax]
    var location: SourceLocation
}

struct ChainSyntax {
    var name: String
    var hook: HookSyntax?
    var policy: PolicySyntax?
    var rules: [RuleSyntax]
    var location: SourceLocation
}

/// `type filter hook forward priority …`.
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
    var statements: [StatementSyntax]
    var comment: String?
    var location: SourceLocation
}

enum StatementSyntax {
    case match(MatchSyntax)
    case counter(packets: UInt64, bytes: UInt64, location: SourceLocation)
    case verdict(Verdict, location: SourceLocation)

    var location: SourceLocation {
        switch self {
        case .match(let match): match.location
        case .counter(_, _, let location), .verdict(_, let location): location
        }
    }
}

/// `selector [& mask …] [operator] operand`.
struct MatchSyntax {
    var selector: Selector
    var selectorLocation: SourceLocation
    /// All of them are combined.
    var masks: [ExpressionSyntax]
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
}

enum OperandSyntax {
    case element(ElementSyntax)
    /// `a,b,c`: bits.
    case list([ExpressionSyntax], location: SourceLocation)
    /// `a,b / c,d`: among the bits behind the slash exactly those in front of it.
    case masked([ExpressionSyntax], mask: [ExpressionSyntax], location: SourceLocation)
    case set([ElementSyntax], location: SourceLocation)

    var location: SourceLocation {
        switch self {
        case .element(let element): element.location
        case .list(_, let location), .masked(_, _, let location), .set(_, let location): location
        }
    }
}

/// What stands for itself or in a set.
enum ElementSyntax {
    case value(ExpressionSyntax)
    case range(ExpressionSyntax, ExpressionSyntax, location: SourceLocation)
    case prefix(ExpressionSyntax, length: UInt64, location: SourceLocation)

    var location: SourceLocation {
        switch self {
        case .value(let value): value.location
        case .range(_, _, let location), .prefix(_, _, let location): location
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

    var location: SourceLocation {
        switch self {
        case .constant(let token): token.location
        case .operation(_, _, _, let location): location
        }
    }
}
