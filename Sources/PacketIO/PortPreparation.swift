import CLinux
import Glibc

/// What a port was like before Weir took it, and must be like again. Kept outside the process too, so that the next start
/// after a crash knows it.
public struct PortOriginals: Sendable, Equatable, Codable {
    /// The interface that this is about: one made again under the same name is another.
    public var index: Int32
    /// The operator's MTU, by which "too big" is judged.
    public var mtu: UInt32
    /// `disable_ipv6`; nil where the kernel has no IPv6.
    var ipv6Disabled: Bool?
    /// Static addresses and routes that go when IPv6 is switched off.
    var ipv6State: [SavedMessage]
    /// Offloads that were on and are off for the run.
    package var offloads: [String]
    /// There was a `clsact` qdisc already: not ours to remove.
    var hadHook: Bool

    package init(
        index: Int32, mtu: UInt32, ipv6Disabled: Bool?, ipv6State: [SavedMessage], offloads: [String], hadHook: Bool
    ) {
        self.index = index
        self.mtu = mtu
        self.ipv6Disabled = ipv6Disabled
        self.ipv6State = ipv6State
        self.offloads = offloads
        self.hadHook = hadHook
    }
}

/// A port that can't be taken, in the operator's words.
public struct PortRefusal: Error, CustomStringConvertible {
    public var description: String
}

/// Takes a port from the host for a run, and gives it back.
///
/// Order matters: the guard comes first and goes last, so that at no moment the host hears or says something on the wire.
public struct PortPreparation {
    /// Bytes that the MTU is raised by, for up to four VLAN tags: the packet socket itself allows for one, and only for
    /// 0x8100 (net/packet/af_packet.c, packet_extra_vlan_len_allowed).
    static let tagRoom: UInt32 = 16

    public let link: Link
    public private(set) var originals: PortOriginals

    /// Looks at the port, changes nothing. `earlier` is what a run that didn't end well noted down.
    public init(_ link: Link, earlier: PortOriginals?) throws(SystemCallError) {
        self.link = link
        if var earlier, earlier.index == link.index {
            // Somebody has set another MTU since.
            if link.mtu != earlier.mtu, link.mtu != earlier.mtu &+ Self.tagRoom { earlier.mtu = link.mtu }
            originals = earlier
            return
        }
        let disabled = IPv6Switch(link.name).isDisabled
        originals = PortOriginals(
            index: link.index, mtu: link.mtu, ipv6Disabled: disabled,
            ipv6State: disabled == false ? try Links().volatileIPv6State(of: link) : [],
            offloads: (try? Offloads(link.name).enabled(among: Offloads.unbearable)) ?? [],
            hadHook: try TrafficControl(link).hookKind() != nil)
    }

    /// Puts the guard in place and changes what must be changed. Returns what couldn't be done but can be lived without.
    public func take() throws -> [String] {
        var warnings = try raiseGuard()
        if originals.ipv6Disabled == false {
            do throws(SystemCallError) {
                try IPv6Switch(link.name).set(disabled: true)
            } catch {
                throw PortRefusal(
                    description: "IPv6 can't be switched off on \(link.name) (\(error)), and the host would speak there; "
                        + "check that /proc/sys is writable")
            }
        }
        if !originals.offloads.isEmpty {
            let offloads = try Offloads(link.name)
            try? offloads.set(originals.offloads, on: false)
            let left = try offloads.enabled(among: originals.offloads)
            if !left.isEmpty {
                warnings.append(
                    "\(link.name) keeps \(left.joined(separator: ", ")) on; frames merged by it can't be forwarded and count as kernel drops"
                )
            }
        }
        if let warning = raiseMTU(from: originals.mtu) { warnings.append(warning) }
        return warnings
    }

    /// Room for tags above an MTU that the operator has set; a warning if the device won't have it.
    private func raiseMTU(from mtu: UInt32) -> String? {
        do {
            try Links().setMTU(mtu &+ Self.tagRoom, of: link)
            return nil
        } catch {
            return
                "\(link.name) takes no MTU above \(mtu), so full-size frames with other tags than one 802.1Q tag can't be sent (\(error))"
        }
    }

