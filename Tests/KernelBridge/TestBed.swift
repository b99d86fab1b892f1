package import Foundation

/// Why a conformance run can't go on.
package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// A Linux bridge with nft's rules, between two ends of wires, all in this process's own network namespace.
///
///     near0 ─ eth1 ═ br0 ═ eth2 ─ far0
package struct TestBed {
    package static let ports = ["eth1", "eth2"]

    package let near: PacketEnd
    package let far: PacketEnd
    private let folder: URL

    /// Needs a namespace that holds nothing else, as `unshare -n` makes it.
    package init(folder: URL) throws {
        self.folder = folder
        let links = try Self.run("ip -brief link").split(separator: "\n").filter { !$0.hasPrefix("lo ") }
        guard links.allSatisfy({ $0.contains("NONE") || $0.hasPrefix("sit0") || $0.hasPrefix("tunl0") }) else {
            throw Failure("this namespace has interfaces of its own: start it by its tool")
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
            # The host's own IP would show what arrives there to rules once more: a classic program that drops everything.
            for end in near0 far0; do
                tc qdisc add dev $end clsact
                tc filter add dev $end ingress bpf da bytecode '1,6 0 0 2,'
            done
            """
        try Self.run(commands)
        for _ in 0..<1000 {
            let bridge = try Self.run("bridge link")
            if bridge.components(separatedBy: "state forwarding").count == 3 { break }
            Thread.sleep(forTimeInterval: 0.01)
        }
        near = try PacketEnd("near0")
        far = try PacketEnd("far0")
    }

    /// Frames of both directions then cross the bridge in the order in which they are sent.
    package static func stayOnOneProcessor() throws {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let allowed = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
        guard let first = allowed?.split(whereSeparator: { !$0.isNumber }).first else {
            throw Failure("no Cpus_allowed_list in /proc/self/status")
        }
        try run("taskset -pc \(first) \(getpid())")
    }

    /// Runs a shell command to its end and returns what it says; if it fails that is thrown.
    @discardableResult
    package static func run(_ command: String) throws -> String {
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
    /// - Parameter asksPacketHooks: br_netfilter shows IPv4 and IPv6, untagged and behind a tag, to the hooks of `inet`, `ip` and `ip6`.
    package func load(_ rules: String, asksPacketHooks: Bool) throws {
        let file = folder.appending(path: "rules.nft")
        try Data(("flush ruleset\n\(Self.noHost)\n" + rules).utf8).write(to: file)
        if Self.hasPacketHooks {
            let names = ["call-iptables", "call-ip6tables", "filter-vlan-tagged"]
            try Self.run("sysctl -qw \(names.map { "net.bridge.bridge-nf-\($0)=\(asksPacketHooks ? 1 : 0)" }.joined(separator: " "))")
        }
        try Self.run("nft -f \(file.path)")
    }

    /// Broadcasts go up to the bridge's own device too, where the hooks of IP would see some of them once more.
    private static let noHost = "table bridge host { chain input { type filter hook input priority -2147483648; policy drop; }; }"

    /// The version of the nft that PATH leads to, as far as its first two numbers.
    package static var nftVersion: (Int, Int) {
        get throws {
            let text = try run("nft --version")
            guard let numbers = text.firstMatch(of: /v(\d+)\.(\d+)/), let major = Int(numbers.1), let minor = Int(numbers.2) else {
                throw Failure("nft doesn't say its version: \(text)")
            }
            return (major, minor)
        }
    }

    /// br_netfilter is in the kernel.
    package static let hasPacketHooks = FileManager.default.fileExists(atPath: "/proc/sys/net/bridge/bridge-nf-call-iptables")

    /// What nft's rules, named counters and elements have counted.
    package func counts() throws -> Counts {
        let listing = try JSONSerialization.jsonObject(with: Data(try Self.run("nft -j list ruleset").utf8)) as? [String: Any]
        var counts = Counts()
        for object in listing?["nftables"] as? [[String: Any]] ?? [] {
            if let rule = object["rule"] as? [String: Any] {
                let statements = rule["expr"] as? [[String: Any]] ?? []
                counts.rules.append(statements.lazy.compactMap { Count($0["counter"]) }.first)
            }
            if let counter = object["counter"] as? [String: Any], let name = Self.name(of: counter) {
                counts.objects[name] = Count(counter)
            }
            if let set = (object["set"] ?? object["map"]) as? [String: Any], let name = Self.name(of: set) {
                let elements = (set["elem"] as? [Any] ?? []).compactMap { element -> Count? in
                    // A map's element is a pair.
                    let key = (element as? [Any])?.first ?? element
                    return Count(((key as? [String: Any])?["elem"] as? [String: Any])?["counter"])
                }
                counts.elements[name] = elements.sorted()
            }
        }
        return counts
    }

    private static func name(of object: [String: Any]) -> String? {
        guard let family = object["family"], let table = object["table"], let name = object["name"] else { return nil }
        return "\(family) \(table) \(name)"
    }
}

/// What a rule file has counted.
package struct Counts {
    /// In the order of the listing; nil for a rule without a counter.
    package var rules: [Count?] = []
    /// By family, table and name.
    package var objects: [String: Count] = [:]
    /// Of each set's elements, likewise, sorted: elements are written in too many ways to compare them as well.
    package var elements: [String: [Count]] = [:]
}

/// What a counter counted.
package struct Count: Comparable, CustomStringConvertible {
    package var packets = 0
    package var bytes = 0

    package init(packets: Int, bytes: Int) {
        self.packets = packets
        self.bytes = bytes
    }

    /// - Parameter json: nft's object; nil for anything else.
    package init?(_ json: Any?) {
        guard let object = json as? [String: Any], let packets = object["packets"] as? Int, let bytes = object["bytes"] as? Int else {
            return nil
        }
        self.init(packets: packets, bytes: bytes)
    }

    package static func < (left: Count, right: Count) -> Bool { (left.packets, left.bytes) < (right.packets, right.bytes) }

    package var description: String { "\(packets) packets, \(bytes) bytes" }
}

/// Bytes as people look at them.
package func hexadecimal(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
