/// An XDP program that runs on an interface, before packet sockets have their copy of a frame.
public struct XDPProgram: Sendable, Hashable {
    /// How it is attached, in the words by which `ip link set dev NAME … off` takes it off. Plain `xdp` is the driver's where the driver
    /// can have one (net/core/dev.c, dev_xdp_mode), whatever runs.
    public enum Mode: String, Sendable {
        case driver = "xdpdrv"
        case generic = "xdpgeneric"
        case offloaded = "xdpoffload"
    }

    public var id: UInt32
    public var mode: Mode

    public init(id: UInt32, mode: Mode) {
        self.id = id
        self.mode = mode
    }

    /// What the content of an IFLA_XDP attribute tells (include/uapi/linux/if_link.h; net/core/rtnetlink.c, rtnl_xdp_fill).
    package static func programs(in content: ArraySlice<UInt8>) -> [XDPProgram] {
        let attributes = NetlinkReader(content).attributes(after: 0)
        // IFLA_XDP_DRV_PROG_ID, IFLA_XDP_SKB_PROG_ID, IFLA_XDP_HW_PROG_ID (Linux 4.18).
        let modes: [(type: Int, mode: Mode)] = [(5, .driver), (6, .generic), (7, .offloaded)]
        func number(_ type: Int) -> UInt32 {
            attributes.first { $0.type == type }.flatMap { NetlinkReader($0.content).value(as: UInt32.self) } ?? 0
        }
        return modes.map { XDPProgram(id: number($0.type), mode: $0.mode) }.filter { $0.id != 0 }
    }
}
