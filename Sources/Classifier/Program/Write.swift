import Ruleset
import Wire

/// What a statement changes in a frame, ready to be carried out (net/netfilter/nft_payload.c, nft_exthdr.c).
///
/// It is written or it isn't: where a byte or a checksum that goes with it lies outside of its header, nothing changes.
struct Write: BitwiseCopyable, Sendable {
    enum Base: UInt8 {
        case link, network, transport, tcpOption
        /// The network layer as tables of IP's families see it: without padding.
        case packet
    }

    enum Outcome {
        /// The rule does not match, and nothing has changed.
        case impossible
        /// There is nothing to change, or the value stood there already.
        case unchanged
        case changed
        /// The frame can't be left as it is: it is dropped.
        case hopeless
    }

    private var base: Base
    /// The option's kind.
    private var option: UInt8 = 0
    /// The option gives way to octets that say nothing.
    private var isRemoval = false
    /// Octets of the base, or of the option, that are written: 1 to 16.
    private var first: UInt16
    private var count: UInt8
    /// Bits of them that stay.
    private var kept: UInt128
    /// The others, where they are known beforehand.
    private var constant: UInt128 = 0
    /// The octet of the header's Internet checksum; -1 where there is none.
    private var checksum: Int16 = -1
    private var hasCyclicChecksum = false
    private var isInPseudoHeader = false
    /// How far a number is shifted to the left to come to its bits.
    let shift: Int32

    /// What a rule in a table of that family does; nil for a field that no frame can be changed in.
    init?(_ assignment: Assignment, in family: Family) {
        let field = assignment.field
        var octets = field.writtenOctets
        switch field.place {
        case .header(.link, _): base = .link
        case .header(.network, _): base = family == .bridge ? .network : .packet
        case .header(.transport, _): base = .transport
        case .searched(let header, _) where header.kind == .tcpOption:
            base = .tcpOption
            option = header.number
            octets = field.octets
        case .presence(let header) where header.kind == .tcpOption && assignment.value == .removed:
            base = .tcpOption
            option = header.number
            isRemoval = true
        case .searched, .presence, nil: return nil
        }
        // Fields have at most 16 octets, and offsets in bits that 16 bits hold (`Field.raw`).
        first = UInt16(truncatingIfNeeded: octets.lowerBound)
        count = UInt8(truncatingIfNeeded: octets.count)
        self.shift = Int32(truncatingIfNeeded: field.trailingBits + 8 * (octets.upperBound - field.octets.upperBound))
        let shift = UInt128(self.shift)
        kept = ~(field.allOnes << shift)
        if case .constant(let number) = assignment.value { constant = (number & field.allOnes) << shift }
        guard base != .tcpOption else { return }
        switch field.checksum {
        case .internet(let octet): checksum = Int16(truncatingIfNeeded: octet)
        case .cyclic: hasCyclicChecksum = true
        case nil: break
        }
        isInPseudoHeader = field.isInPseudoHeader
    }

    /// Carries it out.
    /// - Parameters:
    ///   - copied: What another field holds, in place of the constant.
    ///   - isChecksumPartial: The transport checksum is not finished: it holds the pseudo header's sum.
    @inline(never)
    func perform(
        on bytes: inout MutableRawSpan, _ frame: inout ParsedFrame, copied: UInt128?, isChecksumPartial: Bool
    ) -> Outcome {
        let value = copied.map { $0 & ~kept } ?? constant
        switch base {
        case .link: return writeLink(value, on: &bytes, &frame)
        case .network, .packet: return writeNetwork(value, on: &bytes, frame, isChecksumPartial: isChecksumPartial)
        case .transport: return writeTransport(value, on: &bytes, frame, isChecksumPartial: isChecksumPartial)
        case .tcpOption where isRemoval: return removeOption(from: &bytes, frame, isChecksumPartial: isChecksumPartial)
        case .tcpOption: return writeOption(value, on: &bytes, frame, isChecksumPartial: isChecksumPartial)
        }
    }

    private var end: Int { Int(first) &+ Int(count) }

    /// The octets from `offset` on with the new bits in them, next to what they were.
    private func changed(_ value: UInt128, at offset: Int, in bytes: RawSpan) -> (old: UInt128, new: UInt128) {
        var old: UInt128 = 0
        for index in offset..<offset &+ Int(count) { old = old << 8 | UInt128(bytes.u8(at: index)) }
        let all = count >= 16 ? UInt128.max : (1 << (8 &* UInt128(count))) &- 1
        return (old, (old & kept | value) & all)
    }

