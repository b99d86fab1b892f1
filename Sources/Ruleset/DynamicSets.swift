/// What an element of a set does when a frame meets it, with a state of its own.
public enum ElementStatement: Sendable, Equatable {
    case counter(packets: UInt64, bytes: UInt64)
    case limit(Limit)
    case quota(Quota)

    var text: String {
        switch self {
        case .counter(0, 0): "counter"
        case .counter(let packets, let bytes): "counter packets \(packets) bytes \(bytes)"
        case .limit(let limit): "limit \(limit.text)"
        case .quota(let quota): "quota \(quota.text)"
        }
    }

    /// What the kernel takes for the same statement with other numbers (`nft_dynset_init`): a limit by packets is none by bytes.
    fileprivate func isLike(_ other: ElementStatement) -> Bool {
        switch (self, other) {
        case (.counter, .counter), (.quota, .quota): true
        case (.limit(let limit), .limit(let other)): limit.measure == other.measure
        default: false
        }
    }
}

/// `add @set { field … }` and its like: puts the field's value into a set, or takes it out (net/netfilter/nft_dynset.c).
///
/// Where the field can't be read, or the set is full, the rule does not match. The statements of an element that is there are
/// evaluated, and decide with the rule's own.
public struct SetUpdate: Sendable, Equatable {
    public enum Operation: String, Sendable, CaseIterable {
        /// What is there already stays as it is.
        case add
        /// The timeout of what is there already begins anew.
        case update
        case delete
    }

    public var operation: Operation
    public var field: Field
    /// Bits of the field that count; nil for all of them.
    public var mask: UInt128?
    /// A set of the same table, or the name of a meter.
    public var set: String
    /// Of a meter: a set of the rule's own, with room for so many elements.
    public var meterSize: UInt32?
    /// Milliseconds that an element lives; nil for the set's own timeout.
    public var timeout: UInt64?
    /// Those of an element that this rule puts in.
    public var statements: [ElementStatement]
    public var location: SourceLocation

    /// Elements that a set which changes can have at the most.
    public static let largestSize: UInt32 = 1 << 22

    /// Where no size is written, nft gives so much room to sets that rules change.
    public static let defaultSize: UInt32 = 65_535

    public init(
        operation: Operation, field: Field, mask: UInt128? = nil, set: String, meterSize: UInt32? = nil, timeout: UInt64? = nil,
        statements: [ElementStatement] = [], location: SourceLocation
    ) {
        self.operation = operation
        self.field = field
        self.mask = mask
        self.set = set
        self.meterSize = meterSize
        self.timeout = timeout
        self.statements = statements
        self.location = location
    }
}

/// What a set has that rules may change.
public struct SetDynamics: Sendable, Equatable {
    /// `flags dynamic`, or a rule changes the set.
    public var isDynamic = false
    /// `flags timeout`, or a timeout somewhere.
    public var hasTimeout = false
    /// Milliseconds that elements live which have no timeout of their own.
    public var timeout: UInt64?
    /// Milliseconds between the kernel's collections of what has expired. Here nothing that has expired is ever found.
    public var collectionInterval: UInt64?
    /// Those of every element.
    public var statements: [ElementStatement] = []

    public init() {}

    /// Whether the set is more than what the file gives it.
    public var changes: Bool { isDynamic || hasTimeout || timeout != nil || !statements.isEmpty }

    /// In nft's order, without those that say nothing more.
    var flags: [String] {
        (isDynamic ? ["dynamic"] : []) + (hasTimeout && (isDynamic || timeout == nil) ? ["timeout"] : [])
    }

    /// Lines of a set's listing.
    var lines: [String] {
        (timeout.map { ["timeout \(Duration.text(of: $0))"] } ?? [])
            + (collectionInterval.map { ["gc-interval \(Duration.text(of: $0))"] } ?? []) + statements.map(\.text)
    }
}

