import CLinux
import Glibc

/// A port that can't be taken, in the operator's words.
public struct PortRefusal: Error, CustomStringConvertible {
    public var description: String
}

/// Takes a port from the host for a run, and gives it back.
///
/// Order matters: the guard, which is not made here, comes first and goes last, so that at no moment the host hears or says something
/// on the wire.
public struct PortPreparation {
    /// Bytes that the MTU is raised by, for up to four VLAN tags: the packet socket itself allows for one, and only for
    /// 0x8100 (net/packet/af_packet.c, packet_extra_vlan_len_allowed).
    package static let tagRoom: UInt32 = 16
    /// Addresses and routes that can't be put back are named up to here.
    private static let namedProblems = 8

    public private(set) var link: Link
    private let merging: ReceiveMerging
    public private(set) var originals: PortOriginals
    /// What had to be guessed, for want of a note.
    public private(set) var guess: String?
    /// A guard of Weir's was there already.
    public let isTakenOver: Bool
    /// The interface is the one that was noted earlier.
    public let isKnown: Bool

    /// Looks at the port, changes nothing.
    ///
    /// - Parameters:
    ///   - port: what the run calls it.
    ///   - earlier: what was noted about it, or about another, by this run or by one that didn't end well.
    ///   - isGuarded: a guard of Weir's stands there.
    ///   - hasReturned: the interface has been away since `earlier` was noted.
    ///   - merging: what becomes of GRO for the run.
    public init(
        _ link: Link, port: String, earlier: PortOriginals?, isGuarded: Bool, hasReturned: Bool = false, merging: ReceiveMerging = .keep
    ) throws(SystemCallError) {
        self.link = link
        self.merging = merging
        let unwanted = (try? Offloads(link.name).enabled(among: merging.unwanted)) ?? []
        let ipv6 = IPv6Switch(index: link.index)
        let disabled = ipv6.isDisabled
        let ipv6MTU = ipv6.mtu.flatMap { $0 < link.mtu ? $0 : nil }
        let hasHook = try FilterGuard.hookKind(on: link) != nil
        isTakenOver = isGuarded
        if var earlier, case let kinship = earlier.kinship(to: link), kinship != .stranger {
            // Somebody has set another MTU since.
            if link.mtu != earlier.mtu, link.mtu != earlier.mtu &+ Self.tagRoom {
                earlier.mtu = link.mtu
                earlier.ipv6MTU = ipv6MTU
            }
            earlier.follow(link)
            earlier.offloads += unwanted.filter { !earlier.offloads.contains($0) }
            // Without a guard, and with IPv6 on where it was switched off, it has been away as well: what was on it then is gone.
            if hasReturned || kinship == .returned || (!isGuarded && disabled == false && earlier.ipv6Disabled == false) {
                earlier.ipv6Disabled = disabled
                earlier.ipv6MTU = ipv6MTU
                earlier.ipv6State = disabled == false ? try Links().volatileIPv6State(of: link) : []
                earlier.lacksIPv6State = nil
                earlier.hadHook = isGuarded ? earlier.hadHook : hasHook
            }
            earlier.port = port
            originals = earlier
            isKnown = true
            return
        }
        isKnown = false
        originals = PortOriginals(
            of: link, ipv6Disabled: disabled, ipv6MTU: ipv6MTU,
            ipv6State: disabled == false ? try Links().volatileIPv6State(of: link) : [],
            offloads: unwanted,
            hadHook: !isGuarded && hasHook)
        originals.port = port
        if isGuarded { guessOriginals() }
    }

    /// A guard of Weir's is there, and no note says what the port was like before: then the MTU has been raised, and IPv6 switched off
    /// unless it is off everywhere.
    private mutating func guessOriginals() {
        if link.mtu > 68 + Self.tagRoom { originals.mtu = link.mtu - Self.tagRoom }
        if originals.ipv6Disabled == true {
            originals.ipv6Disabled = IPv6Switch.isDisabledByDefault
            if originals.ipv6Disabled == false { originals.lacksIPv6State = true }
        }
        guess =
            "\(link.name) is guarded by a run of Weir that left no note of what it was like before; it is taken to have had an MTU of "
            + "\(originals.mtu), IPv6 \(originals.ipv6Disabled == false ? "on" : "off") and no clsact qdisc, and is put back so at the end"
    }

    /// Offloads that are on and are switched off for a run.
    package static func unbearableOffloads(of link: Link) -> [String] {
        (try? Offloads(link.name).enabled(among: Offloads.unbearable)) ?? []
    }

    /// Has the port take frames of all addresses after the end of the process too, once it is taken.
    public mutating func keepPromiscuous() { originals.wasPromiscuous = originals.wasPromiscuous ?? link.isPromiscuous }

    /// Throws what makes it impossible to take the port, besides its guard, as far as that can be seen without changing anything.
    public func expectToBeTaken() throws {
        guard originals.ipv6Disabled == false else { return }
        do throws(SystemCallError) {
            try IPv6Switch(index: link.index).expectWritable()
        } catch {
            throw ipv6Refusal(error)
        }
    }

