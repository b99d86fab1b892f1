import Wire

extension TransportPlace {
    /// True if the transport checksum over the first bytes is right (`nf_checksum`).
    /// - Parameters:
    ///   - coverage: Bytes that it covers; nil for all.
    ///   - hasPseudoHeader: Not in ICMP for IPv4.
    func hasRightChecksum(_ bytes: RawSpan, coverage: Int? = nil, hasPseudoHeader: Bool = true) -> Bool {
        let end = offset &+ min(max(coverage ?? length, 0), length)
        var checksum = Checksum()
        checksum.add(bytes.extracting(offset..<end))
        if hasPseudoHeader {
            if isIPv6 {
                checksum.addIPv6PseudoHeader(source: source, destination: destination, protocol: number, length: length)
            } else {
                checksum.addIPv4PseudoHeader(source: source, destination: destination, protocol: number, length: length)
            }
        }
        return checksum.value == 0
    }
}

/// CRC-32C (RFC 9260, appendix A) by a table, a byte at a time.
@safe
struct CRC32C: ~Copyable, @unchecked Sendable {
    private let table: UnsafeMutablePointer<UInt32>

    init() {
        unsafe table = .allocate(capacity: 256)
        for byte in 0..<256 {
            var value = UInt32(truncatingIfNeeded: byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
            unsafe (table + byte).initialize(to: value)
        }
    }

    deinit {
        unsafe table.deallocate()
    }

    /// CRC of an SCTP packet, its checksum field counting as zeros.
    func ofSCTP(_ bytes: RawSpan, _ offset: Int, _ length: Int) -> UInt32 {
        var value: UInt32 = .max
        for index in 0..<max(0, length) {
            let byte = index < 8 || index >= 12 ? bytes.u8(at: offset &+ index) : 0
            value = unsafe value >> 8 ^ table[Int((value ^ UInt32(byte)) & 0xff)]
        }
        return ~value
    }
}
