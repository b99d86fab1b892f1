public import Ruleset

/// What stands in a table of the rules.
public protocol TableMember {
    var family: Family { get }
    /// The table's name.
    var table: String { get }
}

extension TableMember {
    /// The table with its family, as nft names it: `bridge filter`.
    public var tableTitle: String { "\(family.rawValue) \(table)" }
}

/// A rule, by what people call it: for statistics, captures and explanations.
public struct RuleReference: TableMember, Sendable {
    public var family: Family
    public var table: String
    public var chain: String
    /// The name of the text that the rule stands in.
    public var source: String
    /// The line in it, from 1.
    public var line: Int
    public var rule: Rule
}

/// A base chain on the path, in the order in which a frame meets them.
public struct BaseChainReference: TableMember, Sendable {
    public var family: Family
    public var table: String
    public var chain: String
    public var base: BaseChain
}

/// A counter that stands in a table under a name.
public struct NamedCounterReference: TableMember, Sendable, Equatable {
    public var family: Family
    public var table: String
    public var name: String
    /// What it starts from. The counting itself starts from 0, once per worker: add these to the sum.
    public var packets: UInt64
    public var bytes: UInt64
}

/// A quota that stands in a table under a name.
public struct NamedQuotaReference: TableMember, Sendable {
    public var family: Family
    public var table: String
    public var name: String
    public var quota: Quota
    /// Among all quotas of the program.
    var number: Int
}

/// A set or map that rules change, or whose elements have timeouts.
public struct ChangingSetReference: TableMember, Sendable {
    public var family: Family
    public var table: String
    public var name: String
    public var isMap: Bool
    /// Elements that it has room for.
    public var capacity: Int
    /// As the file declares it, without its elements.
    public var declaration: NamedSet
    /// Among all sets of the program that change, meters among them.
    var number: Int
    /// Of its elements without statements of their own.
    var template: Int
}

/// A `counter` statement.
public struct CounterReference: Sendable, Equatable {
    /// Index into `Program.rules`.
    public var rule: Int
    /// What the counter starts from. The counting itself starts from 0, once per worker: add these to the sum.
    public var packets: UInt64
    public var bytes: UInt64

    public init(rule: Int, packets: UInt64, bytes: UInt64) {
        self.rule = rule
        self.packets = packets
        self.bytes = bytes
    }
}

/// An element of a named set with counters.
public struct ElementCounterReference: TableMember, Sendable {
    public var family: Family
    public var table: String
    public var set: String
    /// With what its counter starts from, as in `CounterReference`.
    public var element: SetElement
    /// The element's value as it is written.
    public var text: String
}

/// A `ct timeout` of a table.
public struct ConnectionTimeoutReference: TableMember, Sendable {
    public var family: Family
    public var table: String
    public var name: String
    public var timeout: ConnectionTimeout
}
