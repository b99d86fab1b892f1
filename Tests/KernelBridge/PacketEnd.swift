import CLinux
import Foundation

/// One end of the wire: a packet socket on its interface.
package final class PacketEnd {
    private let number: Int32
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    private var control = [UInt8](repeating: 0, count: 128)

    package init(_ interface: String) throws {
        number = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { throw Failure("socket AF_PACKET: \(String(cString: strerror(errno)))") }
        var enabled: Int32 = 1
        setsockopt(number, SOL_PACKET, PACKET_IGNORE_OUTGOING, &enabled, 4)
        setsockopt(number, SOL_PACKET, PACKET_AUXDATA, &enabled, 4)
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
    package func send(_ frame: [UInt8]) -> Bool { Glibc.send(number, frame, frame.count, 0) == frame.count }

    /// All frames that have come, whole: with the outermost tag in its place.
    package func received() -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let frame = next() { frames.append(frame) }
        return frames
    }

    private func next() -> [UInt8]? {
        let (count, tag) = buffer.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    let count = recvmsg(number, &message, 0)
                    return (
                        count, count < 0 ? nil : Self.tag(in: UnsafeRawBufferPointer(rebasing: control.prefix(Int(message.msg_controllen))))
                    )
                }
            }
        }
        guard count >= 12 else { return nil }
        return buffer[..<12] + (tag ?? []) + buffer[12..<count]
    }

    /// The four octets of the tag that the kernel has put beside the frame; nil if there is none. There is one control message: a
    /// `cmsghdr` of 16 octets, and a `tpacket_auxdata` behind it.
    private static func tag(in control: UnsafeRawBufferPointer) -> [UInt8]? {
        let start = MemoryLayout<cmsghdr>.size
        guard control.count >= start + MemoryLayout<tpacket_auxdata>.size else { return nil }
        let data = control.loadUnaligned(fromByteOffset: start, as: tpacket_auxdata.self)
        guard data.tp_status & UInt32(TP_STATUS_VLAN_VALID) != 0 else { return nil }
        let protocolNumber = data.tp_status & UInt32(TP_STATUS_VLAN_TPID_VALID) != 0 ? data.tp_vlan_tpid : 0x8100
        return [protocolNumber, data.tp_vlan_tci].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
    }
}
