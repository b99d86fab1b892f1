public import Wire

/// Cuts super-frames into what goes out on the wire, one after the other.
///
/// `begin` reads a frame's headers into a template; `next` writes the headers of one piece, and says which payload belongs to
/// it, which stays where it is. A piece is one segment, or several, still a super-frame, where the port takes those.
/// Memory is fixed, and nothing of the frame's payload is looked at.
///
/// What differs from piece to piece is what Linux writes (net/ipv4/tcp_offload.c, net/ipv4/af_inet.c, net/ipv4/udp_offload.c):
/// lengths on all levels; identifications of all IPv4 headers, counting up; TCP's sequence number, CWR in the first, PSH and
/// FIN only in the last; checksums, the innermost of which is left unfinished.
@safe
public struct Segmenter: ~Copyable {
    /// Bytes of headers that a super-frame may have, a tag beside it not counted.
    public static let longestHead = 960
    /// Bytes that a piece's headers take at most.
    public static let headCapacity = longestHead + VLANTag.length
    /// Segments that a super-frame may become: 512 KiB at 128 bytes.
    public static let mostSegments = 4096

    /// One piece, with the headers that `next` wrote.
    public struct Piece: Sendable, Equatable {
        public var headLength: Int
        /// The payload's place in the super-frame.
        public var payloadOffset: Int
        public var payloadLength: Int
        /// As the piece's `virtio_net_hdr` has it, the tag counted.
        public var checksumStart: Int
        public var checksumOffset: Int
        /// Segments that the piece is of; if more than one, it is a super-frame of the same type and segment size.
        public var segments: Int
    }

    private let template: UnsafeMutableRawBufferPointer
    private var layers = LayerList()
    /// Bytes of each piece's headers.
    public private(set) var headLength = 0
    private var transportOffset = 0
    private var isTCP = false
    private var payloadStart = 0
    private var payloadLength = 0
    private var segmentSize = 1
    private var pieceSize = 1
    /// Payload bytes before the next piece.
    private var taken = 0
    /// What the kernel can carry whole of what was begun.
    public private(set) var tunnel: KernelTunnel?
    /// Pieces go out in `tunnel`.
    private var isInTunnel = false
    /// The sum in the innermost checksum field, the length taken out.
    private var checksumBase: UInt64 = 0

    public init() {
        unsafe template = .allocate(byteCount: Self.headCapacity, alignment: 16)
        unsafe template.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        unsafe template.deallocate()
    }

    /// No piece is left.
    public var isDone: Bool { taken >= payloadLength }

    /// Takes a super-frame on; whatever was left of another is forgotten. If it can't be segmented, there is no piece.
    /// - Parameters:
    ///   - bytes: The whole frame without the tag beside it.
    ///   - tag: Goes back after the MAC addresses.
    ///   - segmentsInPiece: 1 for pieces that stand on the wire as they are.
    public mutating func begin(
        _ bytes: RawSpan, tag: VLANTag?, _ offload: OffloadHeader, segmentsInPiece: Int = 1
    ) -> SegmentationFault? {
        payloadLength = 0
        taken = 0
        tunnel = nil
        isInTunnel = false
        let frame: SuperFrame
        switch SuperFrame.read(bytes, offload) {
        case .failure(let fault): return fault
        case .success(let read): frame = read
        }
        payloadStart = frame.headerLength
        segmentSize = frame.segmentSize
        pieceSize = frame.segmentSize &* max(1, segmentsInPiece)
        isTCP = frame.isTCP
        tunnel = KernelTunnel(frame, bytes, tag: tag)
        fill(bytes, frame, tag)
        payloadLength = frame.payloadLength
        return nil
    }

    /// Has the next pieces be as large as `tunnel` takes.
    public mutating func enterTunnel() {
        isInTunnel = tunnel != nil
        if isInTunnel { pieceSize = segmentSize &* max(1, (0xffff &- headLength) / segmentSize) }
    }

    /// The next piece is a super-frame for `tunnel`.
    public var isTunnelPieceNext: Bool {
        guard isInTunnel, pieceSize > segmentSize else { return false }
        let left = payloadLength &- taken
        return tunnel?.hasChecksum ?? false ? left >= 2 &* segmentSize : left > segmentSize
    }

    /// Has the payload from this piece on come again, in single segments.
    public mutating func leaveTunnel(from piece: Piece) {
        isInTunnel = false
        pieceSize = segmentSize
        taken = piece.payloadOffset &- payloadStart
    }

