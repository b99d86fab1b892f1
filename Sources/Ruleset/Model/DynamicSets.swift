/// What an element of a set does when a frame meets it, with a state of its own.
public enum ElementStatement: Sendable, Equatable {
    case counter(packets: UInt64, bytes: UInt64)
    case limit(Limit)
    case quota(Quota)
    case connectionCount(ConnectionCount)
    case last(LastUse)

    enum Kind: String {
        case counter, limit, quota, last
        case connectionCount = "ct count"
    }

    var text: String {
        switch self {
        case .counter(0, 0): "counter"
        case .counter(let packets, let bytes): "counter packets \(packets) bytes \(bytes)"
        case .limit(let limit): "limit \(limit.text)"
        case .quota(let quota): "quota \(quota.text)"
        case .connectionCount(let count): count.text
        case .last(let last): last.text
        }
    }

    /// As nft lists it of an element: with the numbers of counters.
    var listing: String {
        switch self {
        case .counter(let packets, let bytes): "counter packets \(packets) bytes \(bytes)"
        case .last(let last): last.listing
        case .limit, .quota, .connectionCount: text
        }
    }

    var kind: Kind {
        switch self {
        case .counter: .counter
        case .limit: .limit
        case .quota: .quota
        case .connectionCount: .connectionCount
        case .last: .last
        }
    }

    /// What the kernel takes for the same statement with other numbers (`nft_dynset_init`): a limit by packets is none by bytes.
    func isLike(_ other: ElementStatement) -> Bool {
        switch (self, other) {
        case (.counter, .counter), (.quota, .quota), (.connectionCount, .connectionCount), (.last, .last): true
        case (.limit(let limit), .limit(let other)): limit.measure == other.measure
        default: false
        }
    }
}

/// `add @set { key … }` and its like: puts the key's value into a set or, with what it is mapped to, into a map, or takes it out
/// (net/netfilter/nft_dynset.c).
///
/// Where the key or the data can't be read, or the set is full, the rule does not match. The statements of an element that is there
/// are evaluated, and decide with the rule's own.
public struct SetUpdate: Sendable, Equatable {
    public enum Operation: String, Sendable, CaseIterable {
        /// What is there already stays as it is.
        case add
        /// The timeout of what is there already begins again; what it is mapped to stays.
        case update
        case delete
    }

    public var operation: Operation
    public var key: MatchKey
    /// In a map to values what the element is mapped to, and only there.
    public var data: Data?
    /// A set or map of the same table, or the name of a meter.
    public var set: String
    /// For a meter: a set of the rule's own, with room for that many elements.
    public var meterSize: UInt32?
    /// Milliseconds that an element lives; nil for the set's own timeout.
    public var timeout: UInt64?
    /// Statements of an element that this rule puts in.
    public var statements: [ElementStatement] = []
    public var location: SourceLocation

    /// What a new element of a map leads to.
    public enum Data: Sendable, Equatable {
        /// A value as the map's data have it.
        case constant(UInt128, of: Field)
        /// What the frame has there.
        case field(MatchKey.Component)
    }

    /// Maximum elements that a set which changes can have.
    public static let largestSize: UInt32 = 1 << 22

    /// Where no size is written, nft gives so much room to sets that rules change.
    public static let defaultSize: UInt32 = 65_535

    public init(operation: Operation, key: MatchKey, set: String, location: SourceLocation) {
        self.operation = operation
        self.key = key
        self.set = set
        self.location = location
    }
}

/// What a set has that rules may change.
public struct SetDynamics: Sendable, Equatable {
    /// `flags dynamic`, or a rule changes the set.
    public var isDynamic = false
    /// A rule changes the map, which need not say that it may.
    public var isChanged = false
    /// `flags timeout`, or a timeout somewhere.
    public var hasTimeout = false
    /// Milliseconds that elements live which have no timeout of their own.
    public var timeout: UInt64?
    /// Milliseconds between the kernel's collections of what has expired. Here nothing that has expired is ever found.
    public var collectionInterval: UInt64?
    /// Statements of every element.
    public var statements: [ElementStatement] = []

    public init() {}

    /// True if the set is more than what the file gives it.
    public var changes: Bool { isDynamic || isChanged || hasTimeout || timeout != nil || !statements.isEmpty }

    /// Whether its declaration lets rules change a map that has a size: the kernel has other tables for what is fixed.
    var saysThatItChanges: Bool { isDynamic || hasTimeout }

    /// In nft's order, without those that say nothing more.
    var flags: [String] {
        (isDynamic ? ["dynamic"] : []) + (hasTimeout && (isDynamic || timeout == nil) ? ["timeout"] : [])
    }

    /// Lines of a set's listing.
    var timeLines: [String] {
        (timeout.map { ["timeout \(Duration.text(of: $0))"] } ?? [])
            + (collectionInterval.map { ["gc-interval \(Duration.text(of: $0))"] } ?? [])
    }

    /// The line of the statements of all elements.
    var statementLines: [String] { statements.isEmpty ? [] : [statements.map(\.text).joined(separator: " ")] }
}

extension SetUpdate {
    /// As it is written.
    var text: String {
        var text = key.text
        if let timeout { text += " timeout \(timeout == 0 ? "never" : Duration.text(of: timeout))" }
        var parts = ([text] + statements.map(\.text)).joined(separator: " ")
        switch data {
        case .constant(let number, let field): parts += " : \(ElementText([field]).text(of: .number(number)))"
        case .field(let component): parts += " : \(component.text)"
        case nil: break
        }
        if let meterSize, isListedAsMeter { return "meter \(set) size \(meterSize) { \(parts) }" }
        return "\(operation.rawValue) @\(set) { \(parts) }"
    }
}
