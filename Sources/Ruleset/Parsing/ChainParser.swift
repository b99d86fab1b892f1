/// What makes a chain a base chain.
extension Parser {
    /// `type filter hook H priority P`.
    mutating func hook(in family: Family) throws(Abandoned) -> ChainHook {
        let start = index
        next()
        if isAtUselessHook { return .useless(try uselessHook(in: family, from: start)) }
        try expect(word: "filter") { "unknown chain type '\(printable($0))'" }
        try expect(word: "hook")
        let hook = try hookName(in: family)
        if at(word: "device") || at(word: "devices") {
            throw fail(
                current.location, "a chain of this hook can't be bound to a device", note: "match the ports with iifname and oifname")
        }
        try expect(word: "priority")
        let priority = try priority(in: family, at: hook)
        return .used(HookSyntax(hook: hook, priority: priority, location: location(from: start)))
    }

    private mutating func hookName(in family: Family) throws(Abandoned) -> Hook {
        let word = current
        guard word.kind == .word else { throw unexpected(expecting: "the name of a hook") }
        let accepted = family.hooks.map(\.rawValue)
        guard let hook = Hook(rawValue: word.text) else {
            throw fail(
                word.location, "unknown hook '\(printable(word.text))'", note: Words.advice(for: word.text, accepted: accepted))
        }
        guard family.hooks.contains(hook) else {
            throw fail(
                word.location, "the family \(family.rawValue) has no hook '\(word.text)': its chains see what the host sends and receives",
                note: "to judge ARP on its way, write it in a table bridge: ether type arp arp operation request …")
        }
        next()
        return hook
    }

    private mutating func expect(word: String, otherwise message: (String) -> String = { "unexpected '\(printable($0))'" })
        throws(Abandoned)
    {
        if at(word: word) {
            next()
        } else if current.kind == .word {
            throw fail(current.location, message(current.text), note: Words.advice(for: current.text, accepted: [word]))
        } else {
            throw unexpected(expecting: "'\(word)'")
        }
    }

    private mutating func priority(in family: Family, at hook: Hook) throws(Abandoned) -> Int32 {
        let start = index
        if at(.dollar) { return try priorityVariable(in: family, at: hook) }
        var value: Int64 = 0
        var isSigned = true
        let isNamed = current.kind == .word
        if isNamed {
            let name = next()
            value = Int64(try named(name.text, in: family, at: hook, name.location))
            isSigned = at(.plus) || at(.dash)
        }
        if isSigned {
            let isNegative = at(.dash)
            if isNegative || (isNamed && at(.plus)) { next() }
            guard current.kind == .number else { throw unexpected(expecting: "a number, or filter, filter + N or filter - N") }
            let token = next()
            let number = try number(token)
            guard let magnitude = Int64(exactly: number) else { throw priorityOutOfRange(location(from: start)) }
            let (sum, overflow) = value.addingReportingOverflow(isNegative ? -magnitude : magnitude)
            if overflow { throw priorityOutOfRange(location(from: start)) }
            value = sum
        }
        guard let priority = Int32(exactly: value) else { throw priorityOutOfRange(location(from: start)) }
        return priority
    }

    /// A definition's value: a number, a name, or in quotes a name or number as nft's own scanner of such texts splits it.
    private mutating func priorityVariable(in family: Family, at hook: Hook) throws(Abandoned) -> Int32 {
        let start = index
        let operand = try variable()
        let location = location(from: start)
        guard case .element(.value(.constant(let token))) = operand,
            [.word, .number, .quoted].contains(token.kind)
        else {
            throw fail(location, "the variable is no priority", note: "define it as a number, as filter, or as \"filter + 10\"")
        }
        if token.kind == .number {
            guard let value = Int32(exactly: try number(token)) else { throw priorityOutOfRange(location) }
            return value
        }
        let parts = token.text.split { $0 == " " || $0 == "\t" }
        guard let first = parts.first.map(String.init) else { throw fail(location, "the variable's text is empty") }
        if parts.count == 1, let number = Self.signedNumber(first) {
            guard let value = Int32(exactly: number) else { throw priorityOutOfRange(location) }
            return value
        }
        let base = Int64(try named(first, in: family, at: hook, location))
        let rest = parts.dropFirst().joined(separator: " ")
        if rest.isEmpty, let value = Int32(exactly: base) { return value }
        let magnitude = rest.dropFirst().drop { $0 == " " }
        guard let sign = rest.first, sign == "+" || sign == "-", !magnitude.hasPrefix("-"),
            let distance = Self.signedNumber(String(magnitude))
        else {
            throw fail(location, "\"\(printable(token.text))\" is no priority", note: "write \"\(printable(first)) + 10\"")
        }
        guard let value = Int32(exactly: sign == "+" ? base + distance : base - distance) else { throw priorityOutOfRange(location) }
        return value
    }

    /// Decimal digits with perhaps a `-`, of no more than 18 places. Nil for a leading zero, which nft reads otherwise in other places.
    private static func signedNumber(_ text: String) -> Int64? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard case .value(let value) = NumberText.value(of: String(digits)), digits.utf8.allSatisfy(\.isDigit), digits.utf8.count <= 18,
            let number = Int64(exactly: value)
        else { return nil }
        return text.hasPrefix("-") ? -number : number
    }

    private mutating func priorityOutOfRange(_ location: SourceLocation) -> Abandoned {
        fail(location, "the priority is out of range", note: "accepted: -2147483648 to 2147483647")
    }

    private mutating func named(_ name: String, in family: Family, at hook: Hook, _ location: SourceLocation) throws(Abandoned) -> Int32 {
        let known = family.priorities(at: hook)
        if let found = known.first(where: { $0.name == name }) { return found.value }
        let accepted = known.map(\.name)
        if Family.priorityNames.contains(name) {
            throw fail(
                location, "priority '\(name)' does not exist in the family \(family.rawValue) at the hook \(hook.rawValue)",
                note: "accepted: \(accepted.joined(separator: ", ")), or a number")
        }
        let note =
            accepted.contains { name.hasPrefix($0 + "-") || name.hasPrefix($0 + "+") }
            ? "'\(printable(name))' is one word; put spaces around the sign"
            : Words.advice(for: name, accepted: accepted) + ", or a number"
        throw fail(location, "unknown priority '\(printable(name))'", note: note)
    }

    /// `policy accept`, `policy drop`, or a variable that stands for one of the words in quotes.
    mutating func policy() throws(Abandoned) -> PolicySyntax {
        let start = index
        next()
        if at(.dollar) {
            let operand = try variable()
            guard case .element(.value(.constant(let token))) = operand, token.kind == .quoted, let policy = Policy(rawValue: token.text)
            else {
                throw fail(location(from: start), "the variable is no policy", note: "define it as \"accept\" or \"drop\", in quotes")
            }
            return PolicySyntax(policy: policy, location: location(from: start))
        }
        guard current.kind == .word, let policy = Policy(rawValue: current.text) else { throw unexpected(expecting: "accept or drop") }
        next()
        return PolicySyntax(policy: policy, location: location(from: start))
    }
}
