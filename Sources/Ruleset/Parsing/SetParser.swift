/// Named sets and maps, and the elements of all sets.
extension Parser {
    /// `set NAME { … }` or `map NAME { … }`.
    mutating func namedSet() throws(Abandoned) -> SetSyntax {
        let start = index
        return try namedSet(isMap: next().text == "map", from: start)
    }

    enum KeptSet {
        case set(SetSyntax)
        case unsupported(UnsupportedSet)
    }

    /// A set or map; one of a kind that Weir does not have is kept as it is written.
    mutating func keptSet() throws(Abandoned) -> KeptSet {
        let (start, level) = (index, depth)
        let outer = sink
        sink = outer.empty
        var set: SetSyntax?
        do throws(Abandoned) { set = try namedSet() } catch {}
        let found = sink
        sink = outer
        guard let failure = found.errors.first, found.errors.allSatisfy(\.isUnsupported) else {
            sink.add(found)
            if !found.errors.isEmpty, start + 1 < tokens.count { brokenSets.insert(tokens[start + 1].text) }
            guard let set else { throw Abandoned() }
            return .set(set)
        }
        (index, depth) = (start, level)
        let kind = next().text
        let name = try identifier(kind)
        let place = location(from: start)
        let lines = try skimmedBlock("\(kind) '\(printable(name))'")
        let kept = SetAside(kind: kind, name: name, reason: "no rule that a frame meets names it", lines: lines, location: place)
        return .unsupported(UnsupportedSet(setAside: kept, failure: failure))
    }

    /// From the name on.
    mutating func namedSet(isMap: Bool, from start: Int) throws(Abandoned) -> SetSyntax {
        let what = isMap ? "map" : "set"
        let name = try identifier(what)
        var set = SetSyntax(name: name, contents: isMap ? .verdicts : .keys, location: location(from: start))
        try expect(.leftBrace, for: "on the same line")
        try block("\(what) '\(printable(name))'") { (parser) throws(Abandoned) in
            try parser.item(of: &set)
        }
        return set
    }

    private mutating func item(of set: inout SetSyntax) throws(Abandoned) {
        let word = current
        switch word.kind == .word ? word.text : "" {
        case "type", "typeof":
            if set.hasKey { throw fail(word.location, "the type is given twice") }
            set.hasKey = true
            set.key = try setKey()
            if set.isMap { try readMapped(of: &set, isTypeof: word.text == "typeof") }
        case "flags":
            try flags(of: &set)
        case "auto-merge" where !set.isMap:
            next()
            set.mergesElements = true
            endsBlock = true
        case "size":
            next()
            guard current.kind == .number else { throw unexpected(expecting: "a number of elements") }
            let token = next()
            guard let size = UInt32(exactly: try number(token)), size > 0 else {
                throw fail(token.location, "the size is out of range", note: "accepted: 1 to \(UInt32.max)")
            }
            set.size = size
        case "elements":
            if set.hasElements {
                throw fail(word.location, "the elements are given twice", note: "write all of them in one pair of braces")
            }
            set.hasElements = true
            next()
            try expect(.assign, for: "after 'elements'")
            set.elements.append(try elementList())
            endsBlock = true
        case "comment":
            try blockComment(&set.comment)
        case "timeout":
            next()
            set.dynamics.timeout = try duration(behind: "timeout")
            set.dynamics.hasTimeout = true
        case "gc-interval":
            next()
            set.dynamics.collectionInterval = try duration(behind: "gc-interval")
        case let item where ["counter", "quota", "limit", "last"].contains(item) || isAtConnectionCount:
            while let statement = try elementStatement() {
                if set.dynamics.statements.contains(where: { $0.kind == statement.kind }) {
                    throw fail(word.location, "the \(statement.kind.rawValue) is given twice")
                }
                set.dynamics.statements.append(statement)
            }
        case "policy":
            next()
            let policies = NamedSet.Policy.allCases.map(\.rawValue)
            guard current.kind == .word, let policy = NamedSet.Policy(rawValue: current.text) else {
                throw unexpected(expecting: policies.joined(separator: " or "))
            }
            next()
            set.policy = policy
        default:
            if try definition() { return }
            let accepted = ["type", "typeof", "flags", "auto-merge", "size", "policy", "counter", "elements", "comment"]
            guard word.kind == .word else { throw unexpected(expecting: "\(accepted.joined(separator: ", ")) or '}'") }
            throw fail(
                word.location, "unknown word '\(printable(word.text))' in a set", note: Words.advice(for: word.text, accepted: accepted))
        }
    }

    private mutating func flags(of set: inout SetSyntax) throws(Abandoned) {
        next()
        repeat {
            guard current.kind == .word else { throw unexpected(expecting: "constant, interval, dynamic or timeout") }
            switch current.text {
            case "constant": set.isConstant = true
            case "interval": set.isInterval = true
            case "timeout": set.dynamics.hasTimeout = true
            case "dynamic": set.dynamics.isDynamic = true
            default: throw unexpected(expecting: "constant, interval, dynamic or timeout")
            }
            next()
        } while skip(.comma)
    }

    /// `{ … }` or a variable that stands for one.
    mutating func elementList() throws(Abandoned) -> EntryList {
        guard at(.dollar) else {
            guard at(.leftBrace) else { throw unexpected(expecting: "'{' or a variable") }
            return try entries()
        }
        let start = index
        guard case .set(let entries, _) = try variable() else {
            throw fail(location(from: start), "the variable is no set of elements", note: "put it in braces: { $name }")
        }
        return entries
    }

