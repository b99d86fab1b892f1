import Foundation

/// A network behind the host `far` of a lab, which is its router then:
///
///     near ─── Weir ─── far (router) ─── beyond
///     10.77.0.1      10.77.0.2  10.78.0.1     10.78.0.2
///     fd77::1          fd77::2  fd78::1         fd78::2
final class Network {
    static let addresses = ["10.78.0.2", "fd78::2"]

    let lab: Lab
    private let namespace: String
    private var background: [Background] = []

    /// - Parameter mtu: Of the router's link to what lies beyond; who is there does not know it, and offers segments for 1,500 bytes.
    init(_ lab: Lab, mtu: Int = 1500) throws {
        self.lab = lab
        namespace = lab.namespace(of: .far).replacing("weir-far", with: "weir-beyond")
        try Command.require(["ip", "netns", "add", namespace])
        let far = lab.namespace(of: .far)
        let commands = [
            "ip link add out0 netns \(far) mtu \(mtu) type veth peer name beyond0 netns \(namespace)",
            "ip netns exec \(namespace) sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0",
            "ip netns exec \(far) sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 "
                + "net.ipv6.icmp.ratelimit=0",
            "ip -n \(far) address add 10.78.0.1/24 dev out0", "ip -n \(far) address add fd78::1/64 dev out0 nodad",
            "ip -n \(namespace) address add 10.78.0.2/24 dev beyond0", "ip -n \(namespace) address add fd78::2/64 dev beyond0 nodad",
            "ip -n \(namespace) link set lo up", "ip -n \(far) link set out0 up", "ip -n \(namespace) link set beyond0 up",
            "ip -n \(namespace) route add default via 10.78.0.1", "ip -n \(namespace) route add default via fd78::1",
            "ip -n \(lab.namespace(of: .near)) route add default via 10.77.0.2",
            "ip -n \(lab.namespace(of: .near)) route add default via fd77::2",
        ]
        for command in commands { try Command.require(command.split(separator: " ").map(String.init)) }
        let isUp = try eventually(within: .seconds(3)) {
            try Command.require(["ip", "-n", far, "-brief", "link", "show", "out0"]).contains(" UP ")
                && Command.require(["ip", "-n", namespace, "-brief", "link", "show", "beyond0"]).contains(" UP ")
        }
        guard isUp else { throw CommandFailure(description: "the network beyond has no carrier") }
    }

    deinit {
        for process in background { process.end() }
        _ = try? Command.run(["ip", "netns", "delete", namespace])
    }

    /// Starts a command beyond the router, which goes on until this ends.
    @discardableResult
    func start(_ arguments: [String]) throws -> Background {
        let process = try Background(["ip", "netns", "exec", namespace] + arguments, directory: lab.directory)
        background.append(process)
        return process
    }

    /// Waits until somebody beyond the router listens on a TCP port.
    func awaitListener(on port: Int) throws {
        let command = ["ip", "netns", "exec", namespace, "ss", "-Hltn", "sport = :\(port)"]
        guard try eventually(within: .seconds(5), { try !Command.require(command).isEmpty }) else {
            throw CommandFailure(description: "nobody beyond listens on \(port)")
        }
    }
}
