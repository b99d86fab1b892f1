import Segmentation
import Wire

/// The first bytes choose what the offload header says and how the frame comes about: as the bytes that follow, or from headers that
/// they name, with lengths that fit, and bytes changed thereafter. Whatever it is, it is refused, or becomes frames that parse, with right
/// checksums, whose payloads are the super-frame's in order.
@c(LLVMFuzzerTestOneInput)
public func fuzzSegments(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let bytes, count > 8 else { return 0 }
    var input = Input(bytes: UnsafeBufferPointer(start: bytes, count: count))
    let choice = input.byte()
    var frame: [UInt8]
    var offload: OffloadHeader
    if choice & 1 == 0 {
        offload = OffloadHeader(
            flags: input.byte(), type: input.byte(), segmentSize: input.word(), checksumStart: input.word() & 0x3ff,
            checksumOffset: input.word() & 31)
        frame = input.rest()
    } else {
        (frame, offload) = build(&input)
        while !input.isAtEnd {
            let place = Int(input.word())
            if place < frame.count { frame[place] = input.byte() }
        }
    }
    let tag = choice & 2 == 0 ? nil : VLANTag(tpid: 0x8100, tci: 5)
    hold(frame, offload, tag, segmentsInPiece: choice & 12 == 0 ? 1 + Int(choice >> 4) : 1)
    return 0
}

/// What is known of every super-frame that isn't refused.
private func hold(_ frame: [UInt8], _ offload: OffloadHeader, _ tag: VLANTag?, segmentsInPiece: Int) {
    var segmenter = Segmenter()
    guard segmenter.begin(frame.span.bytes, tag: tag, offload, segmentsInPiece: segmentsInPiece) == nil else {
        precondition(segmenter.isDone, "a refused super-frame has pieces")
        return
    }
    guard case .success(let shape) = SuperFrame.read(frame.span.bytes, offload) else { preconditionFailure("it was read a moment ago") }
    if let tunnel = segmenter.tunnel {
        precondition(tunnel.outerLength <= KernelTunnel.longestOuter && 14 + tunnel.outerLength < shape.headerLength)
        precondition(tunnel.linkLength < tunnel.outerLength && Int(tunnel.description & 0x7f) * 2 == tunnel.outerLength)
    }
    // In pieces for the kernel, one of which is taken back.
    if segmenter.tunnel != nil {
        var other = Segmenter()
        precondition(other.begin(frame.span.bytes, tag: tag, offload) == nil)
        other.enterTunnel()
        var head = [UInt8](repeating: 0, count: Segmenter.headCapacity)
        var count = 0
        var place = shape.headerLength
        while true {
            var memory = head.mutableSpan
            var span = memory.mutableBytes
            guard let piece = other.next(into: &span) else { break }
            precondition(piece.payloadOffset == place && piece.payloadLength > 0)
            count += 1
            if count == 2 { other.leaveTunnel(from: piece) } else { place += piece.payloadLength }
        }
        precondition(place == frame.count, "payload is left")
    }
    let end = shape.headerLength + shape.payloadLength
    precondition(end == frame.count)
    var head = [UInt8](repeating: 0, count: Segmenter.headCapacity)
    var place = shape.headerLength
    while true {
        var memory = head.mutableSpan
        var span = memory.mutableBytes
        guard let piece = segmenter.next(into: &span) else { break }
        precondition(piece.payloadOffset == place && piece.payloadLength > 0 && piece.payloadLength <= end - place)
        precondition(piece.headLength <= Segmenter.headCapacity && piece.checksumStart + 8 <= piece.headLength)
        precondition(place + piece.payloadLength == end || piece.payloadLength == offload.segmentSize * segmentsInPiece)
        place += piece.payloadLength
        check(Array(head[..<piece.headLength]) + frame[piece.payloadOffset..<place], piece, offload)
    }
    precondition(place == end && segmenter.isDone, "payload is left")
}

/// What is known of every piece.
private func check(_ piece: [UInt8], _ described: Segmenter.Piece, _ offload: OffloadHeader) {
    // Its headers lead to the same place, with lengths that are right for it.
    var again = offload
    again.checksumStart = described.checksumStart
    guard case .success(let shape) = SuperFrame.read(piece.span.bytes, again) else { preconditionFailure("a piece is not understood") }
    precondition(shape.headerLength == described.headLength && shape.payloadLength == described.payloadLength)
    guard described.segments == 1 else { return }
    var frame = piece
    var memory = frame.mutableSpan
    var span = memory.mutableBytes
    precondition(Checksum.completePartial(in: &span, start: described.checksumStart, offset: described.checksumOffset))
    let parsed = ParsedFrame.parse(frame.span.bytes, tag: nil)
    precondition(parsed.malformation == nil, "a piece is malformed")
    guard parsed.network == .ipv4 || parsed.network == .ipv6 else { return }
    precondition(parsed.networkEnd == frame.count)
    if parsed.network == .ipv4 {
        precondition(sum(frame[parsed.networkOffset..<parsed.networkOffset + Int(frame[parsed.networkOffset] & 15) * 4]) == 0xffff)
    }
    // An outer UDP header's checksum counts all that the inner ones have become.
    let start = parsed.transportOffset
    guard parsed.hasTransport, parsed.transportProtocol == IPProtocol.udp, start != described.checksumStart,
        frame[start + 6] != 0 || frame[start + 7] != 0
    else { return }
    let addresses = parsed.network == .ipv4 ? 12..<20 : 8..<40
    let pseudo = frame[parsed.networkOffset + addresses.lowerBound..<parsed.networkOffset + addresses.upperBound]
    precondition(
        sum([UInt8](pseudo) + [0, 17] + frame[start + 4..<start + 6] + frame[start...]) == 0xffff, "an outer checksum is wrong")
}

private func sum(_ bytes: some Collection<UInt8>) -> Int {
    var sum = 0
    for (index, byte) in bytes.enumerated() { sum += Int(byte) << (index & 1 == 0 ? 8 : 0) }
    while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
    return sum
}
