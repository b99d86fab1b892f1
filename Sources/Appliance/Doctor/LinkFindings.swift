import Firewall
import PacketIO
import Reporting

/// What an interface itself is like, and the other interface of the wire.
enum LinkFindings {
    /// - Parameters:
    ///   - mtu: The operator's; the interface's own is larger while Weir runs.
    ///   - isTaken: Weir runs on it.
    static func of(
        _ link: Link, called name: String, mtu: UInt32, isTaken: Bool, among all: [Link], _ table: Links
    ) throws(SystemCallError) -> [Finding] {
        var findings: [Finding] = []
        func add(_ severity: Finding.Severity, _ topic: Finding.Topic, _ text: String, _ remedy: String? = nil) {
            findings.append(Finding(severity, topic, name, text, do: remedy))
        }
        if link.kind == "dummy" { add(.warning, .link, "\(link.name) is a dummy: nothing comes in there, and what is sent is lost") }
        if !link.isUp {
            add(.warning, .link, "\(link.name) is down, so nothing passes", "set it up: ip link set \(link.name) up")
        } else if !link.isRunning {
            add(.warning, .link, "\(link.name) has no carrier, so nothing passes", "look after its cable or peer")
        }
        if link.master != 0 {
            let master = all.first { $0.index == link.master }?.name ?? "another interface"
            add(
                .warning, .stack, "\(link.name) is a member of \(master), which gets none of its frames while Weir runs",
                "take it out: ip link set \(link.name) nomaster")
        }
        let above = all.filter { $0.lower == link.index && $0.kind != "veth" }.map(\.name)
        if !above.isEmpty {
            add(.note, .stack, "\(above.listed()) on top of \(link.name) can't be used while Weir runs")
        }
        let addresses = try table.addresses(of: link).filter { !$0.hasPrefix("fe80:") }
        if !addresses.isEmpty {
            add(
                .warning, .silence,
                "\(link.name) has the address \(addresses.listed()), which nobody can reach while Weir runs")
        }
        if let largest = link.largestMTU, largest < mtu &+ PortPreparation.tagRoom {
            add(
                .warning, .mtu,
                "\(link.name) takes no MTU above \(largest), so full-size frames with other tags than one 802.1Q tag can't be sent",
                "lower the MTU of the hosts by \(mtu &+ PortPreparation.tagRoom &- largest) if they use such tags")
        }
        let offloads = PortPreparation.unbearableOffloads(of: link)
        if !offloads.isEmpty {
            let names = offloads.joined(separator: ", ")
            if isTaken {
                add(
                    .warning, .offloads, "\(names) is on at \(link.name), and frames merged by it can't be forwarded",
                    "switch it off: " + offloads.map { "ethtool -K \(link.name) \($0) off" }.joined(separator: "; "))
            } else {
                add(.note, .offloads, "\(names) is on at \(link.name), and is switched off while Weir runs")
            }
        }
        return findings
    }

    /// What the two have to do with each other.
    /// - Parameter handling: As the run has it; nil where that is not known.
    static func between(_ names: [String], mtus: [UInt32], _ handling: TooBigHandling?) -> [Finding] {
        guard mtus[0] != mtus[1] else { return [] }
        let consequence =
            switch handling {
            case .fragment: "leave in fragments or are dropped, and their senders told (--too-big fragment)"
            case .answer: "are dropped, and their senders told where they are IPv6 or have DF (--too-big answer)"
            case .drop: "are dropped, and nobody is told (--too-big drop)"
            case nil: "leave in fragments or are dropped, and their senders told or not (--too-big)"
            }
        return [
            Finding(
                .warning, .mtu, nil,
                "the MTUs differ (\(names[0]) \(mtus[0]), \(names[1]) \(mtus[1])): packets too big for the smaller one "
                    + consequence)
        ]
    }
}
