/// Blocks of a pcapng of Ethernet frames with nanoseconds (draft-ietf-opsawg-pcapng): a section header, an interface description
/// for each port, a packet block for each frame, interface statistics in the end.
struct PcapngFormat: CaptureFormat {
    private var origin: CaptureOrigin
    private let snapLength: Int
    private let hostNames: [[UInt8]]

    /// Option codes, by the names that the draft has for them.
    private enum Option {
        static let opt_comment: UInt16 = 1
        static let shb_hardware: UInt16 = 2
        static let shb_os: UInt16 = 3
        static let shb_userappl: UInt16 = 4
        static let if_name: UInt16 = 2
        static let if_tsresol: UInt16 = 9
        static let epb_flags: UInt16 = 2
        static let epb_dropcount: UInt16 = 4
        static let isb_starttime: UInt16 = 2
        static let isb_endtime: UInt16 = 3
        static let isb_usrdeliv: UInt16 = 8
    }

    /// LINKTYPE_ETHERNET (draft-ietf-opsawg-pcaplinktype).
    private static let ethernet: UInt16 = 1
    /// The reader finds its own byte order from the order of this number (section 4.1).
    private static let byteOrderMagic: UInt32 = 0x1a2b_3c4d
    /// The frame came in by the interface, or went out (section 4.3.1).
    private static let inbound: UInt32 = 0b01
    private static let outbound: UInt32 = 0b10

    init(_ settings: CaptureSettings) {
        origin = settings.origin
        snapLength = settings.snapLength
        hostNames = settings.names.map(Self.blocks) ?? []
    }

    mutating func describe(_ origin: CaptureOrigin) { self.origin = origin }

    func header() -> [UInt8] {
        origin.ports.reduce(sectionHeader()) { $0 + interfaceDescription($1) }
    }

    func names() -> [[UInt8]] { hostNames }

    /// Section 4.1. The length is unknown while the section grows.
    private func sectionHeader() -> [UInt8] {
        var block = PcapngBlock(.sectionHeader)
        block.append(Self.byteOrderMagic)
        block.append(1 as UInt16)
        block.append(0 as UInt16)
        block.append(-1 as Int64)
        for comment in origin.comments { block.append(option: Option.opt_comment, comment) }
        if let hardware = origin.hardware { block.append(option: Option.shb_hardware, hardware) }
        if let system = origin.operatingSystem { block.append(option: Option.shb_os, system) }
        if let application = origin.application { block.append(option: Option.shb_userappl, application) }
        block.endOptions()
        return block.finished()
    }

    /// Section 4.2.
    private func interfaceDescription(_ name: String) -> [UInt8] {
        var block = PcapngBlock(.interfaceDescription)
        block.append(Self.ethernet)
        block.append(0 as UInt16)
        block.append(UInt32(truncatingIfNeeded: snapLength))
        block.append(option: Option.if_name, name)
        // A power of ten: nanoseconds.
        block.append(option: Option.if_tsresol, 9 as UInt8)
        block.endOptions()
        return block.finished()
    }

    /// Section 4.3.
    func block(_ frame: UnsafeRawBufferPointer, _ record: CaptureRecord, comment: String?) -> [UInt8] {
        var block = PcapngBlock(.enhancedPacket)
        block.append(UInt32(record.port))
        block.append(time: record.time)
        let kept = UnsafeRawBufferPointer(rebasing: frame.prefix(min(snapLength, Int(record.snapLength))))
        block.append(UInt32(truncatingIfNeeded: kept.count))
        block.append(record.length)
        block.append(padded: kept)
        if let comment { block.append(option: Option.opt_comment, comment) }
        block.append(option: Option.epb_flags, record.isOutbound ? Self.outbound : Self.inbound)
        if record.missingBefore > 0 { block.append(option: Option.epb_dropcount, record.missingBefore) }
        // No epb_verdict: editcap and mergecap 4.0 write it under the code of another option, and no program reads the copy. The comment
        // says the verdict.
        block.endOptions()
        return block.finished()
    }

    func filler(_ count: Int) -> [UInt8] {
        count > 0 && count.isMultiple(of: PcapngBlock.alignment) ? PcapngBlock.filler(count) : []
    }

    /// Section 4.6, a block for each port; the first says what is missing.
    func trailer(_ statistics: CaptureStatistics) -> [UInt8] {
        var octets: [UInt8] = []
        for port in origin.ports.indices {
            var block = PcapngBlock(.interfaceStatistics)
            block.append(UInt32(truncatingIfNeeded: port))
            block.append(time: statistics.end)
            if port == 0, statistics.missing > 0 {
                block.append(option: Option.opt_comment, "\(statistics.missing) frames are missing in this file")
            }
            block.append(option: Option.isb_starttime, time: statistics.begin)
            block.append(option: Option.isb_endtime, time: statistics.end)
            block.append(option: Option.isb_usrdeliv, statistics.frames.indices.contains(port) ? statistics.frames[port] : 0)
            block.endOptions()
            octets += block.finished()
        }
        return octets
    }
}
