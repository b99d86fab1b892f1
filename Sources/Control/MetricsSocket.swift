import CLinux
import Glibc
import SystemCalls

/// Where metrics are asked for over HTTP: a TCP socket at an address of this machine.
public final class MetricsSocket: Sendable {
    private let descriptor: Descriptor

    /// - Parameter address: `127.0.0.1:9654` or `[::1]:9654`.
    public init(_ address: String) throws(ControlFault) {
        guard let (host, port) = Self.parts(address) else {
            throw ControlFault(.refused, "\(address) is no address with a port, as 127.0.0.1:9654 or [::1]:9654")
        }
        let isIPv6 = host.contains(":")
        let listening: Descriptor
        do throws(SystemCallError) {
            listening = try Self.listen(host, port, isIPv6)
        } catch {
            throw ControlFault(.refused, "metrics can't be served at \(address): \(error)")
        }
        descriptor = listening
    }

    /// To be polled for `POLLIN`.
    var number: Int32 { descriptor.number }

    /// The host without brackets, and the port; nil if it is neither.
    public static func parts(_ address: String) -> (host: String, port: UInt16)? {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else { return nil }
        var host = address[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        var octets = [UInt8](repeating: 0, count: 16)
        guard inet_pton(host.contains(":") ? AF_INET6 : AF_INET, String(host), &octets) == 1 else { return nil }
        return (String(host), port)
    }

    private static func listen(_ host: String, _ port: UInt16, _ isIPv6: Bool) throws(SystemCallError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let number = try systemCall("socket") { socket(isIPv6 ? AF_INET6 : AF_INET, kind, 0) }
        let descriptor = Descriptor(owning: number)
        var one: Int32 = 1
        setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { bytes -> Int in
            guard let base = bytes.baseAddress else { return 0 }
            if isIPv6 {
                let address = base.assumingMemoryBound(to: sockaddr_in6.self)
                address.pointee.sin6_family = sa_family_t(AF_INET6)
                address.pointee.sin6_port = port.bigEndian
                inet_pton(AF_INET6, host, &address.pointee.sin6_addr)
                return MemoryLayout<sockaddr_in6>.size
            }
            let address = base.assumingMemoryBound(to: sockaddr_in.self)
            address.pointee.sin_family = sa_family_t(AF_INET)
            address.pointee.sin_port = port.bigEndian
            inet_pton(AF_INET, host, &address.pointee.sin_addr)
            return MemoryLayout<sockaddr_in>.size
        }
        try systemCall("bind") {
            withUnsafePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(length)) }
            }
        }
        try systemCall("listen") { Glibc.listen(number, 16) }
        return descriptor
    }
}
