extension Parser {
    /// Behind `ct`: a key, or a direction and a key.
    mutating func connectionSelector() throws(Abandoned) -> Selector {
        let keys = Selector.grammar["ct"] ?? [:]
        guard current.kind == .word else {
            throw unexpected(expecting: "a field of 'ct': \(Selector.fields(after: "ct").joined(separator: ", "))")
        }
        if let reason = Unsupported.connectionFields[current.text] {
            throw fail(unsupported: current.location, "'ct \(current.text)' is not supported", note: reason)
        }
        guard let direction = ConnectionKey.Direction(rawValue: current.text) else { return try connectionKey(among: keys) }
        next()
        var words = direction.rawValue
        if at(word: "ip") || at(word: "ip6") {
            words += " \(next().text)"
            guard at(word: "saddr") || at(word: "daddr") else { throw unexpected(expecting: "'saddr' or 'daddr'") }
        }
        // Both ways have the same; the kernel forgets which was asked for.
        if at(word: "protocol") || at(word: "l3proto") { return try connectionKey(among: keys) }
        if current.kind == .word {
            if let reason = Unsupported.connectionFields[current.text] {
                throw fail(unsupported: current.location, "'ct \(words) \(current.text)' is not supported", note: reason)
            }
            words += " \(current.text)"
        }
        guard current.kind == .word, let selector = keys[words] ?? Selector.addressesOfKnownFamily[words] else {
            throw unexpected(
                expecting: "saddr, daddr, ip saddr, ip daddr, ip6 saddr, ip6 daddr, proto-src, proto-dst, protocol, l3proto, bytes, "
                    + "packets or avgpkt")
        }
        next()
        return selector
    }

    private mutating func connectionKey(among keys: [String: Selector]) throws(Abandoned) -> Selector {
        guard let selector = keys[current.text] else {
            let needsDirection = ["saddr", "daddr", "proto-src", "proto-dst", "ip", "ip6"].contains(current.text)
            throw fail(
                current.location, "unknown field '\(printable(current.text))' of 'ct'",
                note: needsDirection
                    ? "give the direction: ct original …, ct reply …"
                    : Words.advice(for: current.text, accepted: Selector.fields(after: "ct")))
        }
        next()
        return selector
    }
}
