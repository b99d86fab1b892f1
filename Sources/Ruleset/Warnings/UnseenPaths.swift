// What passes although rules would drop it, since they don't look so deep into a frame.

/// Frames that carry packets which no rule sees.
public struct UnseenPath: Sendable, Equatable {
    public var message: String
    /// What closes it.
    public var remedy: String
}

extension Ruleset {
    /// Frames that pass by an accepting policy, though rules drop such packets as they carry: those with several tags, with an LLC and
    /// SNAP header, and those of tunnels. Each is left out if a rule asks for such frames.
    public var unseenPaths: [UnseenPath] {
        var paths: [UnseenPath] = []
        let bridges = tables.filter { $0.family == .bridge }
        if bridges.contains(where: \.acceptsByPolicy) {
            let rules = bridges.flatMap(\.chains).flatMap(\.rules)
            if rules.contains(where: \.dropsByPacket) {
                if !rules.contains(where: { $0.text.contains("8021") }) { paths.append(.tags) }
                if !rules.contains(where: \.asksForLengths) { paths.append(.encapsulation) }
            }
        }
        let hooked = tables.filter { $0.family != .arp && $0.family != .netdev }
        let rules = hooked.flatMap(\.chains).flatMap(\.rules)
        if hooked.contains(where: \.acceptsByPolicy), rules.contains(where: \.dropsByPacket), !rules.contains(where: \.asksForTunnels) {
            paths.append(.tunnels)
        }
        return paths
    }
}

extension UnseenPath {
    fileprivate static let tags = UnseenPath(
        message: "frames with two VLAN tags pass, whatever is in their packets: rules see what follows one VLAN tag (priority tags don't "
            + "count)",
        remedy: "\"weir run --max-tags 1\" drops frames with more, and so does the rule \"meta protocol { 8021q, 8021ad } drop\"")

    /// IEEE 802.3 3.2.6, RFC 1042.
    fileprivate static let encapsulation = UnseenPath(
        message: "frames with a length in place of an EtherType pass, whatever is in their packets: rules don't look into LLC and SNAP",
        remedy: "the rule \"ether type < 0x0600 drop\" closes this; spanning tree needs a rule before it that accepts its address")

    fileprivate static let tunnels = UnseenPath(
        message: "packets inside of tunnels pass, whatever they are: rules look at the outer packet",
        remedy: "the rules \"meta l4proto { 4, 41, 47 } drop\" and \"udp dport { 4789, 6081 } drop\" close this, and so do rules that "
            + "look inside (vxlan ip saddr …)")
}

extension Table {
    fileprivate var acceptsByPolicy: Bool { chains.contains { $0.base?.hook.isOnPath == true && $0.base?.policy == .accept } }
}

extension Rule {
    fileprivate var dropsByPacket: Bool {
        let drops = statements.contains { statement in
            switch statement {
            case .verdict(.drop, _), .verdict(.reject, _): true
            default: false
            }
        }
        return drops
            && fields.contains { field in
                switch field.source {
                case .payload(.network, _), .payload(.transport, _), .searched, .presence: true
                default: false
                }
            }
    }

    private var fields: [Field] {
        statements.flatMap { statement -> [Field] in
            guard case .match(let match) = statement else { return [] }
            return match.key.components.map(\.field)
        }
    }

    /// Whether it may be about frames with a length in place of their type.
    fileprivate var asksForLengths: Bool {
        statements.contains { statement in
            guard case .match(let match) = statement, match.field == .etherType || match.field == .metaProtocol else { return false }
            if match.relation == .notEqual { return true }
            switch match.operand {
            case .single(let value): return value.isBelowTypes
            case .set(let values): return values.contains(where: \.isBelowTypes)
            case .named: return true
            }
        }
    }

    /// Whether it is about a tunnel, or about what one carries.
    fileprivate var asksForTunnels: Bool {
        statements.contains { statement in
            guard case .match(let match) = statement else { return false }
            if match.key.components.contains(where: { $0.field.searchedHeader?.isInner == true }) { return true }
            guard [.metaL4proto, .ipProtocol, .ip6Nexthdr].contains(match.field), !match.isImplied else { return false }
            if match.relation == .notEqual { return true }
            let tunnels: [UInt128] = [4, 41, 47]
            switch match.operand {
            case .single(let value): return tunnels.contains(where: value.holds)
            case .set(let values): return values.contains { value in tunnels.contains(where: value.holds) }
            case .named: return true
            }
        }
    }
}

extension Value {
    /// Whether it may be a length of a frame (IEEE 802.3 3.2.6).
    fileprivate var isBelowTypes: Bool {
        switch self {
        case .number(let number): number < 0x600
        case .range(let low, _): low < 0x600
        case .prefix, .interface, .concatenation: false
        case .any: true
        }
    }

    fileprivate func holds(_ number: UInt128) -> Bool {
        switch self {
        case .number(let own): own == number
        case .range(let low, let high): low <= number && number <= high
        case .any: true
        case .prefix, .interface, .concatenation: false
        }
    }
}
