import Foundation
import KernelBridge

/// Where the kernel rejects packets: at the ingress of a device, or as a router, in this process's own network namespace.
///
///     near0 ─ eth1 (router) eth2 ─ far0
struct AnswerBed {
    let near: PacketEnd
    let router: UInt64
    private let folder: URL
    private let isRouted: Bool

    init(folder: URL, isRouted: Bool) throws {
        self.folder = folder
        self.isRouted = isRouted
        router = 0x0200_0000_00fe
        // The host's own rates would be arbitrary here, and so would a checksum that is left to a device.
        try TestBed.run(
            """
            set -e
            ip link add near0 type veth peer name eth1
            ip link add far0 type veth peer name eth2
            sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0 \
            net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=100000 net.ipv6.icmp.ratelimit=0 \
            net.ipv4.ip_forward=\(isRouted ? 1 : 0) net.ipv6.conf.all.forwarding=\(isRouted ? 1 : 0) \
            net.ipv6.conf.near0.disable_ipv6=1 net.ipv6.conf.far0.disable_ipv6=1
            ethtool -K eth1 tx off > /dev/null
            ip link set eth1 address 02:00:00:00:00:fe
            for port in eth1 eth2; do sysctl -qw net.ipv6.conf.$port.accept_dad=0 net.ipv6.conf.$port.router_solicitations=0; done
            ip link set near0 arp off up
            ip link set far0 arp off up
            ip link set eth1 up
            ip link set eth2 up
            ip address add 192.168.1.1/24 dev eth1
            ip address add 192.168.2.1/24 dev eth2
            ip -6 address add 2001:db8:aa::1/64 dev eth1 nodad
            ip -6 address add 2001:db8:bb::1/64 dev eth2 nodad
            ip neighbour add 192.168.1.2 lladdr 02:00:00:00:00:01 dev eth1
            ip neighbour add 192.168.2.2 lladdr 02:00:00:00:00:02 dev eth2
            ip -6 neighbour add 2001:db8:aa::2 lladdr 02:00:00:00:00:01 dev eth1
            ip -6 neighbour add 2001:db8:bb::2 lladdr 02:00:00:00:00:02 dev eth2
            ip route add 10.0.0.0/8 via 192.168.1.2
            ip route add 172.16.0.0/16 via 192.168.2.2
            ip -6 route add 2001:db8:1::/48 via 2001:db8:aa::2
            ip -6 route add 2001:db8:2::/48 via 2001:db8:bb::2
            tc qdisc add dev near0 clsact
            tc filter add dev near0 ingress bpf da bytecode '1,6 0 0 2,'
            """)
        near = try PacketEnd("near0")
    }

    /// Has the kernel reject all that comes, in these words.
    func load(_ rule: String) throws {
        let hook =
            isRouted
            ? "table inet t { chain c { type filter hook forward priority 0; \(rule); }; }"
            : "table netdev t { chain c { type filter hook ingress device eth1 priority 0; \(rule); }; }"
        let file = folder.appending(path: "rules.nft")
        try Data("flush ruleset\n\(hook)\n".utf8).write(to: file)
        try TestBed.run("nft -f \(file.path)")
    }
}