    private func store(_ number: UInt128, at offset: Int, in bytes: inout MutableRawSpan) {
        for index in 0..<Int(count) {
            bytes.store(UInt8(truncatingIfNeeded: number >> UInt128(8 &* (Int(count) &- 1 &- index))), at: offset &+ index)
        }
    }

    private func replace(_ value: UInt128, at offset: Int, in bytes: inout MutableRawSpan) -> Outcome {
        let (old, new) = changed(value, at: offset, in: bytes.bytes)
        store(new, at: offset, in: &bytes)
        return new == old ? .unchanged : .changed
    }

    // MARK: Link

    /// `nft_payload_set_vlan`: in a tagged frame the type and the tag are written as words of 16 bits, one or both.
    private func writeLink(_ value: UInt128, on bytes: inout MutableRawSpan, _ frame: inout ParsedFrame) -> Outcome {
        guard frame.malformation != .ethernetHeaderCutOff else { return .impossible }
        guard let tag = frame.ruleTag, end > 12 else {
            guard end <= bytes.byteCount else { return .impossible }
            return replace(value, at: Int(first), in: &bytes)
        }
        if first >= 16 {
            let offset = Int(first) &+ frame.linkPayloadOffset &- 18
            guard offset &+ Int(count) <= bytes.byteCount else { return .impossible }
            return replace(value, at: offset, in: &bytes)
        }
        let shift: UInt32
        switch (first, count) {
        case (12, 4), (14, 2): shift = 0
        case (12, 2): shift = 16
        default: return .impossible
        }
        let width = (UInt32.max >> (32 &- 8 &* UInt32(count))) << shift
        let old = UInt32(tag.tpid) << 16 | UInt32(tag.tci)
        let stays = UInt32(truncatingIfNeeded: kept) << shift | ~width
        let new = old & stays | UInt32(truncatingIfNeeded: value) << shift
        frame.retag(VLANTag(tpid: UInt16(truncatingIfNeeded: new >> 16), tci: UInt16(truncatingIfNeeded: new)))
        if frame.ruleTagOffset >= 0 { bytes.store(new, at: frame.ruleTagOffset) }
        return new == old ? .unchanged : .changed
    }

    // MARK: Network

    private func writeNetwork(
        _ value: UInt128, on bytes: inout MutableRawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool
    ) -> Outcome {
        let start = base == .packet ? frame.networkOffset : frame.linkPayloadOffset
        let end = base == .packet ? frame.networkEnd : bytes.byteCount
        let offset = start &+ Int(first)
        guard offset &+ Int(count) <= end else { return .impossible }
        let (old, new) = changed(value, at: offset, in: bytes.bytes)
        // A single octet (`ip6 nexthdr`) counts as the first of a word, as it does for the kernel.
        let shift: UInt128 = count & 1 == 1 ? 8 : 0
        let update = ChecksumUpdate(from: old << shift, to: new << shift)
        if checksum >= 0 {
            let place = start &+ Int(checksum)
            guard place &+ 2 <= end else { return .impossible }
        }
        if isInPseudoHeader {
            guard updateTransport(update, on: &bytes, frame, isChecksumPartial: isChecksumPartial) else { return .impossible }
        }
        if checksum >= 0 { apply(update, at: start &+ Int(checksum), in: &bytes) }
        store(new, at: offset, in: &bytes)
        return new == old ? .unchanged : .changed
    }

    /// `nft_payload_l4csum_update`: the checksum of the transport header, of those that count the addresses. False where it can't be
    /// reached.
    private func updateTransport(
        _ update: ChecksumUpdate, on bytes: inout MutableRawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool
    ) -> Bool {
        guard frame.hasTransport, frame.vlanCount <= 1 else { return true }
        let octet: Int
        switch frame.transportProtocol {
        case IPProtocol.tcp: octet = 16
        case IPProtocol.udp, IPProtocol.udpLite: octet = 6
        case IPProtocol.icmpv6: octet = 2
        default: return true
        }
        guard octet &+ 2 <= frame.transportLength else { return false }
        let place = frame.transportOffset &+ octet
        let sum = bytes.bytes.be16(at: place)
        // RFC 768: 0 says that there is none.
        if frame.transportProtocol == IPProtocol.udp, sum == 0 { return true }
        if isChecksumPartial {
            bytes.store(update.appliedToPartial(sum), at: place)
        } else {
            apply(update, at: place, in: &bytes)
        }
        return true
    }

    /// As `nft_csum_replace` stores it: never 0.
    private func apply(_ update: ChecksumUpdate, at place: Int, in bytes: inout MutableRawSpan) {
        let sum = update.applied(to: bytes.bytes.be16(at: place))
        bytes.store(sum == 0 ? 0xffff : sum, at: place)
    }