    /// Changes what must be changed, once the guard is in place. Returns what couldn't be done but can be lived without.
    public func take() throws -> [String] {
        var warnings: [String] = []
        if originals.ipv6Disabled == false {
            do throws(SystemCallError) {
                try IPv6Switch(index: link.index).set(disabled: true)
            } catch {
                throw ipv6Refusal(error)
            }
        }
        if !originals.offloads.isEmpty {
            let offloads = try Offloads(Link.currentName(of: link.index))
            let unwanted = originals.offloads.filter(merging.unwanted.contains)
            try? offloads.set(unwanted, on: false)
            let left = try offloads.enabled(among: unwanted)
            if left == [Offloads.genericReceive] {
                warnings.append("\(link.name) keeps GRO on, so segments that it merges may leave with other IPv4 identifications")
            } else if !left.isEmpty {
                warnings.append(
                    "\(link.name) keeps \(left.joined(separator: ", ")) on; frames merged by it can't be forwarded and count as kernel drops"
                )
            }
            // A killed run may have had more off than this one wants.
            let wanted = originals.offloads.filter { !merging.unwanted.contains($0) }
            if !wanted.isEmpty { try? offloads.set(wanted, on: true) }
        }
        if originals.wasPromiscuous == false { try Links().setPromiscuous(true, of: link) }
        if let warning = raiseMTU(from: originals.mtu) { warnings.append(warning) }
        return warnings
    }

    private func ipv6Refusal(_ error: SystemCallError) -> PortRefusal {
        PortRefusal(
            description: "IPv6 can't be switched off on \(link.name) (\(error)), and the host would speak there; "
                + "make /proc/sys writable, or switch IPv6 off beforehand (sysctl net.ipv6.conf.\(link.name).disable_ipv6=1)")
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

    /// To be called with the interface as it is now, under whatever name and address. If its MTU is one that this run didn't set, that
    /// is the new original; returns it then, and a warning if the room above it isn't to be had.
    public mutating func follow(_ now: Link) -> (mtu: UInt32, warning: String?)? {
        let before = link.mtu
        link = now
        originals.follow(now)
        guard now.mtu != before, now.mtu != originals.mtu &+ Self.tagRoom else { return nil }
        originals.mtu = now.mtu
        // The kernel makes it the same again with every change.
        originals.ipv6MTU = nil
        return (now.mtu, raiseMTU(from: now.mtu))
    }

    /// Puts back what is not as it was; what couldn't be, in words. `lowerGuard` takes the guard away.
    public func giveBack(_ lowerGuard: () throws -> Void) -> [String] {
        var failures: [String] = []
        let ipv6 = IPv6Switch(index: link.index)
        var ipv6MTU: UInt32?
        func attempt(_ step: () throws -> Void) {
            do { try step() } catch { failures.append("\(error)") }
        }
        attempt {
            let links = try Links()
            // Another MTU than that of this run is somebody else's wish.
            guard let now = try links.link(index: link.index), now.mtu == originals.mtu &+ Self.tagRoom else { return }
            // So is one of IPv6 that the kernel hasn't set.
            ipv6MTU = ipv6.mtu.flatMap { $0 < now.mtu ? $0 : nil } ?? originals.ipv6MTU
            try links.setMTU(originals.mtu, of: now)
        }
        attempt {
            guard !originals.offloads.isEmpty else { return }
            let offloads = try Offloads(Link.currentName(of: link.index))
            if try offloads.enabled(among: originals.offloads).count < originals.offloads.count {
                try offloads.set(originals.offloads, on: true)
            }
            // A driver may refuse without an error.
            let back = try offloads.enabled(among: originals.offloads)
            let off = originals.offloads.filter { !back.contains($0) }
            if !off.isEmpty { failures.append("\(off.joined(separator: ", ")) can't be switched on again (ethtool -k \(link.name))") }
        }
        attempt { if originals.wasPromiscuous == false { try Links().setPromiscuous(false, of: link) } }
        attempt { try lowerGuard() }
        // Last: the host may speak again from here on, and does so (duplicate address detection).
        let isOff = originals.ipv6Disabled == false && ipv6.isDisabled == true
        if isOff { attempt { try ipv6.set(disabled: false) } }
        // The kernel makes it the interface's own with every change of that and when IPv6 is switched on (net/ipv6/addrconf.c,
        // addrconf_notify).
        if let ipv6MTU, ipv6MTU < originals.mtu { attempt { try ipv6.set(mtu: ipv6MTU) } }
        if isOff {
            attempt {
                let problems = try Links().putBack(originals.ipv6State, on: link)
                failures += problems.prefix(Self.namedProblems).map { "\($0)" }
                if problems.count > Self.namedProblems {
                    failures.append("\(problems.count - Self.namedProblems) more IPv6 addresses, routes or neighbours can't be put back")
                }
            }
        }
        return failures
    }
}
