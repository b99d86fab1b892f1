import Glibc

/// Prints network addresses, for all outputs and without a string for each.
package enum AddressDigits {
    /// Lends the characters of an address: dotted digits of the low 32 bits, or the short form of IPv6 (RFC 5952).
    package static func withBytes(of address: UInt128, isIPv4: Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            let count = isIPv4 ? write(ipv4: UInt32(truncatingIfNeeded: address), to: text) : write(ipv6: address, to: text)
            body(UnsafeBufferPointer(rebasing: text[..<count]))
        }
    }

    private static func write(ipv4 address: UInt32, to text: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var count = 0
        func put(_ byte: UInt8) {
            text[count] = byte
            count += 1
        }
        var shift: UInt32 = 32
        while shift > 0 {
            shift -= 8
            let octet = UInt8(truncatingIfNeeded: address >> shift)
            if octet >= 100 { put(UInt8(ascii: "0") + octet / 100) }
            if octet >= 10 { put(UInt8(ascii: "0") + octet / 10 % 10) }
            put(UInt8(ascii: "0") + octet % 10)
            if shift > 0 { put(UInt8(ascii: ".")) }
        }
        return count
    }

    private static func write(ipv6 address: UInt128, to text: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var octets = address.bigEndian
        return text.withMemoryRebound(to: CChar.self) { text in
            inet_ntop(AF_INET6, &octets, text.baseAddress, socklen_t(text.count)) == nil ? 0 : text.firstIndex(of: 0) ?? 0
        }
    }
}
