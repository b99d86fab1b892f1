import Wire

/// Where a datagram is put together to be judged.
@safe
struct WholeDatagram: ~Copyable, @unchecked Sendable {
    /// Room for what precedes the packet, and the longest packet that an IPv6 header can say.
    static let capacity = 96 << 10

    /// Headers that can be kept.
    private static let longestHeader = 1024

    /// Bytes that are taken, if it is needed.
    static let byteCount = capacity + longestHeader

    private let memory: UnsafeMutableRawPointer
    /// Headers as they were before rules saw them.
    private let kept: UnsafeMutableRawPointer
    /// Bytes of the headers that are kept; 0 if they were too long.
    private(set) var headerLength = 0
    /// SCTP's checksum as it was, in the mode that judges first fragments.
    var cyclicSum: UInt32 = 0
    private let capacity: Int

    /// - Parameter isNeeded: Without it nothing is put together.
    init(isNeeded: Bool) {
        capacity = isNeeded ? Self.capacity : 0
        unsafe memory = .allocate(byteCount: max(capacity, 1), alignment: 64)
        unsafe kept = .allocate(byteCount: Self.longestHeader, alignment: 64)
    }

    deinit {
        unsafe memory.deallocate()
        unsafe kept.deallocate()
    }

    /// What was put together.
    @unsafe
    func buffer(_ count: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: memory, count: min(count, capacity))
    }

    /// The headers that are kept.
    @unsafe
    var header: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(start: kept, count: headerLength) }

    /// Keeps the headers at the beginning of a frame.
    mutating func keepHeader(of bytes: RawSpan, count: Int) {
        headerLength = count <= Self.longestHeader && count <= bytes.byteCount ? count : 0
        guard headerLength > 0 else { return }
        unsafe bytes.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { unsafe kept.copyMemory(from: base, byteCount: headerLength) }
        }
    }

    /// Shows what was put together.
    private func withBytes<Result>(_ count: Int, _ body: (inout MutableRawSpan) -> Result) -> Result {
        let buffer = unsafe buffer(count)
        var bytes = unsafe buffer.mutableBytes
        return body(&bytes)
    }

    /// Puts a whole datagram together as a frame of one packet: the first fragment's link header and IP header, and all the payload.
    ///
    /// The packet says of itself what the receiver's reassembly would make it say: its length, no fragment, the ECN field that RFC 3168,
    /// section 5.3, asks for. Returns the frame's length, or nil if it does not fit or the first fragment's headers don't lead to the
    /// payload.
    mutating func put(_ datagram: Datagram, from arena: borrowing BlockArena) -> Int? {
        let first = arena.record(at: datagram.lowest)
        let held = unsafe arena.frame(at: datagram.lowest)
        let frame = unsafe held.bytes
        let parsed = ParsedFrame.parse(frame, tag: first.tag)
        guard first.offset == 0, parsed.isFragment else { return nil }
        let isIPv6 = parsed.network == .ipv6
        let headerEnd = Int(first.payloadOffset) &- (isIPv6 ? ParsedFrame.IPv6.fragmentHeaderLength : 0)
        let packetLength = headerEnd &- parsed.networkOffset &+ Int(datagram.total)
        let counted = isIPv6 ? packetLength &- ParsedFrame.IPv6.headerLength : packetLength
        guard counted <= 0xffff, headerEnd &+ Int(datagram.total) <= capacity else { return nil }

        copy(frame, 0..<headerEnd, to: 0)
        var block = datagram.lowest
        while block != BlockArena.none {
            let record = arena.record(at: block)
            let start = Int(record.payloadOffset)
            let held = unsafe arena.frame(at: block)
            unsafe copy(held.bytes, start..<start &+ Int(record.end &- record.offset), to: headerEnd &+ Int(record.offset))
            block = record.nextByOffset
        }
        // CE on any fragment is CE on the whole.
        let isCongested = datagram.congestion & 1 << 3 != 0
        if isIPv6 {
            guard finishIPv6(parsed, frame, counted, isCongested) else { return nil }
        } else {
            finishIPv4(parsed.networkOffset, headerEnd, counted, isCongested)
        }
        let assembled = unsafe UnsafeRawBufferPointer(buffer(headerEnd))
        unsafe keepHeader(of: assembled.bytes, count: headerEnd)
        return headerEnd &+ Int(datagram.total)
    }

    private func finishIPv4(_ start: Int, _ end: Int, _ length: Int, _ isCongested: Bool) {
        typealias IPv4 = ParsedFrame.IPv4
        set16(UInt16(truncatingIfNeeded: length), at: start &+ IPv4.totalLength)
        // DF stays, as in a reassembling host that was told to keep it; the offset and MF are gone.
        let (flags, service) = withBytes(end) {
            ($0.bytes.be16(at: start &+ IPv4.flagsAndFragmentOffset), $0.bytes.u8(at: start &+ IPv4.typeOfService))
        }
        set16(flags & IPv4.doNotFragment, at: start &+ IPv4.flagsAndFragmentOffset)
        if isCongested { set8(service | 3, at: start &+ IPv4.typeOfService) }
        set16(0, at: start &+ IPv4.headerChecksum)
        var checksum = Checksum()
        withBytes(end) { checksum.add($0.bytes.extracting(start..<end)) }
        set16(~checksum.folded, at: start &+ IPv4.headerChecksum)
    }

    /// Leaves the fragment header out of the chain: the header before it announces what it announced.
    private func finishIPv6(_ parsed: ParsedFrame, _ frame: RawSpan, _ length: Int, _ isCongested: Bool) -> Bool {
        typealias IPv6 = ParsedFrame.IPv6
        let fragmentHeader = parsed.fragmentPayloadOffset &- IPv6.fragmentHeaderLength
        var announcing = parsed.networkOffset &+ IPv6.nextHeader
        var offset = parsed.networkOffset &+ IPv6.headerLength
        // As the parser walked: only headers with a length of their own can stand before it, or an atomic fragment header.
        while offset < fragmentHeader {
            let number = frame.u8(at: announcing)
            announcing = offset
            let length = Int(frame.u8(at: offset &+ 1))
            switch number {
            case IPProtocol.fragment: offset &+= IPv6.fragmentHeaderLength
            case IPProtocol.authentication: offset &+= (length &+ 2) &* 4
            default: offset &+= (length &+ 1) &* 8
            }
        }
        guard offset == fragmentHeader else { return false }
        set8(parsed.fragmentNextHeader, at: announcing)
        set16(UInt16(truncatingIfNeeded: length), at: parsed.networkOffset &+ IPv6.payloadLength)
        if isCongested {
            // The traffic class lies across two octets; ECN is bits 4 and 5 of the second.
            let place = parsed.networkOffset &+ IPv6.versionAndTrafficClass &+ 1
            set8(frame.u8(at: place) | 0x30, at: place)
        }
        return true
    }

    private func copy(_ source: RawSpan, _ range: Range<Int>, to offset: Int) {
        guard range.lowerBound >= 0, range.upperBound <= source.byteCount, offset &+ range.count <= capacity else { return }
        unsafe source.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            unsafe (memory + offset).copyMemory(from: base + range.lowerBound, byteCount: range.count)
        }
    }

    private func set8(_ value: UInt8, at offset: Int) {
        guard offset < capacity else { return }
        unsafe memory.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    private func set16(_ value: UInt16, at offset: Int) {
        guard offset &+ 2 <= capacity else { return }
        unsafe memory.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }
}
