import CLinux
import PacketIO
import Reporting

/// What is looked at before anything is changed.
public enum StartChecks {
    /// What the operator should know of the two interfaces, besides what a run says itself of the guard and what comes before it; throws
    /// what makes the start impossible.
    public static func ports(_ names: [String]) throws -> [String] {
        let links = try Self.links(names)
        let table = try Links()
        let all = try table.all()
        var findings: [Finding] = []
        for (name, link) in zip(names, links) {
            findings += try LinkFindings.of(link, called: name, mtu: link.mtu, isTaken: false, among: all, table)
                // Said of the port itself once Weir has it.
                .filter { $0.topic != .link && $0.topic != .mtu || link.kind == "dummy" }
            findings += EgressFindings.of(link, called: name) + AgentFindings.atStart(link, called: name)
        }
        return findings.filter { $0.severity > .note }.map(\.sentence)
    }

    /// The two interfaces; throws what makes a start impossible.
    static func links(_ names: [String]) throws -> [Link] {
        guard names.count == 2 else {
            throw StartProblem("--ports takes two interfaces with a comma between them, as in --ports eth1,eth2")
        }
        guard names[0] != names[1] else {
            throw StartProblem("both ports are \(names[0]): a wire has two ends, so name two different interfaces")
        }
        let all = try Links().all()
        let links = try names.map { name in
            guard let link = all.first(where: { $0.isCalled(name) }) else {
                let others = all.filter { $0.isEthernet && !$0.isLoopback }.map(\.name).listed(atMost: 16)
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
        return links
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
}
