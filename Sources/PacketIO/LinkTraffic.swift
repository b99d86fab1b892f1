import CLinux
import Glibc

/// Asks an interface how many frames it has received and sent, and which programs have them first.
public final class LinkTraffic {
    /// Frames as the device counts them: where it merges or cuts them, by the pieces on the wire.
    public struct Counts: Sendable, Equatable {
        public var received: UInt64
        public var sent: UInt64
    }

    private let netlink: NetlinkSocket

    public init() throws(SystemCallError) {
        netlink = try NetlinkSocket()
    }

    /// Without the statistics, which drivers may take long to gather (RTEXT_FILTER_SKIP_STATS, include/uapi/linux/rtnetlink.h).
    private static let withoutStatistics: UInt32 = 1 << 3

    /// ENODEV if the interface is gone.
    public func counts(of link: Link) throws(SystemCallError) -> Counts {
        let request = NetlinkMessage(type: RTM_GETLINK, header: ifinfomsg(index: link.index))
        for (_, payload) in try netlink.query(request, dump: false, "ask for the statistics of \(link.name)") {
            let attributes = NetlinkReader(payload).attributes(after: MemoryLayout<ifinfomsg>.size)
            guard let statistics = attributes.first(where: { $0.type == IFLA_STATS64 }) else { continue }
            let reader = NetlinkReader(statistics.content)
            // rx_packets and tx_packets, the first two of struct rtnl_link_stats64.
            guard let received = reader.value(at: 0, as: UInt64.self), let sent = reader.value(at: 8, as: UInt64.self) else { continue }
            return Counts(received: received, sent: sent)
        }
        throw SystemCallError(call: "ask for the statistics of \(link.name)", code: ENODATA)
    }

    /// The XDP programs that run on the interface. ENODEV if it is gone.
    public func programs(of link: Link) throws(SystemCallError) -> [XDPProgram] {
        var request = NetlinkMessage(type: RTM_GETLINK, header: ifinfomsg(index: link.index))
        request.attribute(IFLA_EXT_MASK, Self.withoutStatistics)
        let answers = try netlink.query(request, dump: false, "ask for the XDP programs of \(link.name)")
        return answers.flatMap { answer in
            NetlinkReader(answer.payload).attributes(after: MemoryLayout<ifinfomsg>.size).filter { $0.type == IFLA_XDP }
                .flatMap { XDPProgram.programs(in: $0.content) }
        }
    }
}
