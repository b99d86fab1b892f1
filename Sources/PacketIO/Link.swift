import CLinux
import Glibc

/// A network interface as rtnetlink shows it.
public struct Link: Sendable, Equatable {
    /// IFNAMSIZ (include/uapi/linux/if.h): bytes of a name with its terminating zero.
    static let nameCapacity = 16
    /// ALTIFNAMSIZ (include/uapi/linux/if.h): the same for an alternative name.
    static let alternativeNameCapacity = 128

    /// What kind of macvlan or macvtap an interface is (`MACVLAN_MODE_…`, include/uapi/linux/if_link.h).
    public enum MacvlanMode: UInt32, Sendable {
        case `private` = 1
        case vepa = 2
        case bridge = 4
        /// The interface has its lower interface for itself, and carries frames of any address.
        case passthru = 8
        case source = 16
    }

    public var index: Int32
    public var name: String
    /// Names beside `name` (`ip link property add … altname`).
    public var alternativeNames: [String] = []
    /// `IFF_…` flags.
    public var flags: UInt32
    /// Bytes of network-layer payload in a frame.
    public var mtu: UInt32
    /// `ARPHRD_…`: what kind of hardware, 1 for Ethernet.
    public var hardwareType: UInt16
    /// The bridge, bond or VRF that it is a member of, or 0.
    public var master: Int32
    /// The interface of this network namespace that it runs on top of, or the other end of a veth; 0 for none.
    public var lower: Int32 = 0
    /// Its driver's kind (`veth`, `macvlan` …); empty for hardware.
    public var kind = ""
    /// The mode of a macvlan or a macvtap.
    public var macvlanMode: MacvlanMode?
    /// The largest super-frames that it takes.
    public var superFrames = SuperFrameLimits()
    /// The largest MTU that it takes; nil where it doesn't say.
    public var largestMTU: UInt32?
    /// The XDP programs that run on it.
    public var xdpPrograms: [XDPProgram] = []
    /// The hardware address in use.
    public var address: [UInt8] = []
    /// The hardware address that it came with; empty where it has none, as a veth has not.
    public var permanentAddress: [UInt8] = []

    public init(index: Int32, name: String, flags: UInt32 = 0, mtu: UInt32, hardwareType: UInt16, master: Int32) {
        self.index = index
        self.name = name
        self.flags = flags
        self.mtu = mtu
        self.hardwareType = hardwareType
        self.master = master
    }

    /// Set up by the operator (`ip link set … up`).
    public var isUp: Bool { flags & UInt32(IFF_UP) != 0 }
    /// Up and with a carrier.
    public var isRunning: Bool { isUp && flags & UInt32(IFF_RUNNING) != 0 }
    /// Set to promiscuous mode by an operator; sockets that ask for it don't show.
    public var isPromiscuous: Bool { flags & UInt32(IFF_PROMISC) != 0 }
    public var isLoopback: Bool { flags & UInt32(IFF_LOOPBACK) != 0 }
    public var isEthernet: Bool { hardwareType == 1 }

    /// Returns true if the interface goes by that name, be it an alternative one.
    public func isCalled(_ name: String) -> Bool { self.name == name || alternativeNames.contains(name) }
}

extension Link {
    /// IFLA_GSO_IPV4_MAX_SIZE (include/uapi/linux/if_link.h), newer than Debian 12's header.
    private static let gsoIPv4MaxSize = 63

    /// Reads the payload of an RTM_NEWLINK message; nil if it is too short.
    init?(message payload: ArraySlice<UInt8>) {
        let reader = NetlinkReader(payload)
        guard let header = reader.value(as: ifinfomsg.self) else { return nil }
        self.init(index: header.ifi_index, name: "", flags: header.ifi_flags, mtu: 0, hardwareType: header.ifi_type, master: 0)
        var isElsewhere = false
        var (maximum, maximumIPv4): (UInt32, UInt32) = (0, 0)
        for (type, content) in reader.attributes(after: MemoryLayout<ifinfomsg>.size) {
            switch type {
            case IFLA_IFNAME: name = NetlinkReader.string(content)
            case IFLA_MTU: mtu = NetlinkReader(content).value(as: UInt32.self) ?? 0
            case IFLA_MASTER: master = NetlinkReader(content).value(as: Int32.self) ?? 0
            case IFLA_LINK: lower = NetlinkReader(content).value(as: Int32.self) ?? 0
            // The index of IFLA_LINK is then one of another namespace.
            case IFLA_LINK_NETNSID: isElsewhere = true
            case IFLA_ADDRESS: address = Array(content)
            case IFLA_PERM_ADDRESS: permanentAddress = Array(content)
            case IFLA_PROP_LIST:
                alternativeNames = NetlinkReader(content).attributes(after: 0)
                    .filter { $0.type == IFLA_ALT_IFNAME }.map { NetlinkReader.string($0.content) }
            case IFLA_LINKINFO: readKind(content)
            case IFLA_MAX_MTU: largestMTU = NetlinkReader(content).value(as: UInt32.self).flatMap { $0 == 0 ? nil : $0 }
            case IFLA_XDP: xdpPrograms = XDPProgram.programs(in: content)
            case IFLA_GSO_MAX_SIZE: maximum = NetlinkReader(content).value(as: UInt32.self) ?? 0
            case Self.gsoIPv4MaxSize: maximumIPv4 = NetlinkReader(content).value(as: UInt32.self) ?? 0
            default: break
            }
        }
        superFrames = SuperFrameLimits(maximum: maximum, maximumIPv4: maximumIPv4)
        // Its super-frames stay in the kernel.
        superFrames.keepsTunnelChecksums = kind == "veth"
        // Hardware gives its own index.
        if isElsewhere || lower == index { lower = 0 }
    }

    private mutating func readKind(_ content: ArraySlice<UInt8>) {
        let attributes = NetlinkReader(content).attributes(after: 0)
        kind = attributes.first { $0.type == IFLA_INFO_KIND }.map { NetlinkReader.string($0.content) } ?? ""
        guard kind == "macvlan" || kind == "macvtap" else { return }
        let data = attributes.first { $0.type == IFLA_INFO_DATA }.map { NetlinkReader($0.content).attributes(after: 0) } ?? []
        macvlanMode = data.first { $0.type == IFLA_MACVLAN_MODE }
            .flatMap { NetlinkReader($0.content).value(as: UInt32.self) }.flatMap(MacvlanMode.init)
    }
}
