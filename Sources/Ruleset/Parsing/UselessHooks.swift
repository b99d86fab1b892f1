/// What `type … hook …` says of a chain.
enum ChainHook {
    case used(HookSyntax)
    case useless(UselessHook)
}

// Hooks that no frame on a wire comes to, and that the tree does not have: those of NAT, of routing and of devices.
extension Parser {
    /// Types of chains beside `filter`, with the families that have them and the hooks.
    private static let types: [String: (families: Set<Family>, hooks: [String])] = [
        "nat": ([.ip, .ip6, .inet], ["prerouting", "input", "output", "postrouting"]),
        "route": ([.ip, .ip6, .inet], ["output"]),
    ]

    /// Hooks of a device, with the families that have them.
    private static let deviceHooks: [String: Set<Family>] = ["ingress": [.netdev, .inet], "egress": [.netdev]]

    /// True if a text has a chain that is set aside for its hook.
    static func hasUselessChains(_ tokens: [Token]) -> Bool {
        for index in tokens.indices.dropLast() where tokens[index].kind == .word {
            let word = tokens[index].text
            guard word == "hook" || word == "type" || word == "table" else { continue }
            switch (word, tokens[index + 1].text) {
            case ("hook", "prerouting"), ("hook", "forward"), ("hook", "postrouting"), ("type", "filter"): break
            case ("hook", _), ("type", "nat"), ("type", "route"), ("table", "netdev"): return true
            default: break
            }
        }
        return false
    }

    /// After `type`.
    var isAtUselessHook: Bool {
        guard current.kind == .word, index + 2 < tokens.count else { return false }
        return Self.types[current.text] != nil || (tokens[index + 1].text == "hook" && Self.deviceHooks[tokens[index + 2].text] != nil)
    }

    /// From the type's name on.
    mutating func uselessHook(in family: Family, from start: Int) throws(Abandoned) -> UselessHook {
        let type = next()
        guard skip(word: "hook") else { throw unexpected(expecting: "'hook'") }
        let hook = current
        guard hook.kind == .word else { throw unexpected(expecting: "the name of a hook") }
        var isKnown = Self.deviceHooks[hook.text]?.contains(family) == true && type.text == "filter"
        if let known = Self.types[type.text] { isKnown = known.families.contains(family) && known.hooks.contains(hook.text) }
        guard isKnown else {
            throw fail(
                hook.location, "a table \(family.rawValue) has no chains of type '\(type.text)' at the hook '\(printable(hook.text))'",
                note: Self.types[type.text].map { "accepted: \($0.hooks.joined(separator: ", ")), in tables ip, ip6 and inet" })
        }
        next()
        try devices()
        guard skip(word: "priority") else { throw unexpected(expecting: "'priority'") }
        try uselessPriority()
        let description = type.text == "filter" ? "hook \(hook.text)" : "type \(type.text)"
        return UselessHook(description: description, text: written(start..<index) + ";", location: location(from: start))
    }

    /// `device NAME` or `devices = { NAME, … }`.
    private mutating func devices() throws(Abandoned) {
        if skip(word: "device") {
            guard current.kind == .word || current.kind == .quoted || at(.dollar) else { throw unexpected(expecting: "a device's name") }
            if at(.dollar) { _ = try variable() } else { next() }
        } else if skip(word: "devices") {
            try expect(.assign, for: "after 'devices'")
            if at(.dollar) { _ = try variable() } else { _ = try entries(example: "names of devices") }
        }
    }

    /// A number or a name, perhaps with a distance.
    private mutating func uselessPriority() throws(Abandoned) {
        if at(.dollar) {
            _ = try variable()
            return
        }
        if current.kind == .word {
            guard Family.priorityNames.contains(current.text) else {
                throw fail(
                    current.location, "unknown priority '\(printable(current.text))'",
                    note: Words.advice(for: current.text, accepted: Family.priorityNames.sorted()) + ", or a number")
            }
            next()
            guard at(.plus) || at(.dash) else { return }
            next()
        } else if at(.dash) {
            next()
        }
        guard current.kind == .number else { throw unexpected(expecting: "a number, or filter, filter + N or filter - N") }
        next()
    }
}
