/// What a selector needs to be true of the packet: the matches that nft puts before it, and what follows from those that are written.
extension RuleChecker {
    /// Appends what has to be matched before the selector.
    mutating func addDependencies(
        of selector: Selector, _ selectorLocation: SourceLocation, _ location: SourceLocation, into sink: inout DiagnosticSink
    ) throws(Diagnostic) {
        try checkFamily(of: selector, selectorLocation)
        if let tunnel = selector.tunnel { return try addInnerDependencies(of: selector, in: tunnel, selectorLocation, location) }
        if let network = selector.field.searchedHeader?.network {
            try addDependencyAtStart(on: network, selectorLocation, location)
        }
        guard let header = selector.header else { return }
        let dependencies = try dependencies(on: header, of: selector, selectorLocation)
        warnOfUntagged(selector, selectorLocation, header, dependencies, into: &sink)
        for dependency in dependencies {
            let values = dependency.numbers.map { Value.number($0) }
            let operand = values.count == 1 ? Operand.single(values[0]) : .set(values)
            statements.append(.match(Match(field: dependency.field, operand: operand, isImplied: true, location: location)))
        }
    }

    /// Before the rule's first statement, a counter as well.
    private mutating func addDependencyAtStart(
        on network: NetworkProtocol, _ selectorLocation: SourceLocation, _ location: SourceLocation
    ) throws(Diagnostic) {
        do throws(ProtocolContext.Failure) {
            guard let dependency = try context.requireAtStart(network), let number = dependency.numbers.first else { return }
            let match = Match(field: dependency.field, operand: .single(.number(number)), isImplied: true, location: location)
            statements.insert(.match(match), at: 0)
        } catch {
            guard case .conflict(let first, let second) = error else { return }
            throw Diagnostic(
                severity: .error, location: selectorLocation,
                message: "conflicting protocols: \(first.rawValue) and \(second.rawValue)")
        }
    }

    mutating func dependencies(
        on header: NetworkProtocol, of selector: Selector, _ selectorLocation: SourceLocation
    ) throws(Diagnostic) -> [ProtocolContext.Dependency] {
        do throws(ProtocolContext.Failure) {
            let dependencies = try context.require(header)
            guard selector.tunnel == nil, let message = try context.requireMessage(of: selector) else { return dependencies }
            return dependencies + [message]
        } catch {
            switch error {
            case .conflict(let first, let second):
                var note: String?
                if first == family.network, first != second {
                    note = "a table \(family.rawValue) sees no other packets; write the rule in a table bridge or inet"
                }
                if second == .vlan { note = "match the tag first: vlan id … ip saddr …" }
                throw Diagnostic(
                    severity: .error, location: selectorLocation,
                    message: "conflicting protocols: \(first.rawValue) and \(second.rawValue)",
                    note: note)
            case .family(let family, let header):
                throw Diagnostic(
                    severity: .error, location: selectorLocation,
                    message: "conflicting protocols: \(family.rawValue) and \(header.rawValue)",
                    note: "a table \(family.rawValue) sees no such packets; write the rule in a table bridge")
            case .messageType(let known, let needed):
                let names = header == .icmpv6 ? NameTable.icmpv6Types : .icmpTypes
                throw Diagnostic(
                    severity: .error, location: selectorLocation,
                    message: "a message of type \(names.name(of: known) ?? String(known)) has no '\(selector.text)'",
                    note: "it is in messages of type \(names.name(of: needed) ?? String(needed))")
            }
        }
    }

    /// nft takes it only in one family, the one in which it says anything.
    func checkFamily(of selector: Selector, _ location: SourceLocation) throws(Diagnostic) {
        if selector.field.connectionKey != nil, family == .arp {
            throw Diagnostic(
                severity: .error, location: location, message: "a table arp has no connections: '\(selector.text)' is not accepted there",
                note: "ARP is never followed; write the rule in a table bridge or inet")
        }
        guard selector.field == .metaNfproto, family != .inet else { return }
        var note = "in a table \(family.rawValue) it is always the same"
        if family == .bridge { note = "write: meta protocol ip, or meta protocol ip6" }
        throw Diagnostic(
            severity: .error, location: location, message: "'meta nfproto' is only accepted in a table inet", note: note)
    }

    /// nft makes `icmp type` on a bridge, and all of IP after `ether` elsewhere, depend on the frame's EtherType, which in a tagged
    /// frame is the tag's.
    private func warnOfUntagged(
        _ selector: Selector, _ location: SourceLocation, _ header: NetworkProtocol, _ dependencies: [ProtocolContext.Dependency],
        into sink: inout DiagnosticSink
    ) {
        guard let type = dependencies.first(where: { $0.field == .etherType })?.numbers.first, header.layer != .link,
            type != 0x0806
        else { return }
        let isIPv6 = type == 0x86dd
        var note = "to match those too, write 'meta protocol \(isIPv6 ? "ip6" : "ip")' before it"
        if family != .bridge { note = "to match those too, write 'meta nfproto \(isIPv6 ? "ipv6" : "ipv4")' at the start of the rule" }
        let what = family == .bridge ? "by itself" : "after a field of the Ethernet header"
        sink.warning(location, "'\(selector.text)' \(what) does not match frames with a VLAN tag", note: note)
    }

    /// Only an equality with numbers says which header comes next; a range, a prefix or a mask says nothing.
    mutating func conclude(from lowered: MatchChecker.Lowered, of syntax: MatchSyntax) throws(Diagnostic) {
        guard syntax.selector.conclusion != nil, lowered.mask == nil, lowered.xor == 0, lowered.relation == .equal else { return }
        switch lowered.operand {
        case .single(let value): try conclude(from: value, of: syntax)
        case .set(let members):
            for value in members { try conclude(from: value, of: syntax) }
        case .named: break
        }
    }

    private mutating func conclude(from value: Value, of syntax: MatchSyntax) throws(Diagnostic) {
        guard case .number(let number) = value else { return }
        if syntax.selector.conclusion == .innerTransport, let next = NetworkProtocol(protocolNumber: number),
            ![.icmp, .icmpv6, .igmp].contains(next)
        {
            throw Diagnostic(
                severity: .error, location: syntax.operand.location,
                message: "'\(syntax.selector.text)' can't be compared with \(next.rawValue): some versions of nft abort there",
                note: "write a range: \(number)-\(number)")
        }
        if syntax.selector.tunnel != nil { return concludeInside(syntax.selector, number) }
        context.conclude(from: syntax.selector.field, number)
    }
}
