extension CaptureReader {
    /// Read the same in both byte orders.
    static let sectionHeader: UInt32 = 0x0a0d_0d0a
    private static let byteOrderMagic: UInt32 = 0x1a2b_3c4d

    /// The block types that are read (section 11.1); all others are passed over.
    private enum BlockType {
        static let interfaceDescription: UInt32 = 1
        /// Obsolete (section A.1).
        static let packet: UInt32 = 2
        static let simplePacket: UInt32 = 3
        static let enhancedPacket: UInt32 = 6
    }

    /// Option codes, by the names that the draft has for them.
    private enum Option {
        static let opt_endofopt: UInt16 = 0
        static let if_name: UInt16 = 2
        static let if_tsresol: UInt16 = 9
        static let if_fcslen: UInt16 = 13
        static let if_tsoffset: UInt16 = 14
        static let epb_flags: UInt16 = 2
    }

    /// Type and length before a block's body, the length after it.
    private static let blockHeader = 8
    private static let blockFrame = 12

    /// Goes on to the next block with a packet.
    mutating func nextPacket() throws(CaptureFault) -> CapturedFrame? {
        while true {
            guard input.hold(Self.blockHeader) else {
                if input.bytes.isEmpty, input.errorNumber == 0 { return nil }
                throw cutShort(Self.blockFrame)
            }
            let type = u32(0)
            switch type {
            case Self.sectionHeader:
                try beginSection()
            case BlockType.interfaceDescription:
                let length = try holdBlock(body: 8)
                try describeInterface(length)
                input.consume(length)
            case BlockType.enhancedPacket:
                let length = try holdBlock(body: 20)
                let frame = try enhancedPacket(length)
                input.consume(length)
                return frame
            case BlockType.simplePacket:
                let length = try holdBlock(body: 4)
                let frame = try simplePacket(length)
                input.consume(length)
                return frame
            case BlockType.packet:
                let length = try holdBlock(body: 20)
                let frame = try obsoletePacket(length)
                input.consume(length)
                return frame
            default:
                try passBlock()
            }
        }
    }

    // MARK: Blocks

    /// Sees that a whole block is there, and returns its length.
    /// - Parameter body: Bytes of the body that its type has at least.
    @inline(__always)
    private mutating func holdBlock(body: Int) throws(CaptureFault) -> Int {
        let length = u32(4)
        guard length % 4 == 0, length >= UInt32(Self.blockFrame &+ body), length <= UInt32(Self.largestBlock) else {
            throw fault(.blockLength(length))
        }
        guard input.hold(Int(length)) else { throw cutShort(Int(length)) }
        let last = u32(Int(length) &- 4)
        guard last == length else { throw fault(.lengthsDiffer(length, last)) }
        return Int(length)
    }

    /// Goes on after a block that says nothing here, however large it is.
    private mutating func passBlock() throws(CaptureFault) {
        let length = u32(4)
        guard length % 4 == 0, length >= UInt32(Self.blockFrame) else { throw fault(.blockLength(length)) }
        let offset = input.offset
        let missing = input.skip(UInt64(length) - 4)
        guard missing == 0, input.hold(4) else {
            let kind: CaptureFault.Kind =
                input.errorNumber != 0
                ? .unreadable(input.errorNumber) : .cutShort(missing: missing > 0 ? missing + 4 : UInt64(4 - input.bytes.count))
            throw fault(kind, at: offset)
        }
        let last = u32(0)
        guard last == length else { throw fault(.lengthsDiffer(length, last), at: offset) }
        input.consume(4)
    }

    /// A section header (section 4.1): from here on another byte order may hold, and interfaces are counted again.
    private mutating func beginSection() throws(CaptureFault) {
        guard input.hold(Self.blockHeader + 4) else { throw cutShort(28) }
        let magic = u32(8)
        if magic == Self.byteOrderMagic.byteSwapped {
            isSwapped.toggle()
        } else if magic != Self.byteOrderMagic {
            throw fault(.byteOrderMagic(magic))
        }
        let length = try holdBlock(body: 16)
        guard u16(12) == 1 else { throw fault(.version(major: u16(12), minor: u16(14))) }
        interfaces.removeAll()
        sectionCount &+= 1
        input.consume(length)
    }

