import Ruleset

/// Pieces of JSON on a line.
extension [UInt8] {
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ key: StaticString, quoted text: String) {
        append(key)
        append(quoted: text)
    }

    mutating func append(_ key: StaticString, decimal number: UInt64, _ rest: StaticString) {
        append(key)
        append(decimal: number)
        append(rest)
    }

    mutating func append(decimal number: UInt64, digits: Int = 1) {
        if number >= 10 || digits > 1 { append(decimal: number / 10, digits: digits - 1) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    /// A string with its quotes (RFC 8259, section 7); what need not be escaped is not.
    mutating func append(quoted text: String) {
        append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy({ $0 < 0x7f }) {
            for byte in text.utf8 { append(escaped: byte) }
        } else {
            for scalar in text.unicodeScalars { append(escaped: scalar) }
        }
        append(UInt8(ascii: "\""))
    }

    /// What a terminal would do something with is escaped as well: the line may come to stand on one.
    private mutating func append(escaped scalar: Unicode.Scalar) {
        if scalar.value < 0x7f { return append(escaped: UInt8(truncatingIfNeeded: scalar.value)) }
        guard !PrintableText.isShown(scalar) else { return append(contentsOf: String(scalar).utf8) }
        for unit in String(scalar).utf16 {
            append("\\u")
            append(hexadecimal: UInt8(truncatingIfNeeded: unit >> 8))
            append(hexadecimal: UInt8(truncatingIfNeeded: unit))
        }
    }

    /// One of ASCII.
    private mutating func append(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case 0x08: append("\\b")
        case 0x09: append("\\t")
        case 0x0a: append("\\n")
        case 0x0c: append("\\f")
        case 0x0d: append("\\r")
        case 0..<0x20:
            append("\\u00")
            append(hexadecimal: byte)
        default: append(byte)
        }
    }

    mutating func append(hexadecimal byte: UInt8) {
        append(Self.digit(byte >> 4))
        append(Self.digit(byte & 0xf))
    }

    private static func digit(_ number: UInt8) -> UInt8 {
        number < 10 ? UInt8(ascii: "0") + number : UInt8(ascii: "a") + number - 10
    }

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
