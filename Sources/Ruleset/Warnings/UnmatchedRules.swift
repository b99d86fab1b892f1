// Warnings of rules that nft takes and that no frame can match where they stand, or that do nothing here.

extension Table {
    /// Warns of matches that contradict their family, their hook or each other, and of settings for the host only.
    func warnOfUnmatchedRules(_ fragments: FragmentView = .whole, into sink: inout DiagnosticSink) {
        for chain in chains {
            if chain.base?.hook.isOnPath == false { continue }
            for rule in chain.rules {
                if let finding = chain.base.flatMap(rule.trackingFinding) {
                    sink.warning(finding.location, finding.message, note: finding.note)
                }
                for case .hostSetting(let setting, let location) in rule.statements {
                    let (words, note) = setting.warning
                    sink.warning(location, "'\(words)' does nothing on a wire", note: note)
                }
                var check = MatchConsistency(family: family, hook: chain.base?.hook, fragments: fragments)
                for statement in rule.statements {
                    // What was matched before a change may be otherwise after it.
                    if statement.traits.changesPacket { break }
                    guard case .match(let match) = statement, let finding = check.add(match) else { continue }
                    sink.warning(match.location, finding.message, note: finding.note)
                    break
                }
            }
        }
    }
}

/// What the matches of one rule leave possible, as far as that can be told without a frame.
private struct MatchConsistency {
    struct Finding {
        var message: String
        var note: String
    }

    let family: Family
    /// Nil in a chain that is jumped to: it may be asked from several.
    let hook: Hook?
    let fragments: FragmentView
    /// `ip6 nexthdr icmpv6` has been matched, or a type of message of multicast listeners.
    private var followsIPv6 = false
    private var isListenerMessage = false
    /// Protocols that packets may still be of; nil on a bridge, where they may be of any.
    private var networks: [NetworkProtocol]?
    /// Numbers that fields may still have; a field that is missing may have any.
    private var candidates: [Field: [UInt128]] = [:]
    /// Both types of tags have been asked for in one set, after which nft looks for a tag after the tag.
    private var hasMixedTags = false

    init(family: Family, hook: Hook?, fragments: FragmentView) {
        self.family = family
        self.hook = hook
        self.fragments = fragments
        networks =
            switch family {
            case .bridge, .arp, .netdev: nil
            case .inet: [.ip, .ip6]
            case .ip: [.ip]
            case .ip6: [.ip6]
            }
    }

    /// What is wrong with the match after the previous ones, if anything.
    mutating func add(_ match: Match) -> Finding? {
        // Two that look the same draw two numbers.
        if match.field.generator != nil { return nil }
        if let finding = interfaceFinding(match) ?? secondTagFinding(match) ?? fragmentFinding(match) ?? listenerFinding(match) {
            return finding
        }
        if let before = networks {
            let remaining = before.filter { network in
                possibleValues(of: match.field, in: network).map { $0.contains(where: match.admits) } ?? true
            }
            if remaining.isEmpty { return familyFinding(match, among: before) }
            networks = remaining
        }
        if let possible = candidates[match.field] ?? frameValues(of: match.field) {
            let remaining = possible.filter(match.admits)
            if remaining.isEmpty { return contradiction(match, possible) }
            candidates[match.field] = remaining
        } else if let numbers = match.numbers {
            candidates[match.field] = numbers
        }
        return foreignICMP(match)
    }

    private func interfaceFinding(_ match: Match) -> Finding? {
        guard let hook, let port = match.field.port, hook == .prerouting && port == .egress || hook == .postrouting && port == .ingress
        else { return nil }
        let verb = match.relation == .equal || !match.field.isInterface ? "never matches" : "always matches"
        let other = match.field.words.ofOtherPort
        return Finding(
            message: "'\(match.field.words)' \(verb) at the hook \(hook.rawValue), where it is not known",
            note: "both ports are known at the hook forward; here there is '\(other)'")
    }

    private func fragmentFinding(_ match: Match) -> Finding? {
        let field = match.field
        if fragments == .nothing { return nil }
        if field == .ipFragOff || fragments.numbers(of: field) != nil {
            let possible = field == .ipFragOff ? fragments.ipv4Offsets : fragments.numbers(of: field) ?? []
            guard !match.key.isConcatenation, !possible.contains(where: match.admits) else { return nil }
            return Finding(message: fragments.message(for: field), note: FragmentView.remedy)
        }
        guard fragments == .whole, case .presence(let header) = field.source, header.kind == .ipv6ExtensionHeader, header.number == 44,
            match.admits(1), !match.admits(0)
        else { return nil }
        return Finding(
            message: "'\(field.words)' only matches atomic fragments: rules see whole datagrams", note: FragmentView.remedy)
    }

    /// Messages of multicast listeners have a header of hop-by-hop options before them (RFC 2710 3, RFC 3810 5).
    private mutating func listenerFinding(_ match: Match) -> Finding? {
        guard let numbers = match.numbers else { return nil }
        if match.field == .ip6Nexthdr, numbers.contains(58), !numbers.contains(0) { followsIPv6 = true }
        if match.field == .icmpv6Type, numbers.contains(where: { [130, 131, 132, 143].contains($0) }) { isListenerMessage = true }
        guard followsIPv6, isListenerMessage, match.field == .ip6Nexthdr || match.field == .icmpv6Type else { return nil }
        return Finding(
            message: "'ip6 nexthdr icmpv6' matches no message of multicast listeners: hop-by-hop options come before it",
            note: "write 'meta l4proto icmpv6' in its place")
    }

