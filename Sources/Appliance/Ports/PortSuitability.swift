package import PacketIO

/// Which interfaces can't be the ends of a wire, whatever the rules are, and what to take instead.
package enum PortSuitability {
    /// Why an interface can't be a port; nil if it can.
    package static func obstacle(to link: Link, among all: [Link]) -> String? {
        let name = link.name
        if link.isLoopback { return "\(name) is the loopback interface, on which there is no wire; name an Ethernet port" }
        if !link.isEthernet { return "\(name) is not an Ethernet interface, and Weir forwards Ethernet frames only" }
        let lower = all.first { $0.index == link.lower }?.name
        switch link.kind {
        case "macvlan", "macvtap":
            guard let mode = link.macvlanMode, mode != .passthru else { return nil }
            let remedy =
                lower.map { "take \($0) itself, or make \(name) new: ip link add link \($0) name \(name) type \(link.kind) mode passthru" }
                ?? "make it again with \"mode passthru\""
            return "\(name) is a \(link.kind) in \(mode) mode, which gets only broadcasts and frames to its own address; \(remedy)"
        case "ipvlan", "ipvtap":
            return
                "\(name) is an \(link.kind), which gets only packets to its own network addresses; take \(lower ?? "its lower interface") itself"
        case "ifb":
            return "\(name) is an ifb, which has no wire and hands its frames to nobody; name the interface that they come from"
        case "vrf":
            return "\(name) is a VRF, which has no wire; name one of its members"
        default:
            return nil
        }
    }

    /// Why two interfaces, each of which can be a port, can't be the two ends of one wire; nil if they can.
    package static func obstacle(between first: Link, and second: Link, among all: [Link]) -> String? {
        if first.kind == "veth", second.kind == "veth", first.lower == second.index {
            return
                "\(first.name) and \(second.name) are the two ends of one veth, so that what leaves by one comes in by the other for ever; "
                + "name ends of two"
        }
        for (upper, under) in [(first, second), (second, first)] where isAbove(upper, under, all) {
            if under.master == upper.index {
                return "\(under.name) is a member of \(upper.name), so that both have the same frames; "
                    + "name two members, or take \(under.name) out (ip link set \(under.name) nomaster)"
            }
            return "\(upper.name) runs on top of \(under.name), so that both have the same frames; name an interface beside it"
        }
        return nil
    }

    /// Returns true if an interface gets its frames from another, or hands them to it: as its master, its VLAN, its macvlan, or through
    /// several of those.
    private static func isAbove(_ upper: Link, _ under: Link, _ all: [Link]) -> Bool {
        var reached: Set<Int32> = [under.index]
        var added = true
        while added {
            added = false
            for link in all where !reached.contains(link.index) {
                let isMaster = all.contains { reached.contains($0.index) && $0.master == link.index }
                // A veth's other end is no interface below it.
                let runsOnTop = link.kind != "veth" && reached.contains(link.lower)
                guard isMaster || runsOnTop else { continue }
                reached.insert(link.index)
                added = true
            }
        }
        return reached.contains(upper.index)
    }
}
