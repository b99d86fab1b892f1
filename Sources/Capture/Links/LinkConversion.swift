import Wire

extension CapturedFrame {
    private static let ethernetHeader = 14

    /// Gives a frame of another link an Ethernet header, in the bytes before its packet. What can't have one says so.
    /// - Parameters:
    ///   - headroom: Bytes before the frame that nobody reads any more.
    ///   - tailroom: Bytes after it.
    ///   - isSwapped: The file is in the other byte order than this machine's.
    func asEthernet(_ link: CaptureLink, headroom: Int, tailroom: Int, isSwapped: Bool) -> CapturedFrame {
        var frame = self
        switch link {
        case .ethernet: return self
        case .switched: frame.takeOutSwitchTag(typeLength: 0)
        case .switchedWithType: frame.takeOutSwitchTag(typeLength: 4)
        default:
            let span = UnsafeRawBufferPointer(bytes).bytes
            guard let header = LinkHeader.read(span, link, isSwapped: isSwapped, original: length) else {
                frame.link = .unreadable
                return frame
            }
            frame.give(header, headroom: headroom, tailroom: tailroom)
        }
        return frame
    }

    private mutating func give(_ header: LinkHeader, headroom: Int, tailroom: Int) {
        // The packet stays where it is, or goes on by the bytes that the header has too few.
        let shift = max(0, Self.ethernetHeader - header.length - headroom)
        guard header.length <= bytes.count, shift <= tailroom, let base = bytes.baseAddress else {
            link = .unreadable
            return
        }
        let whole = max(0, length - header.length - header.trailer)
        let count = min(bytes.count - header.length, whole)
        let packet = base + header.length + shift
        if shift > 0 { packet.copyMemory(from: base + header.length, byteCount: count) }
        let start = packet - Self.ethernetHeader
        let type = header.type >= 1536 ? header.type : UInt16(truncatingIfNeeded: min(whole, 1500))
        for place in 0..<6 {
            let bits = UInt64(40 - 8 * place)
            start.storeBytes(of: UInt8(truncatingIfNeeded: header.destination >> bits), toByteOffset: place, as: UInt8.self)
            start.storeBytes(of: UInt8(truncatingIfNeeded: header.source >> bits), toByteOffset: 6 + place, as: UInt8.self)
        }
        start.storeBytes(of: type.bigEndian, toByteOffset: 12, as: UInt16.self)
        bytes = UnsafeMutableRawBufferPointer(start: start, count: count + Self.ethernetHeader)
        length = whole + Self.ethernetHeader
        if header.direction != .unknown, direction == .unknown { direction = header.direction }
        interfaceNumber = header.interface
        link = .given
    }

    // MARK: Tags of switches (LINKTYPE_DSA_TAG_DSA, LINKTYPE_DSA_TAG_EDSA)

    /// Takes out the 4 bytes after the addresses that say by which port of the switch a frame came or goes; where they have taken the place
    /// of a VLAN's tag, they become it again (net/dsa/tag_dsa.c).
    /// - Parameter typeLength: Bytes of the EtherType before them, with 2 that are reserved.
    private mutating func takeOutSwitchTag(typeLength: Int) {
        let tag = 12 + typeLength
        guard bytes.count >= tag + 6, let base = bytes.baseAddress else {
            link = .unreadable
            return
        }
        let words = (0..<4).map { bytes[tag + $0] }
        switch words[0] >> 6 {
        // To the host, and between two switches; from the host.
        case 0, 3: if direction == .unknown { direction = .inbound }
        case 1: if direction == .unknown { direction = .outbound }
        default:
            link = .unreadable
            return
        }
        interfaceNumber = UInt32(words[1] >> 3)
        let isTagged = words[0] & 0x20 != 0
        let removed = typeLength + (isTagged ? 0 : 4)
        if isTagged {
            // The canonical format's bit stands elsewhere.
            let priority = words[2] & 0xe0 | (words[1] & 1) << 4 | words[2] & 0x0f
            for (place, byte) in [0x81, 0x00, priority, words[3]].enumerated() {
                base.storeBytes(of: byte, toByteOffset: tag + place, as: UInt8.self)
            }
        }
        if removed > 0 { (base + removed).copyMemory(from: base, byteCount: 12) }
        bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[removed...])
        length -= removed
        link = .given
    }
}
