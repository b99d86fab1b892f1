extension CaptureReader {
    private static let fileHeaderLength = 24
    private static let recordHeaderLength = 16

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
        switch magic {
        case 0xa1b2_c3d4, 0xd4c3_b2a1: resolution = 6
        case 0xa1b2_3c4d, 0x4d3c_b2a1: resolution = 9
        default: throw fault(.unknownFormat(magic))
        }
        let isBigEndian = magic >> 24 == 0xa1
        isSwapped = isBigEndian != (UInt16(1).bigEndian == 1)
        guard input.hold(Self.fileHeaderLength) else { throw cutShort(Self.fileHeaderLength) }
        // Before 2.4 some writers had the two lengths in the other order; nobody has written such a file for decades.
        guard u16(4) == 2, u16(6) == 4 else { throw fault(.version(major: u16(4), minor: u16(6))) }
        let word = u32(20)
        // P says that FCS len is there, in units of two bytes.
        let hasCheckSequence = word & 0x0400_0000 != 0
        var interface = CaptureInterface(name: nil, linkType: UInt16(truncatingIfNeeded: word))
        interface.clock = CaptureClock(resolution: resolution)
        interface.checkSequenceLength = hasCheckSequence ? Int(word >> 28) * 2 : 0
        interfaces = [interface]
        interfacesVersion &+= 1
        input.consume(Self.fileHeaderLength)
    }

    /// A packet record (section 5): seconds, their fraction, captured and original length, the frame.
    mutating func nextRecord() throws(CaptureFault) -> CapturedFrame? {
        guard input.hold(Self.recordHeaderLength) else {
            if input.bytes.isEmpty, input.errorNumber == 0 { return nil }
            throw cutShort(Self.recordHeaderLength)
        }
        let captured = u32(8)
        guard captured <= UInt32(Self.longestFrame) else { throw fault(.frameTooLong(captured)) }
        let total = Self.recordHeaderLength &+ Int(captured)
        guard input.hold(total) else { throw cutShort(total) }
        let clock = interfaces[0].clock
        let time = UInt64(u32(0)) &* 1_000_000_000 &+ clock.nanoseconds(of: UInt64(u32(4)))
        let frame = frame(
            at: Self.recordHeaderLength, captured: Int(captured), original: Int(u32(12)), time: time, interface: 0,
            checkSequenceLength: interfaces[0].checkSequenceLength)
        input.consume(total)
        return frame
    }
}
