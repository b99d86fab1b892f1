/// `add @set { … }` as it is written.
struct SetUpdateSyntax {
    var operation: SetUpdate.Operation
    var key: KeySyntax
    var data: DataSyntax?
    var set: String
    var meterSize: UInt32?
    var timeout: UInt64?
    var statements: [ElementStatement] = []
    var location: SourceLocation

    /// Behind the colon, in maps.
    enum DataSyntax {
        case constant(ExpressionSyntax)
        case field(KeySyntax.Component)

        var location: SourceLocation {
            switch self {
            case .constant(let expression): expression.location
            case .field(let component): component.location
            }
        }
    }
}

extension Parser {
    /// A span of time such as `1d2h`, at most 2^31 - 1 seconds, far below where the kernel stops counting.
    mutating func duration(behind word: String) throws(Abandoned) -> UInt64 {
        guard current.kind == .word, let milliseconds = Duration.milliseconds(of: current.text) else {
            throw unexpected(expecting: "a span of time such as 30s, 5m or 1d2h after '\(word)'")
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
        // With a timeout each frame restarts it.
        if meter.timeout != nil { meter.operation = .update }
        statement = .update(meter)
        if meter.statements.count > 1 {
            throw fail(meter.location, "a meter measures one thing", note: "some versions of nft take several only in 'add @set { … }'")
        }
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
        if meterSize == nil, skip(.colon) { syntax.data = try updateData() }
        try expect(.rightBrace, for: "after the element")
        syntax.set = name
        syntax.meterSize = meterSize
        syntax.location = location(from: start)
        return .update(syntax)
    }

    private mutating func updatedKey(_ operation: SetUpdate.Operation, from start: Int) throws(Abandoned) -> SetUpdateSyntax {
        try refuseUnsupportedExpression()
        if !isAtConstantKey, current.kind == .number || current.kind == .address {
            throw fail(
                unsupported: current.location, "a constant as the whole key is not supported",
                note: "give the set the element in the file")
        }
        guard isAtSelector || isAtConstantKey else { throw unexpected(expecting: "a selector such as 'ip saddr'") }
        return SetUpdateSyntax(operation: operation, key: try key(), set: "", location: location(from: start))
    }

    private var isAtSelector: Bool { at(.at) || (current.kind == .word && Selector.grammar[current.text] != nil) }

    /// Behind the colon: what the element of a map is mapped to.
    private mutating func updateData() throws(Abandoned) -> SetUpdateSyntax.DataSyntax {
        try refuseUnsupportedExpression()
        let start = index
        guard isAtSelector else {
            let value = try expression(depth: 0)
            if at(.dot) { throw fail(unsupported: location(from: start), "concatenations as data are not supported") }
            return .constant(value)
        }
        let source = try key()
        if source.components.count > 1 { throw fail(unsupported: location(from: start), "concatenations as data are not supported") }
        return .field(source.first)
    }

    private mutating func updateOptions(of syntax: inout SetUpdateSyntax) throws(Abandoned) {
        if skip(word: "timeout") { syntax.timeout = try duration(behind: "timeout") }
        while let statement = try elementStatement() { syntax.statements.append(statement) }
    }

    /// `counter`, `limit …`, `quota …`, `last` or `ct count …` of an element; nil if none begins here.
    mutating func elementStatement() throws(Abandoned) -> ElementStatement? {
        if isAtConnectionCount { return .connectionCount(try connectionCount()) }
        let statement: StatementSyntax
        switch current.kind == .word ? current.text : "" {
        case "counter": statement = try counter()
        case "limit": statement = try limitStatement()
        case "quota": statement = try quotaStatement()
        case "last": statement = try lastUse()
        default: return nil
        }
        switch statement {
        case .plain(.counter(let packets, let bytes, _)): return .counter(packets: packets, bytes: bytes)
        case .plain(.limit(let limit, _)): return .limit(limit)
        case .plain(.quota(let quota, _)): return .quota(quota)
        case .plain(.last(let last, _)): return .last(last)
        default: throw fail(statement.location, "elements have no named objects", note: "write it without 'name'")
        }
    }
}
