import CLinux
import Glibc

/// Knows whether an interface has been there without a break: a packet socket that is bound to it and hears nothing.
///
/// The kernel takes the binding away when the interface is removed or moved to another network namespace, and gives none back when an
/// interface of that index is there again (net/packet/af_packet.c, packet_notifier, NETDEV_UNREGISTER). Messages about it may be lost,
/// or come when all is over; the binding can't be missed.
public struct PortTether: ~Copyable, Sendable {
    private let descriptor: Descriptor
    private let index: Int32

    public init(_ link: Link) throws(SystemCallError) {
        // Protocol 0: nothing is delivered.
        let number = try systemCall("socket AF_PACKET") {
            socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        }
        let descriptor = Descriptor(owning: number)
        try bindPacketSocket(number, to: link, protocol: 0)
        self.descriptor = descriptor
        index = link.index
    }

    /// The interface has been there all the time.
    public var holds: Bool { boundInterface(of: descriptor.number) == index }
}

/// Binds a packet socket to an interface.
func bindPacketSocket(_ number: Int32, to link: Link, protocol: Int32) throws(SystemCallError) {
    var address = sockaddr_ll()
    address.sll_family = UInt16(AF_PACKET)
    address.sll_protocol = UInt16(`protocol`).bigEndian
    address.sll_ifindex = link.index
    try systemCall("bind \(link.name)") {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(MemoryLayout<sockaddr_ll>.size)) }
        }
    }
}

/// The index that a packet socket is bound to: -1 if that interface has been taken away.
func boundInterface(of number: Int32) -> Int32 {
    var address = sockaddr_ll()
    var length = socklen_t(MemoryLayout<sockaddr_ll>.size)
    let result = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
    }
    return result == 0 ? address.sll_ifindex : -1
}
