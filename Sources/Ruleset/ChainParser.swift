/// What makes a chain a base chain.
extension Parser {
    /// `type filter hook forward priority P`.
    mutating func hook() throws(Abandoned) -> HookSyntax {
        let start = index
        next()
        try expect(word: "filter") { type in
            ["nat", "route"].contains(type) ? "chain type '\(type)' is not supported" : "unknown chain type '\(printable(type))'"
        }
        try expect(word: "hook")
        try expect(word: "forward") { hook in
            Unsupported.hooks.contains(hook)
                ? "hook '\(hook)' is not supported: Weir sees frames only on their way from port to port"
                : "unknown hook '\(printable(hook))'"
        }
        if at(word: "device") || at(word: "devices") {
            throw fail(
                current.location, "a chain of this hook can't be bound to a device", note: "match the ports with iifname and oifname")
        }
        try expect(word: "priority")
        let priority = try priority()
        return HookSyntax(hook: .forward, priority: priority, location: location(from: start))
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

    private mutating func priority() throws(Abandoned) -> Int32 {
        let start = index
        var value: Int64 = 0
        var isSigned = true
        if current.kind == .word {
            try priorityName()
            value = -200
            isSigned = at(.plus) || at(.dash)
        }
        if isSigned {
            let isNegative = at(.dash)
            if isNegative || (value != 0 && at(.plus)) { next() }
            guard current.kind == .number else { throw unexpected(expecting: "a number, or filter, filter + N or filter - N") }
            let token = next()
            let number = try number(token)
            guard let magnitude = Int64(exactly: number) else { throw priorityOutOfRange(from: start) }
            let (sum, overflow) = value.addingReportingOverflow(isNegative ? -magnitude : magnitude)
            if overflow { throw priorityOutOfRange(from: start) }
            value = sum
        }
        guard let priority = Int32(exactly: value) else { throw priorityOutOfRange(from: start) }
        return priority
    }

    private mutating func priorityOutOfRange(from start: Int) -> Abandoned {
        fail(location(from: start), "the priority is out of range", note: "accepted: -2147483648 to 2147483647")
    }

    /// nft takes `filter` alone for the bridge family's forward hook: the others name places at which this hook is not.
    private mutating func priorityName() throws(Abandoned) {
        let name = current
        if let number = Unsupported.priorities[name.text] {
            throw fail(name.location, "priority '\(name.text)' does not exist at the hook forward", note: "write the number: \(number)")
        }
        guard name.text == "filter" else {
            let note =
                name.text.hasPrefix("filter-")
                ? "'\(printable(name.text))' is one word; put a space in front of the '-'"
                : Words.advice(for: name.text, accepted: ["filter"]) + ", or a number"
            throw fail(name.location, "unknown priority '\(printable(name.text))'", note: note)
        }
        next()
    }

    mutating func policy() throws(Abandoned) -> PolicySyntax {
        let start = index
        next()
        guard current.kind == .word, let policy = Policy(rawValue: current.text) else { throw unexpected(expecting: "accept or drop") }
        next()
        return PolicySyntax(policy: policy, location: location(from: start))
    }
}