/// nft's spans of time: `1d2h3m4s5ms`, in this order, each part once.
enum Duration {
    private static let units: [(name: String, milliseconds: UInt64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// How many of the bytes from `start` on are a span of time; 0 if none begins there.
    static func length(in bytes: [UInt8], from start: Int) -> Int {
        var end = start
        for unit in units {
            var next = end
            while next < bytes.count, bytes[next].isDigit { next += 1 }
            let rest = bytes[min(next, bytes.count)...]
            // `5ms` is no minute.
            guard next > end, rest.starts(with: unit.name.utf8), unit.name != "m" || rest.dropFirst().first != UInt8(ascii: "s") else {
                continue
            }
            end = next + unit.name.utf8.count
        }
        return end - start
    }

    /// Milliseconds; nil for what is no span of time or too long.
    static func milliseconds(of text: String) -> UInt64? {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, length(in: bytes, from: 0) == bytes.count else { return nil }
        var sum: UInt64 = 0
        var number: UInt64 = 0
        var index = 0
        while index < bytes.count {
            if bytes[index].isDigit {
                let (tens, first) = number.multipliedReportingOverflow(by: 10)
                let (next, second) = tens.addingReportingOverflow(UInt64(bytes[index] - UInt8(ascii: "0")))
                if first || second { return nil }
                number = next
                index += 1
                continue
            }
            let unit = units.last {
                bytes[index...].starts(with: $0.name.utf8) && ($0.name != "m" || bytes.dropFirst(index + 1).first != UInt8(ascii: "s"))
            }
            guard let unit else { return nil }
            let (product, first) = number.multipliedReportingOverflow(by: unit.milliseconds)
            let (next, second) = sum.addingReportingOverflow(product)
            if first || second { return nil }
            (sum, number) = (next, 0)
            index += unit.name.utf8.count
        }
        return sum
    }

    static func text(of milliseconds: UInt64) -> String {
        var rest = milliseconds
        var text = ""
        for unit in units {
            if rest >= unit.milliseconds { text += "\(rest / unit.milliseconds)\(unit.name)" }
            rest %= unit.milliseconds
        }
        return text.isEmpty ? "0s" : text
    }
}

extension SetUpdate {
    /// As it is written.
    var text: String {
        let values = ValueText(Selector.reading(field))
        var key = field.words + (mask.map { " & \(values.operand($0))" } ?? "")
        if let timeout { key += " timeout \(Duration.text(of: timeout))" }
        let parts = ([key] + statements.map(\.text)).joined(separator: " ")
        if let meterSize { return "meter \(set) size \(meterSize) { \(parts) }" }
        return "\(operation.rawValue) @\(set) { \(parts) }"
    }
}

/// `add @set { … }` as it is written.
struct SetUpdateSyntax {
    var operation: SetUpdate.Operation
    var selector: Selector
    var selectorLocation: SourceLocation
    var masks: [ExpressionSyntax] = []
    var set: String
    var meterSize: UInt32?
    var timeout: UInt64?
    var statements: [ElementStatement] = []
    var location: SourceLocation
}

extension Parser {
    /// A span of time such as `1d2h`, at most 2^31 - 1 seconds, far below where the kernel stops counting.
    mutating func duration(behind word: String) throws(Abandoned) -> UInt64 {
        guard current.kind == .word, let milliseconds = Duration.milliseconds(of: current.text) else {
            throw unexpected(expecting: "a span of time such as 30s, 5m or 1d2h behind '\(word)'")
        }
        guard milliseconds > 0, milliseconds <= UInt64(Int32.max) * 1_000 else {
            throw fail(current.location, "the \(word) is out of range", note: "accepted: 1ms to \(Int32.max / 86_400)d")
        }
        next()
        return milliseconds
    }

    /// `add @set { … }`, `update …`, `delete …`: from the first word on.
    mutating func setUpdate() throws(Abandoned) -> StatementSyntax {
        let start = index
        guard let operation = SetUpdate.Operation(rawValue: next().text), skip(.at) else {
            throw unexpected(expecting: "'@' and the name of a set")
        }
        let name = try identifier("set")
        return try update(operation, name, nil, from: start)
    }

    /// `set add selector [timeout T] @set`, the form of old: from the first word on.
    mutating func oldSetUpdate() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        guard current.kind == .word, let operation = SetUpdate.Operation(rawValue: current.text) else {
            throw unexpected(expecting: "add, update or delete")
        }
        next()
        var syntax = try updatedKey(operation, from: start)
        try updateOptions(of: &syntax)
        guard skip(.at) else { throw unexpected(expecting: "'@' and the name of a set") }
        syntax.set = try identifier("set")
        syntax.location = location(from: start)
        return .update(syntax)
    }

    /// `meter NAME [size N] { … }`: from the first word on.
    mutating func meter() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        let name = try identifier("meter")
        var size = SetUpdate.defaultSize
        if skip(word: "size") {
            guard current.kind == .number else { throw unexpected(expecting: "a number of elements") }
            let token = next()
            guard let number = UInt32(exactly: try number(token)), number > 0, number <= SetUpdate.largestSize else {
                throw fail(token.location, "the size is out of range", note: "accepted: 1 to \(SetUpdate.largestSize)")
            }
            size = number
        }
        var statement = try update(.add, name, size, from: start)
        guard case .update(var meter) = statement else { return statement }
        // With a timeout each frame begins it anew.
        if meter.timeout != nil { meter.operation = .update }
        statement = .update(meter)
        if meter.statements.isEmpty {
            throw fail(
                meter.location, "the meter measures nothing", note: "write: meter NAME { ip saddr limit rate over 10/second }")
        }
        return statement
    }