    /// `{ a, b-c, d/n, e : verdict }`: nft allows one line break on either side of an element, and a comma after the last.
    /// - Parameter isDefinition: There may be none.
    mutating func entries(
        isDefinition: Bool = false, example: String = "elements", nesting: Int = 0
    ) throws(Abandoned) -> EntryList {
        next()
        if case .packed(let literals) = current.kind {
            next()
            try expect(.rightBrace, for: "after the elements")
            return .packed(literals)
        }
        var entries: [EntrySyntax] = []
        var isFirst = true
        while true {
            try skipLineBreak()
            if !isFirst || isDefinition, skip(.rightBrace) { return .entries(entries) }
            isFirst = false
            if at(.leftBrace) {
                entries += try nestedEntries(isDefinition: isDefinition, example: example, nesting)
                try skipLineBreak()
                if skip(.rightBrace) { return .entries(entries) }
                guard skip(.comma) else { throw unexpected(expecting: "',' or '}' in the set") }
                continue
            }
            if at(.rightBrace) { throw fail(current.location, "the set is empty", note: "expected \(example)") }
            try entry(into: &entries)
            try skipLineBreak()
            if skip(.rightBrace) { return .entries(entries) }
            guard skip(.comma) else { throw unexpected(expecting: "',' or '}' in the set") }
        }
    }

    /// A set that is part of a set: its elements are the outer one's.
    private mutating func nestedEntries(isDefinition: Bool, example: String, _ nesting: Int) throws(Abandoned) -> [EntrySyntax] {
        if nesting == Self.depthLimit { throw fail(current.location, "more than \(Self.depthLimit) sets within each other") }
        return try entries(isDefinition: isDefinition, example: example, nesting: nesting + 1).entries
    }

    private mutating func entry(into entries: inout [EntrySyntax]) throws(Abandoned) {
        let start = index
        let element: ElementSyntax
        if at(.asterisk) {
            element = .any(location: next().location)
        } else if isVariableAlone {
            switch try variable() {
            case .set(let more, _):
                entries += more.entries
                return
            case .element(let one): element = one
            case .list, .masked, .named: throw fail(location(from: start), "the variable can't be part of a set")
            }
        } else {
            let first = try self.element(beginningWith: try expression(depth: 0), from: start)
            element = try concatenation(beginningWith: first, from: start)
        }
        var entry = EntrySyntax(element: element)
        while let statement = try elementStatement() { entry.statements.append(statement) }
        try readOptions(into: &entry)
        // nft 1.1 takes them before or after the others, and not on both sides.
        if entry.statements.isEmpty { while let statement = try elementStatement() { entry.statements.append(statement) } }
        if skip(.colon) { try readMapped(into: &entry) }
        entries.append(entry)
    }

    /// `timeout T`, `expires T` and `comment "…"`, each once and in any order.
    private mutating func readOptions(into entry: inout EntrySyntax) throws(Abandoned) {
        while current.kind == .word {
            switch current.text {
            case "timeout" where entry.timeout == nil:
                next()
                entry.timeout = skip(word: "never") ? 0 : try duration(behind: "timeout")
            case "expires" where entry.expires == nil:
                next()
                entry.expires = try duration(behind: "expires")
            case "comment" where entry.comment == nil: entry.comment = try comment()
            case "timeout", "expires", "comment": throw fail(current.location, "'\(current.text)' is given twice")
            case "counter", "limit", "quota", "last", "ct":
                guard entry.statements.isEmpty else {
                    throw fail(current.location, "an element's statements stand together, before or after its timeout and its comment")
                }
                return
            default: return
            }
        }
    }

    /// After an element's colon: a verdict or a constant.
    private mutating func readMapped(into entry: inout EntrySyntax) throws(Abandoned) {
        let word = current.kind == .word ? current.text : ""
        if let verdict = Verdict(word: word) {
            next()
            entry.verdict = verdict
        } else if word == "jump" || word == "goto" {
            next()
            entry.verdict = try target(isJump: word == "jump")
        } else if word == "queue" {
            throw fail(unsupported: current.location, "'queue' is not supported", note: Unsupported.statements[word])
        } else {
            if at(.comma) || at(.rightBrace) || current.isSeparator { throw unexpected(expecting: "a verdict or a value") }
            entry.data = try expression(depth: 0)
            if at(.dot) || at(.dash) || at(.slash) {
                throw fail(
                    unsupported: current.location, "an element is mapped to a single value",
                    note: "concatenations as data are not supported")
            }
        }
    }

    /// After `jump` or `goto`.
    mutating func target(isJump: Bool) throws(Abandoned) -> Verdict {
        if at(.leftBrace) {
            throw fail(
                current.location, "a chain can't be part of an element", note: "nft's grammar has none there; name a chain of the table")
        }
        let chain: JumpTarget
        if at(.dollar) {
            let start = index
            guard case .constant(let token) = try scalarVariable(), token.kind == .word || token.kind == .quoted else {
                throw fail(location(from: start), "the variable is no chain's name")
            }
            chain = .named(token.text)
        } else {
            chain = .named(try identifier("chain"))
        }
        return isJump ? .jump(chain) : .goto(chain)
    }

    private mutating func skipLineBreak() throws(Abandoned) {
        guard current.kind == .newline else { return }
        next()
        if current.kind == .newline {
            throw fail(current.location, "an empty line in a set", note: "nft takes none there")
        }
    }
}
