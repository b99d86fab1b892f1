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
        // With a timeout each frame begins it anew.
        if meter.timeout != nil { meter.operation = .update }
        statement = .update(meter)
        if meter.statements.count > 1 {
            throw fail(meter.location, "a meter measures one thing", note: "nft 1.0.6 takes several only in 'add @set { … }'")
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
        guard isAtSelector else { throw unexpected(expecting: "a selector such as 'ip saddr'") }
        return SetUpdateSyntax(operation: operation, key: try key(), set: "", location: location(from: start))
    }

    private var isAtSelector: Bool { at(.at) || (current.kind == .word && Selector.grammar[current.text] != nil) }

    /// Behind the colon: what the element of a map is mapped to.
    private mutating func updateData() throws(Abandoned) -> SetUpdateSyntax.DataSyntax {
        guard isAtSelector else { return .constant(try expression(depth: 0)) }
        let start = index
        let source = try key()
        if source.components.count > 1 { throw fail(location(from: start), "concatenations as data are not supported") }
        return .field(source.first)
    }

    private mutating func updateOptions(of syntax: inout SetUpdateSyntax) throws(Abandoned) {
        if skip(word: "timeout") { syntax.timeout = try duration(behind: "timeout") }
        while let statement = try elementStatement() { syntax.statements.append(statement) }
    }

    /// `counter`, `limit …`, `quota …` or `ct count …` of an element; nil if none begins here.
    mutating func elementStatement() throws(Abandoned) -> ElementStatement? {
        if isAtConnectionCount { return .connectionCount(try connectionCount()) }
        guard at(word: "counter") || at(word: "limit") || at(word: "quota") else { return nil }
        let statement =
            try at(word: "limit") ? limitStatement() : at(word: "quota") ? quotaStatement() : counter()
        switch statement {
        case .plain(.counter(let packets, let bytes, _)): return .counter(packets: packets, bytes: bytes)
        case .plain(.limit(let limit, _)): return .limit(limit)
        case .plain(.quota(let quota, _)): return .quota(quota)
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
        if let part = update.key.components.first(where: { !$0.selector.canBeKey }) {
            throw failure("rules can't put '\(part.selector.text)' into a set")
        }
        if case .field(let component) = update.data, !component.selector.canBeKey {
            throw failure("rules can't put '\(component.selector.text)' into a map")
        }
        let counts = update.statements.contains { $0.kind == .connectionCount }
        if counts, update.timeout != nil || declaration(of: update.set)?.dynamics.hasTimeout == true {
            throw failure("elements with timeouts can't count connections", note: "the kernel refuses it; leave the timeouts out")
        }
        if update.meterSize != nil { return update.statements }
        let use = try use(of: update)
        try check(update.set, use, for: update.key.selectors, update.key.location)
        guard let set = declaration(of: update.set) else { return update.statements }
        let what = set.isMap ? "map" : "set"
        if set.isVerdictMap {
            throw failure("rules can't change a map to verdicts", note: "nft's grammar has no way to say it; its elements are in the file")
        }
        if set.isInterval { throw failure("rules can't change a \(what) with 'flags interval'") }
        if set.isConstant { throw failure("rules can't change a \(what) with 'flags constant'") }
        if set.isMap, !set.dynamics.changes {
            throw failure("rules can't change the map '\(printable(set.name))'", note: "write in the map: flags dynamic")
        }
        if set.isMap, MatchKey.octets(of: set.key.fields) > SetUpdate.mapKeyLimit {
            throw failure(
                "a map whose keys take more than \(SetUpdate.mapKeyLimit) octets can't be changed", note: "nft 1.0.6 aborts there")
        }
        if update.timeout != nil, !set.dynamics.hasTimeout {
            throw failure("the \(what)'s elements have no timeouts", note: "write in the \(what): flags dynamic,timeout")
        }
        let own = set.dynamics.statements
        if own.isEmpty || update.statements.isEmpty { return own.isEmpty ? update.statements : [] }
        guard own.count == update.statements.count, zip(own, update.statements).allSatisfy({ $0.isLike($1) }) else {
            throw failure("the \(what)'s elements have other statements: \(own.map(\.text).joined(separator: " "))")
        }
        return update.statements
    }

    /// Whether the change is one of a set or of a map.
    private func use(of update: SetUpdateSyntax) throws(Diagnostic) -> SetUse {
        let known = declaration(of: update.set)
        switch update.data {
        case .field(let component):
            // A number that is drawn is a mark as well.
            if component.selector.field.isGenerated, known?.data?.field == .metaMark { return .values(Selector.reading(.metaMark)) }
            return .values(component.selector)
        case .constant:
            if let data = known?.data { return .values(Selector.reading(data.field)) }
            // To be refused as what it is.
            return known?.isVerdictMap == false ? .values(Selector.reading(.metaMark)) : .verdicts
        case nil:
            if let data = known?.data {
                throw Diagnostic(
                    severity: .error, location: update.location, message: "'\(printable(update.set))' is a map: the element needs a value",
                    note: "write: \(update.operation.rawValue) @\(printable(update.set)) { \(update.key.text) : \(data.list) }")
            }
            return .membership
        }
    }
}
