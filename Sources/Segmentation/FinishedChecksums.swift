internal import Wire

extension SuperFrame {
    /// Finishes the checksums that a super-frame leaves to the hardware, as if it stood on the wire in one piece: the innermost first,
    /// then those of outer UDP and GRE headers from the inside out, each over what the inner ones have become. What isn't understood,
    /// and what has no outer checksum, keeps its outer headers.
    /// - Parameters:
    ///   - bytes: The whole frame, with all its tags.
    ///   - offload: What the sender left to do for the frame in `bytes`.
    public static func finishChecksums(of bytes: inout MutableRawSpan, _ offload: OffloadHeader) {
        guard offload.needsChecksum else { return }
        if offload.isOfSCTP { return finishSCTP(&bytes, offload) }
        Checksum.completePartial(in: &bytes, start: offload.checksumStart, offset: offload.checksumOffset)
        // The outer checksums of a frame that is no super-frame are right already (Documentation/networking/checksum-offloads.rst, LCO).
        guard offload.kind != nil, case .success(let frame) = read(bytes.bytes, offload) else { return }
        var index = frame.layers.count
        while index > 0 {
            index &-= 1
            let layer = frame.layers[index]
            switch layer.kind {
            case .udp: finishUDP(&bytes, at: Int(layer.offset), after: frame.layers, before: index)
            case .gre: finishGRE(&bytes, at: Int(layer.offset))
            // Without a checksum, or with one over themselves only, which is right.
            case .ipv4, .ipv6, .pppoe, .gtp, .ethernet: break
            }
        }
    }

    /// Where the header begins the hardware takes its sum from, to the packet's end: tags and padding are no part of it.
    private static func finishSCTP(_ bytes: inout MutableRawSpan, _ offload: OffloadHeader) {
        let start = offload.checksumStart
        let end = packetEnd(bytes.bytes)
        guard start >= 0, start &+ 12 <= end else { return }
        let value = CyclicChecksum.ofSCTP(bytes.bytes.extracting(start..<end))
        bytes.storeBytes(of: value.littleEndian, toByteOffset: start &+ offload.checksumOffset, as: UInt32.self)
    }

    private static func packetEnd(_ bytes: RawSpan) -> Int {
        let frame = ParsedFrame.parse(bytes, tag: nil)
        return frame.malformation == nil && frame.hasTransport ? frame.networkEnd : bytes.byteCount
    }

    /// 0 stays: there is no checksum then (RFC 768; RFC 6935).
    private static func finishUDP(_ bytes: inout MutableRawSpan, at offset: Int, after layers: LayerList, before index: Int) {
        let field = offset &+ TransportHeader.udpChecksum
        guard bytes.bytes.be16(at: field) != 0, index > 0 else { return }
        let network = layers[index &- 1]
        let start = Int(network.offset)
        var checksum = Checksum()
        switch network.kind {
        // Source and destination (RFC 791, section 3.1; RFC 8200, section 3).
        case .ipv4: checksum.add(bytes.bytes.extracting(start &+ 12..<start &+ 20))
        case .ipv6: checksum.add(bytes.bytes.extracting(start &+ 8..<start &+ 40))
        default: return
        }
        checksum.add(UInt16(IPProtocol.udp))
        checksum.add(UInt16(truncatingIfNeeded: bytes.byteCount &- offset))
        bytes.storeBytes(of: 0, toByteOffset: field, as: UInt16.self)
        checksum.add(bytes.bytes.extracting(offset..<bytes.byteCount))
        let value = checksum.value
        bytes.storeBytes(of: (value == 0 ? 0xffff : value).bigEndian, toByteOffset: field, as: UInt16.self)
    }

    /// Where the flags say that there is one (RFC 2784, section 2.1).
    private static func finishGRE(_ bytes: inout MutableRawSpan, at offset: Int) {
        guard bytes.bytes.be16(at: offset) & GRE.checksum != 0 else { return }
        bytes.storeBytes(of: 0, toByteOffset: offset &+ 4, as: UInt16.self)
        var checksum = Checksum()
        checksum.add(bytes.bytes.extracting(offset..<bytes.byteCount))
        bytes.storeBytes(of: checksum.value.bigEndian, toByteOffset: offset &+ 4, as: UInt16.self)
    }
}
