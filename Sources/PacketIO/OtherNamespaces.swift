import CLinux
import Glibc

extension Links {
    /// RTM_NEWNSID, RTM_GETNSID and NETNSA_NSID (include/uapi/linux/rtnetlink.h, net_namespace.h).
    private static let newNamespaceID: UInt16 = 88
    private static let getNamespaceID = 90
    private static let namespaceID = 1
    /// `IFLA_TARGET_NETNSID` (include/uapi/linux/if_link.h).
    private static let targetNamespace = 46

    /// The interfaces of the other network namespaces that this one knows. The kernel gives a namespace a number here at the latest when
    /// an interface of this one moves there (net/core/dev.c, `__dev_change_net_namespace`), and lists it as long as it lives.
    ///
    /// Throws if one of them won't be read: then nothing can be said of what isn't found.
    package func allElsewhere() throws(SystemCallError) -> [Link] {
        // struct rtgenmsg: a family, and what aligns it.
        let numbers = try query(NetlinkMessage(type: Self.getNamespaceID, header: UInt32(0)), "list the network namespaces")
            .filter { $0.type == Self.newNamespaceID }
            .compactMap { answer in
                NetlinkReader(answer.payload).attributes(after: 4).first { $0.type == Self.namespaceID }
                    .flatMap { NetlinkReader($0.content).value(as: Int32.self) }
            }
        var found: [Link] = []
        for number in numbers where number >= 0 {
            var request = NetlinkMessage(type: RTM_GETLINK, header: ifinfomsg())
            request.attribute(Self.targetNamespace, number)
            do throws(SystemCallError) {
                found += try query(request, "list the interfaces of network namespace \(number)").compactMap { Link(message: $0.payload) }
            } catch  where error.code == EINVAL {
                // It has ended since.
            }
        }
        return found
    }
}
