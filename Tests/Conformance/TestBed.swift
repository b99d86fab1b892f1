import CLinux
import Foundation

/// Why a conformance run can't go on.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A Linux bridge with nft's rules, between two ends of wires, all in this process's own network namespace.
///
///     near0 ─ eth1 ═ br0 ═ eth2 ─ far0
struct TestBed {
    static let ports = ["eth1", "eth2"]

    let near: PacketEnd
    let far: PacketEnd
    private let folder: URL

    /// Needs a namespace that holds nothing else, as `unshare -n` makes it.
    init(folder: URL) throws {
        self.folder = folder
        let links = try Self.run("ip -brief link").split(separator: "\n").filter { !$0.hasPrefix("lo ") }
        guard links.allSatisfy({ $0.contains("NONE") || $0.hasPrefix("sit0") || $0.hasPrefix("tunl0") }) else {
            throw Failure("this namespace has interfaces of its own: start it by tools/conformance")
        }
        let commands = """
            set -e
            sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1
            test ! -e /proc/sys/net/bridge || sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
            net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-arptables=0
            ip link add near0 type veth peer name eth1
            ip link add far0 type veth peer name eth2
            ip link add br0 type bridge stp_state 0 mcast_snooping 0 forward_delay 0
            for port in eth1 eth2; do
                ip link set $port master br0 up
                bridge link set dev $port learning off
            done
            ip link set near0 arp off up
            ip link set far0 arp off up
            ip link set br0 arp off up
            """
        try Self.run(commands)
        for _ in 0..<200 {
            let bridge = try Self.run("bridge link")
            if bridge.components(separatedBy: "state forwarding").count == 3 { break }
            Thread.sleep(forTimeInterval: 0.01)
        }
        near = try PacketEnd("near0")
        far = try PacketEnd("far0")
    }

    /// Runs a shell command to its end and returns what it says; if it fails that is thrown.
    @discardableResult
    static func run(_ command: String) throws -> String {
        guard let pipe = popen("{ \(command)\n} 2>&1", "r") else { throw Failure("popen: \(String(cString: strerror(errno)))") }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&part, 1, part.count, pipe)
            if count == 0 { break }
            bytes += part[..<count]
        }
        let status = pclose(pipe)
        let text = String(decoding: bytes, as: UTF8.self)
        guard status == 0 else { throw Failure("'\(command)' failed: \(text)") }
        return text
    }

    /// Loads a rule file in the place of what was there.
    func load(_ rules: String) throws {
        let file = folder.appending(path: "rules.nft")
        try Data(("flush ruleset\n" + rules).utf8).write(to: file)
        try Self.run("nft -f \(file.path)")
    }

    /// What each rule has counted, in the order of the listing; nil for a rule without a counter.
    func counts() throws -> [Count?] {
        let listing = try JSONSerialization.jsonObject(with: Data(try Self.run("nft -j list ruleset").utf8)) as? [String: Any]
        let objects = listing?["nftables"] as? [[String: Any]] ?? []
        return objects.compactMap { $0["rule"] as? [String: Any] }.map { rule in
            let statements = rule["expr"] as? [[String: Any]] ?? []
            let counter = statements.lazy.compactMap { $0["counter"] as? [String: Any] }.first
            guard let packets = counter?["packets"] as? Int, let bytes = counter?["bytes"] as? Int else { return nil }
            return Count(packets: packets, bytes: bytes)
        }
    }
}

/// What a counter counted.
struct Count: Equatable, CustomStringConvertible {
    var packets = 0
    var bytes = 0

    var description: String { "\(packets) packets, \(bytes) bytes" }
}

/// One end of the wire: a packet socket on its interface.
final class PacketEnd {
    private let number: Int32
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(_ interface: String) throws {
        number = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { throw Failure("socket AF_PACKET: \(String(cString: strerror(errno)))") }
        var ignored: Int32 = 1
        setsockopt(number, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignored, 4)
        var size: Int32 = 64 << 20
        setsockopt(number, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4)
        setsockopt(number, SOL_SOCKET, SO_SNDBUFFORCE, &size, 4)
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = UInt16(ETH_P_ALL).bigEndian
        address.sll_ifindex = Int32(if_nametoindex(interface))
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(MemoryLayout<sockaddr_ll>.size)) }
        }
        guard result == 0 else { throw Failure("bind \(interface): \(String(cString: strerror(errno)))") }
    }

    deinit { close(number) }

    /// - Returns: Whether the kernel has taken the frame.
    func send(_ frame: [UInt8]) -> Bool { Glibc.send(number, frame, frame.count, 0) == frame.count }

    /// The source addresses of all frames that have come, in which their numbers are.
    func received() -> [UInt64] {
        var sources: [UInt64] = []
        while true {
            let count = recv(number, &buffer, buffer.count, 0)
            guard count >= 12 else { return sources }
            sources.append(buffer[6..<12].reduce(0) { $0 << 8 | UInt64($1) })
        }
    }
}
