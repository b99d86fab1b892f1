import CLinux
public import PacketIO

/// What is looked at before anything is changed.
public enum StartChecks {
    /// The two interfaces, and what the operator should know of them; throws what makes the start impossible.
    public static func ports(_ names: [String]) throws -> (links: [Link], warnings: [String]) {
        guard names.count == 2 else {
            throw StartProblem("--ports takes two interfaces with a comma between them, as in --ports eth1,eth2")
        }
        guard names[0] != names[1] else {
            throw StartProblem("both ports are \(names[0]): a wire has two ends, so name two different interfaces")
        }
        let table = try Links()
        let all = try table.all()
        let links = try names.map { name in
            guard let link = all.first(where: { $0.isCalled(name) }) else {
                let others = all.filter { $0.isEthernet && !$0.isLoopback }.map(\.name).joined(separator: ", ")
                throw StartProblem(
                    "there is no interface \(name)"
                        + (others.isEmpty ? " and no other Ethernet interface here" : "; those that there are: \(others)"))
            }
            return link
        }
        guard links[0].index != links[1].index else {
            throw StartProblem(
                "\(names[0]) and \(names[1]) are the same interface: a wire has two ends, so name two different interfaces")
        }
        let obstacle =
            links.lazy.compactMap { PortSuitability.obstacle(to: $0, among: all) }.first
            ?? PortSuitability.obstacle(between: links[0], and: links[1], among: all)
        if let obstacle { throw StartProblem(obstacle) }
        try privileges()
        return (links, try warnings(links, all: all, table))
    }

    /// Capabilities by their number (include/uapi/linux/capability.h).
    private static let needed = [(12 as UInt64, "CAP_NET_ADMIN"), (13, "CAP_NET_RAW")]

    private static func privileges() throws {
        let held = weir_effective_capabilities()
        let missing = needed.filter { held >> $0.0 & 1 == 0 }.map(\.1)
        guard !missing.isEmpty else { return }
        throw StartProblem(
            "Weir needs \(missing.joined(separator: " and ")) to open packet sockets and set up the ports; "
                + "run it as root, or give the program the capabilities (setcap cap_net_admin,cap_net_raw+ep PROGRAM)")
    }

    private static func warnings(_ links: [Link], all: [Link], _ table: Links) throws -> [String] {
        var warnings: [String] = []
        for link in links {
            if link.kind == "dummy" { warnings.append("\(link.name) is a dummy: nothing comes in there, and what is sent is lost") }
            if link.master != 0 {
                let master = all.first { $0.index == link.master }?.name ?? "another interface"
                warnings.append(
                    "\(link.name) is a member of \(master), which gets none of its frames while Weir runs (ip link set \(link.name) nomaster)"
                )
            }
            let addresses = try table.addresses(of: link).filter { !$0.hasPrefix("fe80:") }
            if !addresses.isEmpty {
                warnings.append(
                    "\(link.name) has the address \(addresses.joined(separator: ", ")), which nobody can reach while Weir runs")
            }
        }
        if links[0].mtu != links[1].mtu {
            warnings.append(
                "the MTUs differ (\(links[0].name) \(links[0].mtu), \(links[1].name) \(links[1].mtu)): "
                    + "packets too big for the smaller one are dropped, and answered where their protocol has an answer")
        }
        return warnings
    }
}