    /// Writes the template: the frame's headers with the tag in them, and without the jumbo option.
    private mutating func fill(_ bytes: RawSpan, _ frame: SuperFrame, _ tag: VLANTag?) {
        layers = frame.layers
        transportOffset = frame.transportOffset
        var head = unsafe template.mutableBytes
        var length = 0
        Self.copy(bytes, 0..<12, to: &head, &length)
        if let tag {
            head.storeBytes(of: tag.tpid.bigEndian, toByteOffset: 12, as: UInt16.self)
            head.storeBytes(of: tag.tci.bigEndian, toByteOffset: 14, as: UInt16.self)
            length = 16
            for index in 0..<layers.count { layers[index].offset &+= UInt16(VLANTag.length) }
            transportOffset &+= VLANTag.length
        }
        if let jumbo = frame.jumbo {
            let shift = length &- 12
            Self.copy(bytes, 12..<jumbo.header, to: &head, &length)
            Self.copy(bytes, jumbo.header &+ 8..<frame.headerLength, to: &head, &length)
            head.storeBytes(of: bytes.u8(at: jumbo.header), toByteOffset: jumbo.ipv6 &+ shift &+ 6, as: UInt8.self)
            for index in 0..<layers.count where Int(layers[index].offset) > jumbo.header &+ shift { layers[index].offset &-= 8 }
            transportOffset &-= 8
        } else {
            Self.copy(bytes, 12..<frame.headerLength, to: &head, &length)
        }
        headLength = length
        // The pseudo header's sum with the length of all that there was (net/ipv4/tcp_offload.c, `oldlen`).
        let sum = bytes.be16(at: frame.transportOffset &+ (isTCP ? TransportHeader.tcpChecksum : TransportHeader.udpChecksum))
        let whole = UInt32(truncatingIfNeeded: bytes.byteCount &- frame.transportOffset)
        checksumBase = UInt64(sum) &+ UInt64(~whole)
    }

    private static func copy(_ bytes: RawSpan, _ range: Range<Int>, to head: inout MutableRawSpan, _ length: inout Int) {
        for offset in range {
            head.storeBytes(of: bytes.u8(at: offset), toByteOffset: length, as: UInt8.self)
            length &+= 1
        }
    }

