import Decisions
import Wire

extension TransportPlace {
    /// True if the transport checksum over the first bytes is right (`nf_checksum`).
    /// - Parameters:
    ///   - field: Where it stands in the transport header; the packet is long enough for it.
    ///   - coverage: Bytes that it covers; nil for all.
    ///   - hasPseudoHeader: Not in ICMP for IPv4.
    ///   - numbers: Gets one that is wrong, with the right one.
    @inline(__always)
    func hasRightChecksum(
        _ bytes: RawSpan, at field: Int, coverage: Int? = nil, hasPseudoHeader: Bool = true, _ numbers: inout InvalidNumbers
    ) -> Bool {
        let remainder = checksumRemainder(bytes, coverage: coverage, hasPseudoHeader: hasPseudoHeader)
        guard remainder != 0 else { return true }
        numbers = wrongChecksum(bytes.be16(at: offset &+ field), remainder: remainder, hasPseudoHeader: hasPseudoHeader)
        return false
    }

    /// The checksum of what a checksum covers, the checksum itself included: 0 if that is right.
    private func checksumRemainder(_ bytes: RawSpan, coverage: Int?, hasPseudoHeader: Bool) -> UInt16 {
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
        return checksum.value
    }

    /// A wrong checksum and the right one, which follows from what is left of the sum without another look at the packet: in one's complement
    /// the sum without the wrong one is the sum less it.
    ///
    /// One's complement has two zeros. Only a sum over nothing but zeros needs 0xffff as its checksum, and that is only possible without a
    /// pseudo header; to UDP and UDP-Lite, 0 says that there is no checksum. Everybody else writes 0, and either is right.
    @inline(never)
    private func wrongChecksum(_ found: UInt16, remainder: UInt16, hasPseudoHeader: Bool) -> InvalidNumbers {
        var sum = UInt32(~remainder) &+ UInt32(~found)
        sum = (sum & 0xffff) &+ (sum >> 16)
        var right = ~UInt16(truncatingIfNeeded: sum)
        let isZeroSpecial = !hasPseudoHeader || number == IPProtocol.udp || number == IPProtocol.udpLite
        if right == 0, isZeroSpecial { right = 0xffff }
        return InvalidNumbers(.checksum, UInt32(found), UInt32(right))
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
