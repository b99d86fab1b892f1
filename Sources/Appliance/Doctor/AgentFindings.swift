import KernelPath
import PacketIO

/// Other software that has to do with a port.
enum AgentFindings {
    /// Programs that set up interfaces by themselves, by the first 15 bytes of their names.
    private static let managers: [String: (name: String, remedy: @Sendable (String) -> String)] = [
        "NetworkManager": ("NetworkManager", { "tell it not to manage the port: nmcli device set \($0) managed no" }),
        "systemd-network": (
            "systemd-networkd", { "tell it not to manage the port: a .network file with [Match] Name=\($0) and [Link] Unmanaged=yes" }
        ),
        "connmand": ("ConnMan", { "tell it not to manage the port: NetworkInterfaceBlacklist=\($0) in main.conf" }),
        "dhcpcd": ("dhcpcd", { "tell it not to manage the port: denyinterfaces \($0) in dhcpcd.conf" }),
        "wickedd": ("wicked", { "tell it not to manage the port: STARTMODE=off in ifcfg-\($0)" }),
    ]

    /// What can take frames past the rules, or sets up the port meanwhile: to be said at every start.
    static func atStart(_ link: Link, called name: String) -> [Finding] {
        xdp(link, name) + chains(link, name) + managers(of: link, name)
    }

    /// An XDP program runs before packet sockets have their copy, and decides what they see.
    private static func xdp(_ link: Link, _ name: String) -> [Finding] {
        link.xdpPrograms.map { id in
            Finding(
                .fault, .programs, name,
                "the XDP program \(describe(id)) runs at \(link.name) before Weir: what it drops Weir doesn't see, and what it redirects no rule "
                    + "has seen", do: "take it off, or be sure of it: ip link set dev \(link.name) xdp off")
        }
    }

    private static func chains(_ link: Link, _ name: String) -> [Finding] {
        ((try? InterfaceChain.all()) ?? []).filter { link.isCalled($0.interface) }.map { chain in
            let title = "the nftables chain \(chain.name) of table \(chain.table)"
            return switch chain.side {
            case .egress:
                Finding(
                    .fault, .nftables, name,
                    "\(title) runs at the egress of \(link.name) before the guard: it can drop, copy or redirect what Weir sends, and mark "
                        + "the host's frames as Weir's", do: "delete it: nft delete chain netdev \(chain.table) \(chain.name)")
            case .ingress:
                Finding(.note, .nftables, name, "\(title) hangs on the ingress of \(link.name), and sees nothing while Weir runs")
            }
        }
    }

    private static func managers(of link: Link, _ name: String) -> [Finding] {
        OtherProcess.all().filter { managers[$0.name] != nil && $0.sharesNetwork }.compactMap { process in
            guard let manager = managers[process.name], !isLeftAlone(link, by: manager.name) else { return nil }
            return Finding(
                .warning, .manager, name, "\(manager.name) (process \(process.id)) may set up \(link.name) while Weir runs",
                do: manager.remedy(link.name))
        }
    }

    /// The manager's own notes say that it doesn't touch the interface.
    private static func isLeftAlone(_ link: Link, by manager: String) -> Bool {
        switch manager {
        case "NetworkManager": ProcFile.lines("/run/NetworkManager/devices/\(link.index)").contains("managed=false")
        case "systemd-networkd": ProcFile.lines("/run/systemd/netif/links/\(link.index)").contains("ADMIN_STATE=unmanaged")
        default: false
        }
    }

    /// Packet sockets of others hear everything on the port, and can send past the guard.
    ///
    /// - Parameter weir: The process that runs on the port, if one does.
    static func packetSockets(_ link: Link, called name: String, besides weir: Int32?) -> [Finding] {
        let sockets = ListedPacketSocket.all().filter { $0.interface == link.index || $0.interface == 0 }
        guard !sockets.isEmpty else { return [] }
        let processes = OtherProcess.all().filter(\.sharesNetwork).map { ($0, $0.sockets) }
        var holders: Set<String> = []
        for socket in sockets {
            let process = processes.first { $0.1.contains(socket.inode) }?.0
            if let process, process.id == weir { continue }
            holders.insert(process.map { "\($0.name) (process \($0.id))" } ?? "a process that can't be seen from here")
        }
        return holders.sorted().map { holder in
            Finding(
                .warning, .packetSockets, name,
                "\(holder) has a packet socket at \(link.name): it hears what comes in, and can send past the guard",
                do: "end it unless you want it there")
        }
    }

    static func describe(_ id: UInt32) -> String {
        let name = (try? BPFProgram(id: id).information().name) ?? ""
        return name.isEmpty ? "\(id)" : "\(id) \"\(name)\""
    }
}
