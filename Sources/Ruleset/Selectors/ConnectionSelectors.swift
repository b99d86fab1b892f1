extension Selector {
    /// `ct` and what nft 1.0.6 reads after it, but for what `Unsupported.connectionFields` names.
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
                Selector(.ctAvgpkt(direction), .integer), Selector(.ctZone(direction), .integer),
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

    /// Selectors whose family is that of the matches before them.
    static let addressesOfKnownFamily: [String: Selector] = {
        var selectors: [String: Selector] = [:]
        for direction in ConnectionKey.Direction.allCases {
            for (word, end) in [("saddr", ConnectionKey.End.source), ("daddr", .destination)] {
                selectors["\(direction.rawValue) \(word)"] = Selector(.ctAddress(ofKnownFamily: direction, end), .ipv4)
            }
        }
        return selectors
    }()

    /// True if it is an address whose family has to be known already.
    var needsKnownFamily: Bool {
        guard case .connection(.address) = field.source else { return false }
        return !text.contains(" ip")
    }

    /// With that family written, as nft lists it.
    fileprivate func ofFamily(isIPv6: Bool) -> Selector {
        guard case .connection(.address(let direction, let end, _)) = field.source else { return self }
        return Selector(.ctAddress(direction, end, isIPv6: isIPv6), isIPv6 ? .ipv6 : .ipv4)
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

extension String {
    /// With the word before the last one.
    func replacingLast(with word: String) -> String {
        var words = split(separator: " ").map(String.init)
        words.insert(word, at: max(0, words.count - 1))
        return words.joined(separator: " ")
    }
}
