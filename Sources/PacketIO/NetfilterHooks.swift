import CLinux
import Glibc

/// A chain of nftables that hangs on an interface's frames rather than on the host's packets.
public struct InterfaceChain: Sendable, Equatable {
    public var table: String
    public var name: String
    /// Its hook: at ingress it comes after TCX and tc, at egress before them (net/core/dev.c).
    public var side: HookSide
    /// The interface's name.
    public var interface: String

    /// Chains of family netdev, and of family inet at ingress, with a row for each of their interfaces. Empty where the kernel has no
    /// nftables. Needs CAP_NET_ADMIN.
    public static func all() throws(SystemCallError) -> [InterfaceChain] {
        let netlink: NetlinkSocket
        do throws(SystemCallError) {
            netlink = try NetlinkSocket(protocol: NETLINK_NETFILTER)
        } catch  where error.code == EPROTONOSUPPORT {
            return []
        }
        var found: [InterfaceChain] = []
        for (family, egress, ingress) in [(Self.netdev, 1, 0), (Self.inet, -1, 5)] as [(UInt8, Int32, Int32)] {
            // struct nfgenmsg: family, version, resource.
            let request = NetlinkMessage(type: Self.getChain, header: UInt32(family).littleEndian)
            do throws(SystemCallError) {
                for (_, payload) in try netlink.query(request, dump: true, "list the chains of nftables") {
                    found += chains(payload, egress: egress, ingress: ingress)
                }
            } catch  where error.code == EINVAL || error.code == ENOENT || error.code == EOPNOTSUPP {
                // A kernel without nftables, or without this family.
            }
        }
        return found
    }

    /// `NFNL_SUBSYS_NFTABLES` and `NFT_MSG_GETCHAIN`.
    private static let getChain = 10 << 8 | 4
    /// `NFPROTO_NETDEV` and `NFPROTO_INET`.
    private static let netdev: UInt8 = 5
    private static let inet: UInt8 = 1

    private static func chains(_ payload: ArraySlice<UInt8>, egress: Int32, ingress: Int32) -> [InterfaceChain] {
        // NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK (include/uapi/linux/netfilter/nf_tables.h).
        let attributes = NetlinkReader(payload).attributes(after: 4)
        func content(_ type: Int) -> ArraySlice<UInt8>? { attributes.first { $0.type == type }?.content }
        guard let hook = content(4).map({ NetlinkReader($0).attributes(after: 0) }) else { return [] }
        // NFTA_HOOK_HOOKNUM in network order, NFTA_HOOK_DEV, NFTA_HOOK_DEVS with NFTA_DEVICE_NAMEs.
        let number = hook.first { $0.type == 1 }.flatMap { NetlinkReader($0.content).value(as: Int32.self) }.map { Int32(bigEndian: $0) }
        let side: HookSide? = number == egress ? .egress : number == ingress ? .ingress : nil
        guard let side else { return [] }
        var interfaces = hook.filter { $0.type == 4 }.flatMap { NetlinkReader($0.content).attributes(after: 0) }.map(\.content)
        if interfaces.isEmpty { interfaces = hook.filter { $0.type == 3 }.map(\.content) }
        return interfaces.map { interface in
            InterfaceChain(
                table: content(1).map(NetlinkReader.string) ?? "", name: content(3).map(NetlinkReader.string) ?? "", side: side,
                interface: NetlinkReader.string(interface))
        }
    }
}