    private mutating func secondTagFinding(_ match: Match) -> Finding? {
        let selector = Selector.reading(match.field)
        if match.field == .etherType, match.relation == .equal, let numbers = match.numbers, numbers.contains(0x8100),
            numbers.contains(0x88a8)
        {
            hasMixedTags = true
            return nil
        }
        guard hasMixedTags, selector.header == .vlan, selector.tunnel == nil, selector.field != match.field else { return nil }
        return Finding(
            message: "after a set of both tag types nft reads '\(match.field.words)' from the second tag",
            note: "write a rule for each type: ether type 8021ad \(match.field.words) …")
    }

    /// Values that the field has in packets of that protocol, in the frames that an `inet`, `ip` or `ip6` table sees.
    private func possibleValues(of field: Field, in network: NetworkProtocol) -> [UInt128]? {
        let isIPv4 = network == .ip
        let type: UInt128 = isIPv4 ? 0x0800 : 0x86dd
        switch field {
        case .metaNfproto: return [isIPv4 ? 2 : 10]
        case .metaProtocol, .vlanType: return [type]
        case .etherType: return [type, 0x8100, 0x88a8]
        case .metaPkttype: return [0, 1, 2]
        case .vlanId, .vlanPcp, .vlanDei, .vlanCfi: return nil
        default:
            // A tag after the tag: these tables don't see such frames.
            return Selector.reading(field).header == .vlan && field.words == "vlan type" ? [] : nil
        }
    }

    /// Values that the field has in any frame.
    private func frameValues(of field: Field) -> [UInt128]? {
        switch field {
        case .metaPkttype where family == .bridge: [1, 2, 3]
        case .ipVersion: [4]
        case .ip6Version: [6]
        default: field.onlyNumber.map { [UInt128($0)] }
        }
    }

    private func familyFinding(_ match: Match, among networks: [NetworkProtocol]) -> Finding {
        let seen = networks.map { $0 == .ip ? "IPv4" : "IPv6" }.joined(separator: " and ")
        var note = "only \(seen) packets come here, untagged or with a single tag"
        if match.field == .metaPkttype { note = "in a table \(family.rawValue) it is host, broadcast or multicast" }
        return Finding(message: "'\(match.field.words)' never matches this in a table \(family.rawValue)", note: note)
    }

    private func contradiction(_ match: Match, _ possible: [UInt128]) -> Finding {
        let selector = Selector.reading(match.field)
        let values = possible.prefix(8).map { selector.type.printedName(of: $0) ?? ValueText(selector).plain($0) }
        return Finding(
            message: "this rule never matches: '\(match.field.words)' can't be so here",
            note: "what remains for it is \(values.joined(separator: ", "))")
    }

    /// Each version of IP has its own protocol for this; the other's number in it means something else, or nothing.
    private func foreignICMP(_ match: Match) -> Finding? {
        let selector = Selector.reading(match.field)
        guard let networks, networks.count == 1, let header = selector.header, selector.tunnel == nil, !match.isImplied else { return nil }
        switch (networks[0], header.record.network) {
        case (.ip, .ip6):
            return Finding(message: "'\(match.field.words)' does not occur in IPv4", note: "write icmp in its place")
        case (.ip6, .ip):
            return Finding(message: "'\(match.field.words)' does not occur in IPv6", note: "write icmpv6 in its place")
        default: return nil
        }
    }
}

extension Match {
    /// True if the field may have this number.
    fileprivate func admits(_ number: UInt128) -> Bool {
        if key.isConcatenation || key.first.xor != 0 { return true }
        let number = mask.map { number & $0 } ?? number
        guard let values = writtenValues else { return true }
        let isAmong = values.contains { value in
            if case .interface = value { return true }
            let bounds = value.bounds(of: field)
            return bounds.low <= number && number <= bounds.high
        }
        return isAmong == (relation == .equal)
    }

    /// All numbers that the field may have, if the match lists them.
    fileprivate var numbers: [UInt128]? {
        guard !key.isConcatenation, mask == nil, key.first.xor == 0, relation == .equal, !field.isInterface, let values = writtenValues
        else { return nil }
        let numbers = values.compactMap { if case .number(let number) = $0 { number } else { nil } }
        return numbers.count == values.count ? numbers : nil
    }

    /// What stands in the match itself; nil where a set of the table is named.
    private var writtenValues: [Value]? {
        switch operand {
        case .single(let value): [value]
        case .set(let members): members
        case .named: nil
        }
    }
}

extension String {
    /// The words of a selector that asks for the one port, for the other.
    fileprivate var ofOtherPort: String {
        split(separator: " ").map { word in
            if word.hasPrefix("iif") { return "oif" + word.dropFirst(3) }
            return word.hasPrefix("oif") ? "iif" + word.dropFirst(3) : String(word)
        }.joined(separator: " ")
    }
}