    private mutating func update(
        _ operation: SetUpdate.Operation, _ name: String, _ meterSize: UInt32?, from start: Int
    ) throws(Abandoned) -> StatementSyntax {
        try expect(.leftBrace, for: "and a selector such as 'ip saddr'")
        var syntax = try updatedKey(operation, from: start)
        try updateOptions(of: &syntax)
        try expect(.rightBrace, for: "behind the element")
        syntax.set = name
        syntax.meterSize = meterSize
        syntax.location = location(from: start)
        return .update(syntax)
    }

    private mutating func updatedKey(_ operation: SetUpdate.Operation, from start: Int) throws(Abandoned) -> SetUpdateSyntax {
        let first = index
        guard at(.at) || (current.kind == .word && Selector.grammar[current.text] != nil) else {
            throw unexpected(expecting: "a selector such as 'ip saddr'")
        }
        let selector = try selector()
        var syntax = SetUpdateSyntax(
            operation: operation, selector: selector, selectorLocation: location(from: first), set: "", location: location(from: start))
        while skip(.ampersand) { syntax.masks.append(try primary(depth: 0)) }
        if at(.dot) { throw fail(current.location, "concatenations are not supported here") }
        return syntax
    }

    private mutating func updateOptions(of syntax: inout SetUpdateSyntax) throws(Abandoned) {
        if skip(word: "timeout") { syntax.timeout = try duration(behind: "timeout") }
        while let statement = try elementStatement() { syntax.statements.append(statement) }
    }

    /// `counter`, `limit …` or `quota …` of an element; nil if none begins here.
    mutating func elementStatement() throws(Abandoned) -> ElementStatement? {
        guard at(word: "counter") || at(word: "limit") || at(word: "quota") else { return nil }
        let statement =
            try at(word: "limit") ? limitStatement() : at(word: "quota") ? quotaStatement() : counter()
        switch statement {
        case .counter(let packets, let bytes, _): return .counter(packets: packets, bytes: bytes)
        case .limit(let limit, _): return .limit(limit)
        case .quota(let quota, _): return .quota(quota)
        default: throw fail(statement.location, "elements have no named objects", note: "write it without 'name'")
        }
    }
}

extension SetDeclarations {
    /// Holds a change against the set that it is of, and says which statements its elements have.
    func statements(of update: SetUpdateSyntax) throws(Diagnostic) -> [ElementStatement] {
        func failure(_ message: String, note: String? = nil) -> Diagnostic {
            Diagnostic(severity: .error, location: update.location, message: message, note: note)
        }
        guard update.selector.canBeKey, !update.selector.field.isInterface else {
            throw failure("rules can't put '\(update.selector.text)' into a set")
        }
        if update.meterSize != nil { return update.statements }
        try check(update.set, .membership, for: [update.selector], update.selectorLocation)
        guard let set = declaration(of: update.set) else { return update.statements }
        if set.isInterval { throw failure("rules can't change a set with 'flags interval'") }
        if set.isConstant { throw failure("rules can't change a set with 'flags constant'") }
        if update.timeout != nil, !set.dynamics.hasTimeout {
            throw failure("the set's elements have no timeouts", note: "write in the set: flags dynamic,timeout")
        }
        let own = set.dynamics.statements
        if own.isEmpty || update.statements.isEmpty { return own.isEmpty ? update.statements : [] }
        guard own.count == update.statements.count, zip(own, update.statements).allSatisfy({ $0.isLike($1) }) else {
            throw failure("the set's elements have other statements: \(own.map(\.text).joined(separator: " "))")
        }
        return update.statements
    }
}
