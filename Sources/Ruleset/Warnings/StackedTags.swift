// What rules can't see after several VLAN tags.

extension Ruleset {
    /// True if frames with two VLAN tags would pass although rules drop such packets: a bridge chain's policy accepts, rules drop by what
    /// stands in packets, and no rule asks for the types of tags. Rules see the packet after one VLAN tag.
    public var passesPacketsBehindTags: Bool {
        let bridges = tables.filter { $0.family == .bridge }
        let accepts = bridges.contains { $0.chains.contains { $0.base?.hook.isOnPath == true && $0.base?.policy == .accept } }
        guard accepts else { return false }
        let rules = bridges.flatMap(\.chains).flatMap(\.rules)
        return rules.contains(where: \.dropsByPacket) && !rules.contains { $0.text.contains("8021") }
    }
}

extension Rule {
    fileprivate var dropsByPacket: Bool {
        let drops = statements.contains { if case .verdict(.drop, _) = $0 { true } else { false } }
        return drops
            && statements.contains { statement in
                guard case .match(let match) = statement else { return false }
                return match.key.components.contains { component in
                    switch component.field.place {
                    case .header(.network, _), .header(.transport, _), .searched, .presence: true
                    case .header(.link, _), nil: false
                    }
                }
            }
    }
}
