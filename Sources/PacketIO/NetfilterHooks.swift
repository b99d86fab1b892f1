import CLinux
import Glibc

/// A chain of nftables that hangs on an interface's frames rather than on the host's packets.
public struct InterfaceChain: Sendable, Hashable {
    /// The interfaces that a hook names: one, or all whose names begin so (Linux 6.16).
    public enum Device: Sendable, Hashable {
        case named(String)
        case beginning(String)
    }

    public var table: String
    public var name: String
    /// Its hook: at ingress it comes after TCX and tc, at egress before them (net/core/dev.c).
    public var side: HookSide
    public var device: Device

    public init(table: String, name: String, side: HookSide, device: Device) {
        self.table = table
        self.name = name
        self.side = side
        self.device = device
    }

    /// Returns true if it hangs on the interface.
    public func isOn(_ link: Link) -> Bool {
        switch device {
        case .named(let name): link.isCalled(name)
        case .beginning(let start): link.name.hasPrefix(start)
        }
    }

    /// Chains of family netdev, and of family inet at ingress, with a row for each of their interfaces. Empty where the kernel has no
    /// nftables. Needs CAP_NET_ADMIN.
    public static func all() throws(SystemCallError) -> [InterfaceChain] {
        try chains(of: [(netdev, 1, 0), (inet, -1, 5)]) ?? []
    }

    /// Chains at the egress of interfaces; nil if the kernel has no nftables, or has not loaded it.
    public static func atEgress() throws(SystemCallError) -> [InterfaceChain]? {
        try chains(of: [(netdev, 1, 0)])?.filter { $0.side == .egress }
    }

    private static func chains(of families: [(family: UInt8, egress: Int32, ingress: Int32)]) throws(SystemCallError) -> [InterfaceChain]? {
        let netlink: NetlinkSocket
        do throws(SystemCallError) {
            netlink = try NetlinkSocket(protocol: NETLINK_NETFILTER)
        } catch  where error.code == EPROTONOSUPPORT {
            return nil
        }
        var found: [InterfaceChain]?
        for (family, egress, ingress) in families {
            do throws(SystemCallError) {
                let answers = try query(netlink, Self.getChain, family, "list the chains of nftables")
                let chains = answers.flatMap { Self.chains($0, egress: egress, ingress: ingress) }
                let dormant = chains.isEmpty ? [] : try dormantTables(netlink, family)
                found = (found ?? []) + chains.filter { !dormant.contains($0.table) }
            } catch  where error.code == EINVAL || error.code == ENOENT || error.code == EOPNOTSUPP {
                // A kernel without nftables, or without this family.
            }
        }
        return found
    }

    /// Tables whose chains hang nowhere for the moment (`NFT_TABLE_F_DORMANT`).
    private static func dormantTables(_ netlink: NetlinkSocket, _ family: UInt8) throws(SystemCallError) -> Set<String> {
        let answers = try query(netlink, Self.getTable, family, "list the tables of nftables")
        return Set(
            answers.compactMap { payload in
                // NFTA_TABLE_NAME, NFTA_TABLE_FLAGS.
                let attributes = NetlinkReader(payload).attributes(after: 4)
                let flags = attributes.first { $0.type == 2 }.flatMap { NetlinkReader($0.content).value(as: UInt32.self) } ?? 0
                guard UInt32(bigEndian: flags) & 1 != 0 else { return nil }
                return attributes.first { $0.type == 1 }.map { NetlinkReader.string($0.content) }
            })
    }

    private static func query(
        _ netlink: NetlinkSocket, _ type: Int, _ family: UInt8, _ what: String
    ) throws(SystemCallError) -> [ArraySlice<UInt8>] {
        // struct nfgenmsg: family, version, resource.
        try netlink.query(NetlinkMessage(type: type, header: UInt32(family).littleEndian), dump: true, what).map(\.payload)
    }

    /// `NFNL_SUBSYS_NFTABLES` with `NFT_MSG_GETTABLE` and `NFT_MSG_GETCHAIN`.
    private static let getTable = 10 << 8 | 1
    private static let getChain = 10 << 8 | 4
    /// `NFPROTO_NETDEV` and `NFPROTO_INET`.
    private static let netdev: UInt8 = 5
    private static let inet: UInt8 = 1

    /// The chain of an `NFT_MSG_NEWCHAIN` message, once for each of its devices.
    package static func chains(_ payload: ArraySlice<UInt8>, egress: Int32, ingress: Int32) -> [InterfaceChain] {
        // NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK (include/uapi/linux/netfilter/nf_tables.h).
        let attributes = NetlinkReader(payload).attributes(after: 4)
        func word(_ type: Int) -> ArraySlice<UInt8>? { attributes.first { $0.type == type }?.content }
        guard let hook = word(4).map({ NetlinkReader($0).attributes(after: 0) }) else { return [] }
        // NFTA_HOOK_HOOKNUM in network order, NFTA_HOOK_DEV, NFTA_HOOK_DEVS with NFTA_DEVICE_NAMEs and NFTA_DEVICE_PREFIXes.
        let number = hook.first { $0.type == 1 }.flatMap { NetlinkReader($0.content).value(as: Int32.self) }.map { Int32(bigEndian: $0) }
        let side: HookSide? = number == egress ? .egress : number == ingress ? .ingress : nil
        guard let side else { return [] }
        var devices = hook.filter { $0.type == 4 }.flatMap { NetlinkReader($0.content).attributes(after: 0) }
        if devices.isEmpty { devices = hook.filter { $0.type == 3 }.map { (type: 1, content: $0.content) } }
        return devices.map { type, content in
            // Linux 6.16 and 6.17 tell a beginning by a name without its zero.
            let isBeginning = type == 2 || content.last != 0
            let text = NetlinkReader.string(content)
            return InterfaceChain(
                table: word(1).map(NetlinkReader.string) ?? "", name: word(3).map(NetlinkReader.string) ?? "", side: side,
                device: isBeginning ? .beginning(text) : .named(text))
        }
    }
}

/// Says when anything of nftables changed in this network namespace.
public final class NetfilterEvents: Sendable {
    private let descriptor: Descriptor

    /// Throws `EPROTONOSUPPORT` where the kernel has no nfnetlink. Needs CAP_NET_ADMIN.
    public init() throws(SystemCallError) {
        // NFNLGRP_NFTABLES (include/uapi/linux/netfilter/nfnetlink.h) is group 7.
        descriptor = try NetlinkSocket.open(groups: 1 << 6, flags: Int32(SOCK_NONBLOCK.rawValue), protocol: NETLINK_NETFILTER)
    }

    /// To be polled for `POLLIN`.
    public var number: Int32 { descriptor.number }

    /// Empties the queue. What the messages say is not read: they may be lost, and the caller asks for the chains themselves.
    public func drain() { drainNetlink(descriptor.number) }
}
