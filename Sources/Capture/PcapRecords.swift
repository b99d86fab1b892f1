extension CaptureReader {
    private static let fileHeaderLength = 24
    private static let recordHeaderLength = 16
    /// Offsets in the longer headers of records that patched kernels and programs have written: the interface's index, the protocol, and the
    /// packet's type.
    private static let interfaceIndex = 16
    private static let packetType = 22
    /// `PACKET_OUTGOING`.
    private static let outgoing: UInt8 = 4

    /// The file's header (draft-ietf-opsawg-pcap, section 4).
    ///
    ///      0                   1                   2                   3
    ///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    ///     +---------------------------------------------------------------+
    ///     |                          Magic Number                         |
    ///     +-------------------------------+-------------------------------+
    ///     |          Major Version        |         Minor Version         |
    ///     +-------------------------------+-------------------------------+
    ///     |                           Reserved1                           |
    ///     +---------------------------------------------------------------+
    ///     |                           Reserved2                           |
    ///     +---------------------------------------------------------------+
    ///     |                            SnapLen                            |
    ///     +-------+-+-----------------------+-----------------------------+
    ///     |FCS len|R|P|     Reserved3       |            LinkType         |
    ///     +-------+-+-----------------------+-----------------------------+
    ///
    /// - Parameter magic: The first four bytes, in the order in which they stand.
    mutating func readFileHeader(_ magic: UInt32) throws(CaptureFault) {
        let resolution: UInt8
        /// Lengths that a record's header may have, the likeliest first.
        var lengths = [Self.recordHeaderLength]
        switch magic {
        // Some have longer headers under the same number: Alexey Kuznetzov's first patch, in Red Hat Linux 6.1, and Nokia's IPSO.
        case 0xa1b2_c3d4, 0xd4c3_b2a1: (resolution, lengths) = (6, [16, 24, 20])
        case 0xa1b2_3c4d, 0x4d3c_b2a1: resolution = 9
        // Alexey Kuznetzov's later patches, which netsniff-ng writes too.
        case 0xa1b2_cd34, 0x34cd_b2a1: (resolution, lengths) = (6, [24, 28])
        default: throw fault(.unknownFormat(magic))
        }
        let isBigEndian = magic >> 24 == 0xa1
        isSwapped = isBigEndian != (UInt16(1).bigEndian == 1)
        guard input.hold(Self.fileHeaderLength) else { throw cutShort(Self.fileHeaderLength) }
        guard u16(4) == 2, u16(6) <= 4 else { throw fault(.version(major: u16(4), minor: u16(6))) }
        // Before 2.3 the two lengths stood in the other order, and in 2.3 some writers had them so, as libpcap has it.
        records.lengthOrder = u16(6) < 3 ? .originalFirst : u16(6) == 3 ? .unknown : .capturedFirst
        let word = u32(20)
        // P says that FCS len is there, in units of two bytes.
        let hasCheckSequence = word & 0x0400_0000 != 0
        var interface = CaptureInterface(name: nil, linkType: UInt16(truncatingIfNeeded: word))
        interface.clock = CaptureClock(resolution: resolution)
        interface.checkSequenceLength = hasCheckSequence ? Int(word >> 28) * 2 : 0
        interfaces = [interface]
        sectionCount &+= 1
        input.consume(Self.fileHeaderLength)
        records.headerLength = headerLength(among: lengths)
    }

    /// How long the headers are: so long that another one follows the first record, or the file's end. Wireshark guesses in this way too.
    private mutating func headerLength(among lengths: [Int]) -> Int {
        guard lengths.count > 1 else { return lengths[0] }
        guard input.hold(lengths[0]), let first = recordLengths(at: 0), first.captured <= UInt32(Self.longestFrame) else {
            return lengths[0]
        }
        return lengths.first { length in
            let next = length + Int(first.captured)
            // A file that ends there, or within the next header, may be cut off: only a whole header says more.
            guard input.hold(next + length) else { return length == lengths[0] && input.bytes.count == next }
            guard let second = recordLengths(at: next), second.captured <= second.original else { return false }
            // Times of one capture, in microseconds. A device's clock may be set in between.
            let seconds = (u32(0), u32(next))
            guard
                second.captured <= UInt32(Self.longestFrame) && u32(next + 4) < 1_000_000
                    && max(seconds.0, seconds.1) - min(seconds.0, seconds.1) < 86_400 * 366
            else { return false }
            // An address may look like two lengths, but the frame of that length is hardly there.
            return length == lengths[0] || input.hold(next + length + Int(second.captured))
        } ?? lengths[0]
    }

    /// The two lengths of a record that begins at that offset; nil where they are not there yet.
    @inline(__always)
    private func recordLengths(at place: Int) -> (captured: UInt32, original: UInt32)? {
        guard input.bytes.count >= place &+ Self.recordHeaderLength else { return nil }
        let first = u32(place &+ 8)
        let second = u32(place &+ 12)
        switch records.lengthOrder {
        case .capturedFirst: return (first, second)
        case .originalFirst: return (second, first)
        case .unknown: return (min(first, second), max(first, second))
        }
    }

    /// A packet record (section 5): seconds, their fraction, captured and original length, the frame.
    mutating func nextRecord() throws(CaptureFault) -> CapturedFrame? {
        let headerLength = records.headerLength
        guard input.hold(headerLength) else {
            if input.bytes.isEmpty, input.errorNumber == 0 { return nil }
            throw cutShort(headerLength)
        }
        guard let (captured, original) = recordLengths(at: 0) else { throw cutShort(headerLength) }
        guard captured <= UInt32(Self.longestFrame) else { throw fault(.frameTooLong(captured)) }
        let total = headerLength &+ Int(captured)
        guard input.hold(total) else { throw cutShort(total) }
        let clock = interfaces[0].clock
        let time = UInt64(u32(0)) &* 1_000_000_000 &+ clock.nanoseconds(of: UInt64(u32(4)))
        let isPatched = headerLength >= 24
        let direction: CapturedFrame.Direction =
            !isPatched ? .unknown : input.bytes[Self.packetType] == Self.outgoing ? .outbound : .inbound
        let index = isPatched ? u32(Self.interfaceIndex) : 0
        var frame = frame(
            at: headerLength, captured: Int(captured), original: Int(original), time: time, interface: 0, direction: direction,
            checkSequenceLength: interfaces[0].checkSequenceLength)
        if isPatched, frame.interfaceNumber == nil { frame.interfaceNumber = index }
        input.consume(total)
        return frame
    }
}

/// What the records of a pcap are like.
struct PcapRecordLayout {
    /// Which of its two lengths a record has first.
    enum LengthOrder {
        case capturedFirst, originalFirst
        /// The smaller one is what was captured.
        case unknown
    }

    /// Bytes before each frame.
    var headerLength = 16
    var lengthOrder = LengthOrder.capturedFirst
}
