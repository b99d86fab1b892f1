/// What a port was like before Weir took it, and must be like again. Kept outside the process too, so that the next start
/// after a crash knows it.
public struct PortOriginals: Sendable, Equatable, Codable {
    /// The interface's index in its network namespace.
    public var index: Int32
    /// What a run calls the port, as configured; nil in notes of earlier versions.
    public var port: String?
    /// The driver's kind (`veth` …); empty for hardware.
    var kind: String
    /// The hardware address in use, and the one that the interface came with (empty where it has none).
    var address: [UInt8]
    var permanentAddress: [UInt8]
    /// The operator's MTU, by which "too big" is judged.
    public var mtu: UInt32
    /// `disable_ipv6`; nil where the kernel has no IPv6.
    var ipv6Disabled: Bool?
    /// The MTU of IPv6 packets, if that is another.
    package var ipv6MTU: UInt32?
    /// Addresses, routes and neighbours that go when IPv6 is switched off.
    package var ipv6State: [SavedMessage]
    /// There was no room for `ipv6State` where this is noted, or that can't be known.
    package var lacksIPv6State: Bool?
    /// Offloads that were on and are off for the run.
    package var offloads: [String]
    /// It was in promiscuous mode; nil if the run hasn't set it to that, or the note is of an earlier version.
    package var wasPromiscuous: Bool?
    /// There was a `clsact` qdisc already: not ours to remove.
    public var hadHook: Bool

    package init(
        of link: Link, ipv6Disabled: Bool?, ipv6MTU: UInt32? = nil, ipv6State: [SavedMessage], offloads: [String], hadHook: Bool
    ) {
        index = link.index
        kind = link.kind
        address = link.address
        permanentAddress = link.permanentAddress
        mtu = link.mtu
        self.ipv6Disabled = ipv6Disabled
        self.ipv6MTU = ipv6MTU
        self.ipv6State = ipv6State
        self.offloads = offloads
        self.hadHook = hadHook
    }

    /// How an interface relates to the one that this is about.
    package enum Kinship: Sendable {
        /// It is the same, and never left.
        case same
        /// It is the same and has been away: removed from this network namespace and brought back. Linux 6.18 keeps MTU and offloads of
        /// such an interface; addresses, qdiscs, filters and the switches under /proc/sys it loses.
        case returned
        case stranger
    }

    /// Compares by index and hardware address. A permanent address decides if there is one; an interface without, as a veth is, goes by
    /// the address in use. Several interfaces may share an address (a VLAN has its device's), so that one of another index counts only
    /// with the MTU that Weir left it with.
    package func kinship(to link: Link) -> Kinship {
        guard kind == link.kind, permanentAddress == link.permanentAddress else { return .stranger }
        guard !permanentAddress.isEmpty || address == link.address else { return .stranger }
        if index == link.index { return .same }
        return link.mtu == mtu &+ PortPreparation.tagRoom ? .returned : .stranger
    }

    /// The operator's MTU of the interface as it is now: another than a run leaves it with is a later wish.
    package func operatorMTU(of link: Link) -> UInt32 { link.mtu == mtu &+ PortPreparation.tagRoom ? mtu : link.mtu }

    /// What isn't as it was, of what a run changes, in words.
    package func changes(of link: Link) -> [String] {
        var changes: [String] = []
        if link.mtu == mtu &+ PortPreparation.tagRoom { changes.append("its MTU is \(link.mtu) (it was \(mtu))") }
        if ipv6Disabled == false, IPv6Switch(index: link.index).isDisabled == true { changes.append("IPv6 is off") }
        let off = offloads.filter { ((try? Offloads(link.name).enabled(among: [$0])) ?? [$0]).isEmpty }
        if !off.isEmpty { changes.append("\(off.joined(separator: ", ")) is off") }
        return changes
    }

    /// Makes it about the interface as it is called and addressed now.
    package mutating func follow(_ link: Link) {
        index = link.index
        address = link.address
    }
}
