// A warning of what a whole file leaves open.

extension Checker {
    /// Chains of IP see packets of IP; whatever else comes along the wire no rule has seen when it passes.
    mutating func warnOfUnseenFrames(in tables: [Table]) {
        let hooked = tables.filter { table in table.family != .arp && table.chains.contains { $0.base?.hook.isOnPath == true } }
        guard let first = hooked.first, !hooked.contains(where: { $0.family == .bridge }) else { return }
        let families = Set(hooked.map(\.family))
        let seen = families == [.ip] ? "IPv4" : families == [.ip6] ? "IPv6" : "IP"
        let others = seen == "IP" ? "ARP" : seen == "IPv4" ? "IPv6, ARP" : "IPv4, ARP"
        sink.warning(
            first.location, "rules only see packets of \(seen): \(others), frames with two VLAN tags and everything else pass",
            note: "a table bridge with a base chain sees every frame")
    }
}

extension Ruleset {
    /// True if no chain sees the frames that are forwarded, so that all of them pass: there is none, or none has a hook on their way.
    public var judgesNoFrame: Bool {
        !tables.contains { table in table.chains.contains { $0.isMet(in: table) } }
    }
}
