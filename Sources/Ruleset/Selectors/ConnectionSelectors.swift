extension Selector {
    /// `ct` and what nft 1.0.6 reads behind it, but for what `Unsupported.connectionFields` names.
    static let connections: [Selector] = {
        var selectors = [
            Selector(.ctState, .connectionState),
            Selector(.ctDirection, .connectionDirection),
            Selector(.ctStatus, .connectionStatus),
            Selector(.ctMark, .mark),
            Selector(.ctExpiration, .span),
            Selector(.ctL3proto, .networkFamily, concludes: .connectionNetwork),
            Selector(.ctProtocol, .protocolNumber, concludes: .connectionTransport),
        ]
        for direction in [ConnectionKey.Direction?.none, .original, .reply] {
            selectors += [
                Selector(.ctBytes(direction), .integer), Selector(.ctPackets(direction), .integer),
                Selector(.ctAvgpkt(direction), .integer),
            ]
        }
        for direction in ConnectionKey.Direction.allCases {
            for end in [ConnectionKey.End.source, .destination] {
                selectors += [
                    Selector(.ctAddress(direction, end, isIPv6: false), .ipv4),
                    Selector(.ctAddress(direction, end, isIPv6: true), .ipv6),
                    Selector(.ctPort(direction, end), .service),
                ]
            }
        }
        return selectors
    }()

    /// Those whose family is that of what stands in front of them.
    static let addressesOfKnownFamily: [String: Selector] = {
        var selectors: [String: Selector] = [:]
        for direction in ConnectionKey.Direction.allCases {
            for (word, end) in [("saddr", ConnectionKey.End.source), ("daddr", .destination)] {
                selectors["\(direction.rawValue) \(word)"] = Selector(.ctAddress(ofKnownFamily: direction, end), .ipv4)
            }
        }
        return selectors
    }()

    /// Whether it is an address whose family has to be known already.
    var needsKnownFamily: Bool {
        guard case .connection(.address) = field.source else { return false }
        return !text.contains(" ip")
    }

    /// The same with that family written, as nft lists it.
    fileprivate func ofFamily(isIPv6: Bool) -> Selector {
        guard case .connection(.address(let direction, let end, _)) = field.source else { return self }
        return Selector(.ctAddress(direction, end, isIPv6: isIPv6), isIPv6 ? .ipv6 : .ipv4)
    }
}

extension Parser {
    /// Behind `ct`: a key, or a direction and a key.
    mutating func connectionSelector() throws(Abandoned) -> Selector {
        let keys = Selector.grammar["ct"] ?? [:]
        guard current.kind == .word else {
            throw unexpected(expecting: "a field of 'ct': \(Selector.fields(after: "ct").joined(separator: ", "))")
        }
        if let reason = Unsupported.connectionFields[current.text] {
            throw fail(current.location, "'ct \(current.text)' is not supported", note: reason)
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
                throw fail(current.location, "'ct \(words) \(current.text)' is not supported", note: reason)
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

extension ProtocolContext {
    /// An address whose family is not written needs one that is known; a port needs a transport protocol, whichever it is.
    func resolved(_ selector: Selector, _ location: SourceLocation) throws(Diagnostic) -> Selector {
        guard case .connection(let key) = selector.field.source else { return selector }
        switch key {
        case .address(_, _, let isIPv6):
            if selector.needsKnownFamily {
                guard !isBridge, let isIPv6 = knownIPFamily else {
                    throw Diagnostic(
                        severity: .error, location: location, message: "'\(selector.text)' may be an address of either family here",
                        note: "write \(selector.text.replacingLast(with: "ip")) or \(selector.text.replacingLast(with: "ip6"))")
                }
                return selector.ofFamily(isIPv6: isIPv6)
            }
            if let known = conflict(withIPv6: isIPv6) {
                throw Diagnostic(
                    severity: .error, location: location, message: "conflicting protocols: \(known.rawValue) and \(isIPv6 ? "ip6" : "ip")",
                    note: "an address of the other family is never there")
            }
        case .port:
            if !hasTransport {
                throw Diagnostic(
                    severity: .error, location: location, message: "nothing says which protocol '\(selector.text)' is a port of",
                    note: "match it first: meta l4proto tcp \(selector.text) …")
            }
        default: break
        }
        return selector
    }
}

extension MatchSyntax {
    /// nft wants to know the family of an address in a set.
    func refuseSets() throws(Diagnostic) {
        switch operand {
        case .set, .named:
            throw Diagnostic(
                severity: .error, location: operand.location, message: "'\(selector.text)' can only be compared with single values",
                note: "nft 1.0.6 needs the family for sets: \(selector.text.replacingLast(with: "ip"))")
        case .element, .list, .masked: return
        }
    }
}

extension String {
    /// With the word in front of the last one.
    fileprivate func replacingLast(with word: String) -> String {
        var words = split(separator: " ").map(String.init)
        words.insert(word, at: max(0, words.count - 1))
        return words.joined(separator: " ")
    }
}