    /// Writes the next piece's headers to the beginning of `head`, which has room for `headCapacity` bytes; nil if none is left.
    public mutating func next(into head: inout MutableRawSpan) -> Piece? {
        guard taken < payloadLength, head.byteCount >= headLength else { return nil }
        var payload = min(pieceSize, payloadLength &- taken)
        let keepsChecksums = isInTunnel && tunnel?.hasChecksum ?? false
        if keepsChecksums, payload > segmentSize { payload &-= payload % segmentSize }
        unsafe head.withUnsafeMutableBytes { unsafe $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: template[..<headLength])) }
        if isTCP { finishTCP(&head, isLast: taken &+ payload == payloadLength) }
        // An outer checksum that the kernel doesn't touch is that of one segment.
        if keepsChecksums { finish(&head, payload: min(payload, segmentSize), checksums: true) }
        finish(&head, payload: payload, checksums: !keepsChecksums)
        let piece = Piece(
            headLength: headLength, payloadOffset: payloadStart &+ taken, payloadLength: payload, checksumStart: transportOffset,
            checksumOffset: checksumOffset, segments: (payload &+ segmentSize &- 1) / segmentSize)
        taken &+= payload
        return piece
    }

    private var checksumOffset: Int { isTCP ? TransportHeader.tcpChecksum : TransportHeader.udpChecksum }

    /// Writes what depends on the payload's length.
    /// - Parameter checksums: True to write the checksums of the outer UDP and GRE headers too.
    private func finish(_ head: inout MutableRawSpan, payload: Int, checksums: Bool) {
        let end = headLength &+ payload
        if !isTCP { head.store(UInt16(truncatingIfNeeded: end &- transportOffset), at: transportOffset &+ TransportHeader.udpLength) }
        let partial = Self.folded(checksumBase &+ UInt64(end &- transportOffset))
        head.store(partial, at: transportOffset &+ checksumOffset)
        // From the innermost on: an outer checksum is over what the inner ones have become.
        var index = layers.count
        while index > 0 {
            index &-= 1
            finish(&head, layers[index], end: end, partial: checksums ? partial : nil)
        }
    }

    private func finishTCP(_ head: inout MutableRawSpan, isLast: Bool) {
        let sequence = head.bytes.be32(at: transportOffset &+ TransportHeader.tcpSequence) &+ UInt32(truncatingIfNeeded: taken)
        head.store(sequence, at: transportOffset &+ TransportHeader.tcpSequence)
        var flags = head.bytes.u8(at: transportOffset &+ TransportHeader.tcpFlags)
        if taken > 0 { flags &= 0x7f }
        if !isLast { flags &= 0xf6 }
        head.store(flags, at: transportOffset &+ TransportHeader.tcpFlags)
    }

    /// - Parameters:
    ///   - end: The piece's length.
    ///   - partial: What the innermost checksum field holds; nil: outer checksums over it stay as they are.
    private func finish(_ head: inout MutableRawSpan, _ layer: Layer, end: Int, partial: UInt16?) {
        // For the piece's first segment.
        let number = taken / segmentSize
        let offset = Int(layer.offset)
        let length = end &- offset
        switch layer.kind {
        case .ipv4:
            head.store(UInt16(truncatingIfNeeded: length > 0xffff ? 0 : length), at: offset &+ 2)
            head.store(counted16(number, at: offset &+ 4), at: offset &+ 4)
            head.store(0 as UInt16, at: offset &+ 10)
            var checksum = Checksum()
            checksum.add(head.bytes.extracting(offset..<offset &+ Int(layer.length)))
            head.store(checksum.value, at: offset &+ 10)
        case .ipv6:
            head.store(UInt16(truncatingIfNeeded: length &- 40 > 0xffff ? 0 : length &- 40), at: offset &+ 4)
        case .udp:
            head.store(UInt16(truncatingIfNeeded: length), at: offset &+ 4)
            if let partial { finishUDP(&head, offset, length, partial) }
        case .gre:
            let flags = head.bytes.be16(at: offset)
            if flags & GRE.sequence != 0 {
                let place = offset &+ Int(layer.length) &- 4
                head.store(counted32(number, at: place), at: place)
            }
            guard let partial, flags & GRE.checksum != 0 else { return }
            head.store(0 as UInt16, at: offset &+ 4)
            let checksum = sumBeforeTransport(head.bytes, from: offset, partial)
            head.store(checksum.value, at: offset &+ 4)
        case .pppoe:
            head.store(UInt16(truncatingIfNeeded: length &- 6), at: offset &+ 4)
        case .ethernet: break
        case .gtp:
            head.store(UInt16(truncatingIfNeeded: length &- 8), at: offset &+ 2)
            if head.bytes.u8(at: offset) & 2 != 0 { head.store(counted16(number, at: offset &+ 8), at: offset &+ 8) }
        }
    }

    /// 0 stays: there is no checksum then (RFC 768; RFC 6935 and RFC 6936 for tunnels over IPv6).
    private func finishUDP(_ head: inout MutableRawSpan, _ offset: Int, _ length: Int, _ partial: UInt16) {
        guard head.bytes.be16(at: offset &+ 6) != 0, let network = networkHeader(before: offset) else { return }
        head.store(0 as UInt16, at: offset &+ 6)
        var checksum = sumBeforeTransport(head.bytes, from: offset, partial)
        let start = Int(network.offset)
        if network.kind == .ipv4 {
            checksum.add(head.bytes.extracting(start &+ 12..<start &+ 20))
        } else {
            checksum.add(head.bytes.extracting(start &+ 8..<start &+ 40))
        }
        checksum.add(UInt16(IPProtocol.udp))
        checksum.add(UInt16(truncatingIfNeeded: length))
        let value = checksum.value
        head.store(value == 0 ? 0xffff : value, at: offset &+ 6)
    }

    /// The sum over all from `offset` to the frame's end, once its innermost checksum is finished: from that header on the bytes add
    /// up to the complement of what its field holds now (Documentation/networking/checksum-offloads.rst, LCO).
    private func sumBeforeTransport(_ bytes: RawSpan, from offset: Int, _ partial: UInt16) -> Checksum {
        var checksum = Checksum()
        checksum.add(bytes.extracting(offset..<transportOffset))
        checksum.add(~partial)
        return checksum
    }

    /// The IP header that a UDP header follows.
    private func networkHeader(before offset: Int) -> Layer? {
        var index = layers.count
        while index > 0 {
            index &-= 1
            let layer = layers[index]
            if Int(layer.offset) < offset, layer.kind == .ipv4 || layer.kind == .ipv6 { return layer }
        }
        return nil
    }

    /// A count of the super-frame's, so much later.
    private func counted16(_ number: Int, at offset: Int) -> UInt16 {
        unsafe template.bytes.be16(at: offset) &+ UInt16(truncatingIfNeeded: number)
    }

    private func counted32(_ number: Int, at offset: Int) -> UInt32 {
        unsafe template.bytes.be32(at: offset) &+ UInt32(truncatingIfNeeded: number)
    }

    private static func folded(_ sum: UInt64) -> UInt16 {
        var folded = (sum & 0xffff) &+ (sum >> 16 & 0xffff) &+ (sum >> 32)
        folded = (folded & 0xffff) &+ (folded >> 16)
        folded = (folded & 0xffff) &+ (folded >> 16)
        return UInt16(truncatingIfNeeded: folded)
    }
}

extension MutableRawSpan {
    /// Most significant byte first.
    @inline(always)
    fileprivate mutating func store<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
        storeBytes(of: number.bigEndian, toByteOffset: offset, as: Number.self)
    }
}