    // MARK: Transport

    private func writeTransport(
        _ value: UInt128, on bytes: inout MutableRawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool
    ) -> Outcome {
        guard frame.hasTransport, frame.vlanCount <= 1, end <= frame.transportLength else { return .impossible }
        let start = frame.transportOffset
        let offset = start &+ Int(first)
        let (old, new) = changed(value, at: offset, in: bytes.bytes)
        if checksum >= 0 {
            guard Int(checksum) &+ 2 <= frame.transportLength else { return .impossible }
            let place = start &+ Int(checksum)
            // A finished checksum only: hardware is still to make the other. A datagram without one stays without.
            let isMissing = frame.transportProtocol == IPProtocol.udp && bytes.bytes.be16(at: place) == 0
            if !isChecksumPartial, !isMissing { apply(ChecksumUpdate(from: old, to: new), at: place, in: &bytes) }
        }
        if hasCyclicChecksum, frame.transportLength < 12 { return .impossible }
        store(new, at: offset, in: &bytes)
        if hasCyclicChecksum, frame.transportProtocol == IPProtocol.sctp, !isChecksumPartial {
            let sum = CyclicChecksum.ofSCTP(bytes.bytes.extracting(start..<start &+ frame.transportLength))
            bytes.store(sum.byteSwapped, at: start &+ 8)
        }
        return new == old ? .unchanged : .changed
    }

    /// `nft_exthdr_tcp_set_eval`. A packet without the option stays as it is and goes on; the largest segment size is only lowered, since
    /// a larger one could stall the connection.
    private func writeOption(
        _ value: UInt128, on bytes: inout MutableRawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool
    ) -> Outcome {
        let range: Range<Int>
        switch HeaderSearch(for: SearchedHeader(.tcpOption, option), in: bytes.bytes, frame) {
        case .found(let found): range = found
        case .absent: return .unchanged
        case .unreadable, .otherProtocol: return .impossible
        }
        guard end <= range.count else { return .impossible }
        let offset = range.lowerBound &+ Int(first)
        let (old, new) = changed(value, at: offset, in: bytes.bytes)
        let isSegmentSize = option == 2 && count == 2
        if isSegmentSize ? old <= new : old == new { return .unchanged }
        if !isChecksumPartial {
            // What begins at an odd offset counts with its octets in other words. Linux does not see to that, and spoils the checksum.
            let shift: UInt128 = (offset &- frame.transportOffset) & 1 == 1 ? 8 : 0
            let place = frame.transportOffset &+ 16
            let sum = bytes.bytes.be16(at: place)
            bytes.store(ChecksumUpdate(from: old << shift, to: new << shift).applied(to: sum), at: place)
        }
        store(new, at: offset, in: &bytes)
        return .changed
    }

    /// `nft_exthdr_tcp_strip_eval`: the option's octets become "no operation".
    private func removeOption(from bytes: inout MutableRawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool) -> Outcome {
        let range: Range<Int>
        switch HeaderSearch(for: SearchedHeader(.tcpOption, option), in: bytes.bytes, frame) {
        case .found(let found): range = found
        case .absent: return .unchanged
        case .unreadable, .otherProtocol: return hasTCPHeader(bytes.bytes, frame) ? .hopeless : .impossible
        }
        var outcome = Outcome.unchanged
        for offset in range where bytes.bytes.u8(at: offset) != Self.noOperation {
            outcome = .changed
            let shift: UInt128 = (offset &- frame.transportOffset) & 1 == 0 ? 8 : 0
            let update = ChecksumUpdate(from: UInt128(bytes.bytes.u8(at: offset)) << shift, to: UInt128(Self.noOperation) << shift)
            let place = frame.transportOffset &+ 16
            if !isChecksumPartial { bytes.store(update.applied(to: bytes.bytes.be16(at: place)), at: place) }
            bytes.store(Self.noOperation, at: offset)
        }
        return outcome
    }

    /// RFC 9293 3.2.
    private static let noOperation: UInt8 = 1

    /// Whether the header is whole, so that an option which can't be read goes beyond it.
    private func hasTCPHeader(_ bytes: RawSpan, _ frame: ParsedFrame) -> Bool {
        guard frame.transportProtocol == IPProtocol.tcp, frame.vlanCount <= 1, frame.transportLength >= 20 else { return false }
        let length = Int(bytes.u8(at: frame.transportOffset &+ 12) >> 4) &* 4
        return length >= 20 && length <= frame.transportLength
    }
}
