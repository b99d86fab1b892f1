// JSON as it is written: texts, escapes and numbers of all outputs that don't come from `JSONEncoder`.
//
// Events are written as bytes, with no value in between, since a run may write thousands a second; listings build a `JSONValue` first.

extension [UInt8] {
    package mutating func append(_ text: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(_ key: StaticString, quoted text: String) {
        append(key)
        append(quoted: text)
    }

    package mutating func append(_ key: StaticString, decimal number: UInt64, _ rest: StaticString) {
        append(key)
        append(decimal: number)
        append(rest)
    }

    package mutating func append(decimal number: UInt64, digits: Int = 1) {
        if number >= 10 || digits > 1 { append(decimal: number / 10, digits: digits - 1) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    /// A string with its quotes (RFC 8259, section 7); what need not be escaped is not.
    package mutating func append(quoted text: String) {
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

    package mutating func append(hexadecimal byte: UInt8) {
        append(Self.digit(byte >> 4))
        append(Self.digit(byte & 0xf))
    }

    private static func digit(_ number: UInt8) -> UInt8 {
        number < 10 ? UInt8(ascii: "0") + number : UInt8(ascii: "a") + number - 10
    }
}
