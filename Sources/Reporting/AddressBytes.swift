// Addresses in lines of bytes.

import Ruleset

extension [UInt8] {
    /// Six octets in the low 48 bits.
    mutating func append(mac address: UInt128) {
        var shift: UInt128 = 48
        while shift > 0 {
            shift -= 8
            append(hexadecimal: UInt8(truncatingIfNeeded: address >> shift))
            if shift > 0 { append(UInt8(ascii: ":")) }
        }
    }

    /// Four octets in the low 32 bits, or an address of IPv6 in the short form (RFC 5952).
    mutating func append(address: UInt128, isIPv4: Bool) {
        AddressDigits.withBytes(of: address, isIPv4: isIPv4) { append(contentsOf: $0) }
    }
}