    /// An interface description (section 4.2): link type, snap length, options.
    private mutating func describeInterface(_ length: Int) throws(CaptureFault) {
        guard interfaces.count < Self.mostInterfaces else { throw fault(.tooManyInterfaces) }
        var interface = CaptureInterface(name: nil, linkType: u16(8), snapLength: u32(12))
        var place = 16
        var offset: Int64 = 0
        while let option = try option(at: &place, end: length &- 4) {
            switch option.code {
            case Option.if_name:
                // An interface's name has up to 15 bytes; one that is longer is not one of a port's.
                let bytes = UnsafeRawBufferPointer(rebasing: input.bytes[option.place..<option.place + min(Int(option.length), 256)])
                interface.name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            case Option.if_tsresol:
                guard option.length == 1 else { throw fault(.option(option.code, length: option.length)) }
                interface.clock = CaptureClock(resolution: input.bytes[option.place])
            case Option.if_tsoffset:
                guard option.length == 8 else { throw fault(.option(option.code, length: option.length)) }
                let number = input.bytes.loadUnaligned(fromByteOffset: option.place, as: Int64.self)
                offset = isSwapped ? number.byteSwapped : number
            case Option.if_fcslen:
                guard option.length == 1 else { throw fault(.option(option.code, length: option.length)) }
                // The draft counts bits and has 4 as its example; writers have bytes.
                let number = Int(input.bytes[option.place])
                interface.checkSequenceLength = number <= 8 ? number : number / 8
            default: break
            }
        }
        interface.clock.offset = offset
        interfaces.append(interface)
    }

    // MARK: Packets

    /// An enhanced packet block (section 4.3): interface, time, captured and original length, the frame, options.
    @inline(__always)
    private mutating func enhancedPacket(_ length: Int) throws(CaptureFault) -> CapturedFrame {
        try packet(length, interface: u32(8))
    }

    /// A packet block (section A.1): the same, but that 16 bits of the interface's number count packets that were lost.
    private mutating func obsoletePacket(_ length: Int) throws(CaptureFault) -> CapturedFrame {
        try packet(length, interface: UInt32(u16(8)))
    }

    @inline(__always)
    private mutating func packet(_ length: Int, interface number: UInt32) throws(CaptureFault) -> CapturedFrame {
        let interface = Int(number)
        guard interface < interfaces.count else { throw fault(.unknownInterface(number)) }
        let captured = u32(20)
        guard captured <= UInt32(Self.longestFrame) else { throw fault(.frameTooLong(captured)) }
        let end = length &- 4
        guard 28 &+ Int(captured) <= end else { throw fault(.packetBeyondBlock(captured)) }
        let time = interfaces[interface].clock.nanoseconds(of: UInt64(u32(12)) << 32 | UInt64(u32(16)))
        lastTime = time
        var direction = CapturedFrame.Direction.unknown
        var checkSequenceLength = interfaces[interface].checkSequenceLength
        var place = 28 &+ (Int(captured) &+ 3) & ~3
        while let option = try option(at: &place, end: end) {
            guard option.code == Option.epb_flags else { continue }
            guard option.length == 4 else { throw fault(.option(option.code, length: option.length)) }
            let flags = u32(option.place)
            // Section 4.3.1: the direction, and from bit 5 on the bytes of the check sequence, if that is known.
            direction = flags & 3 == 1 ? .inbound : flags & 3 == 2 ? .outbound : .unknown
            let count = Int(flags >> 5 & 0xf)
            if count > 0 { checkSequenceLength = count }
        }
        return frame(
            at: 28, captured: Int(captured), original: Int(u32(24)), time: time, interface: interface, direction: direction,
            checkSequenceLength: checkSequenceLength)
    }

    /// A simple packet block (section 4.4): the original length and the frame. It is of the first interface, and has no time.
    private func simplePacket(_ length: Int) throws(CaptureFault) -> CapturedFrame {
        guard let interface = interfaces.first else { throw fault(.unknownInterface(0)) }
        let original = u32(8)
        let limit = interface.snapLength == 0 ? UInt32.max : interface.snapLength
        let captured = min(original, limit, UInt32(truncatingIfNeeded: length &- 16))
        guard captured <= UInt32(Self.longestFrame) else { throw fault(.frameTooLong(captured)) }
        guard original <= captured || limit <= captured else { throw fault(.packetBeyondBlock(min(original, limit))) }
        return frame(
            at: 12, captured: Int(captured), original: Int(original), time: lastTime, interface: 0,
            checkSequenceLength: interface.checkSequenceLength)
    }

    // MARK: Options (section 3.5)

    /// An option that lies in its block with all of its value.
    private struct OptionPlace {
        var code: UInt16
        var length: UInt16
        /// Where its value begins.
        var place: Int
    }

    /// The option at a place, which goes on after it; nil after the last. Without `opt_endofopt` the block's end is theirs too.
    @inline(__always)
    private func option(at place: inout Int, end: Int) throws(CaptureFault) -> OptionPlace? {
        guard place &+ 4 <= end else { return nil }
        let code = u16(place)
        guard code != Option.opt_endofopt else { return nil }
        let length = u16(place &+ 2)
        let value = place &+ 4
        guard value &+ Int(length) <= end else { throw fault(.option(code, length: length)) }
        place = value &+ (Int(length) &+ 3) & ~3
        return OptionPlace(code: code, length: length, place: value)
    }
}