    /// To be called when the interface's MTU was seen to have changed. If it wasn't this run that set it, it is the new
    /// original; returns that MTU then, and a warning if the room above it isn't to be had.
    public mutating func noteMTU(_ mtu: UInt32) -> (mtu: UInt32, warning: String?)? {
        guard mtu != originals.mtu &+ Self.tagRoom else { return nil }
        originals.mtu = mtu
        return (mtu, raiseMTU(from: mtu))
    }

    /// Puts everything back as it was; what couldn't be, in words.
    public func giveBack() -> [String] {
        var failures: [String] = []
        func attempt(_ step: () throws -> Void) {
            do { try step() } catch { failures.append("\(error)") }
        }
        attempt { try Links().setMTU(originals.mtu, of: link) }
        attempt { if !originals.offloads.isEmpty { try Offloads(link.name).set(originals.offloads, on: true) } }
        attempt { try lowerGuard() }
        // Last: the host may speak again from here on, and does so (duplicate address detection).
        if originals.ipv6Disabled == false {
            attempt { try IPv6Switch(link.name).set(disabled: false) }
            for message in originals.ipv6State { attempt { try Links().replay(message, on: link.name) } }
        }
        return failures
    }

    // MARK: guard

    private func raiseGuard() throws -> [String] {
        let control = try TrafficControl(link)
        switch try control.hookKind() {
        case nil:
            do throws(SystemCallError) {
                try control.addClsact()
            } catch {
                throw guardRefusal(error)
            }
        case "clsact":
            break
        case let kind?:
            throw PortRefusal(
                description: "\(link.name) has a qdisc of kind \"\(kind)\", which has no place for a rule that keeps the host silent; "
                    + "replace it with clsact (tc qdisc del dev \(link.name) \(kind); tc qdisc add dev \(link.name) clsact)")
        }
        var warnings: [String] = []
        for side in TrafficControl.Side.allCases {
            let filters = try control.filters(side)
            if filters.contains(where: \.isOurs) { continue }
            let taken = Set(filters.map(\.preference))
            // The first to run decides, so ours must be that; where somebody's filter is the first already, the next place.
            guard let preference = (1...UInt32(UInt16.max)).first(where: { !taken.contains($0) }) else { continue }
            if preference > 1 {
                warnings.append(
                    "\(link.name) has a tc \(side) filter of preference 1, which runs before Weir's: frames that it accepts or redirects get past"
                )
            }
            do throws(SystemCallError) {
                switch side {
                case .ingress: try control.addIngressDrop(preference: preference)
                case .egress: try control.addEgressSilence(preference: preference)
                }
            } catch {
                throw guardRefusal(error)
            }
        }
        return warnings
    }

    private func guardRefusal(_ error: SystemCallError) -> PortRefusal {
        PortRefusal(
            description: "the host can't be kept off \(link.name) (\(error)); "
                + "the kernel must have the clsact qdisc, and cls_matchall with act_gact or cls_bpf")
    }

    private func lowerGuard() throws(SystemCallError) {
        let control = try TrafficControl(link)
        guard try control.hookKind() != nil else { return }
        var othersAreThere = false
        for side in TrafficControl.Side.allCases {
            for filter in try control.filters(side) {
                if filter.isOurs { try control.remove(filter, side) } else { othersAreThere = true }
            }
        }
        if !originals.hadHook, !othersAreThere { try control.removeClsact() }
    }
}

/// `net.ipv6.conf.NAME.disable_ipv6`.
private struct IPv6Switch {
    let path: String

    init(_ name: String) {
        path = "/proc/sys/net/ipv6/conf/\(name)/disable_ipv6"
    }

    /// nil where the kernel has no IPv6.
    var isDisabled: Bool? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        return fgetc(file) != Int32(UInt8(ascii: "0"))
    }

    func set(disabled: Bool) throws(SystemCallError) {
        let number = try systemCall("open \(path)") { open(path, O_WRONLY | O_CLOEXEC) }
        let file = Descriptor(owning: number)
        try systemCall("write \(path)") { write(file.number, disabled ? "1" : "0", 1) }
    }
}
