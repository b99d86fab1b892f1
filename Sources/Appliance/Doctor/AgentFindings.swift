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

    /// Who sets up the port while Weir runs: to be said at every start.
    static func atStart(_ link: Link, called name: String) -> [Finding] { managers(of: link, name) }

    /// What takes frames past the rules or the guard: said by a run itself, as long as it goes on.
    static func bypasses(_ link: Link, called name: String) -> [Finding] {
        let chains = ((try? InterfaceChain.all()) ?? []).filter { $0.isOn(link) }
        return Bypass.all(at: link, programs: link.xdpPrograms, chains: chains).map { $0.finding(name) }
            + chains.filter { $0.side == .ingress }.map { chain in
                Finding(
                    .note, .nftables, name,
                    "the nftables chain \(chain.name) of table \(chain.table) hangs on the ingress of \(link.name), and sees nothing while "
                        + "Weir runs")
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
}
