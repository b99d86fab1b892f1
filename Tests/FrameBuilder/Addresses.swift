/// One part of an address that a test has written, which has to be a number.
private func part<Number: FixedWidthInteger>(_ text: Substring, radix: Int) -> Number {
    guard let number = Number(text, radix: radix) else { preconditionFailure("'\(text)' is not a part of an address") }
    return number
}

/// An IPv4 address as it is written, in the low 32 bits.
public func ipv4Address(_ text: String) -> UInt128 {
    text.split(separator: ".").reduce(0) { $0 << 8 | part($1, radix: 10) }
}

/// An IPv6 address as it is written, with at most one `::`.
public func ipv6Address(_ text: String) -> UInt128 {
    func number(_ groups: Substring) -> (value: UInt128, count: Int) {
        let groups = groups.split(separator: ":")
        return (groups.reduce(0) { $0 << 16 | part($1, radix: 16) }, groups.count)
    }
    guard let gap = text.firstRange(of: "::") else { return number(text[...]).value }
    let head = number(text[..<gap.lowerBound])
    return head.value << (16 * (8 - UInt128(head.count))) | number(text[gap.upperBound...]).value
}

/// A MAC address as it is written.
public func macAddress(_ text: String) -> UInt64 {
    text.split(separator: ":").reduce(0) { $0 << 8 | part($1, radix: 16) }
}

extension FixedWidthInteger {
    /// The number's bytes, most significant first.
    public var networkBytes: [UInt8] {
        stride(from: Self.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> Self($0)) }
    }
}

/// The Internet checksum, as RFC 1071 describes it and no faster: what the tests hold the fast one against.
public func plainChecksum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() {
        sum += index % 2 == 0 ? UInt32(byte) << 8 : UInt32(byte)
        sum = (sum & 0xffff) + (sum >> 16)
    }
    return ~UInt16(sum)
}
