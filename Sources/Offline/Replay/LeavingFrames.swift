import Firewall
import Segmentation
import Wire

/// What leaves of a frame that passes: the frame, with or without its trailer, or its fragments where it is too big for the other port.
struct LeavingFrames: ~Copyable {
    private let limits: LinkLimits
    /// Room for the longest fragment.
    private let memory: UnsafeMutableRawBufferPointer

    init(_ limits: LinkLimits) {
        self.limits = limits
        let longest = limits.mtus.map { max($0.0, $0.1) } ?? 0
        memory = .allocate(byteCount: Fragmenter.headCapacity + min(max(longest, 0), 0xffff), alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    /// Calls `body` with each; the bytes are valid during the call.
    @inline(__always)
    func forEach(of frame: JudgedFrame, _ body: (UnsafeRawBufferPointer) -> Void) {
        if frame.judgement.leavesInFragments { return cut(frame, body) }
        guard frame.judgement.losesTrailer else { return body(frame.bytes) }
        let end = ParsedFrame.parse(frame.bytes.bytes, tag: nil).networkEnd
        body(UnsafeRawBufferPointer(rebasing: frame.bytes[..<end]))
    }

    @inline(never)
    private func cut(_ frame: JudgedFrame, _ body: (UnsafeRawBufferPointer) -> Void) {
        let bytes = frame.bytes.bytes
        let parsed = ParsedFrame.parse(bytes, tag: nil)
        guard let mtus = limits.mtus, var fragmenter = Fragmenter(bytes, parsed, mtu: frame.ingress == 0 ? mtus.1 : mtus.0) else { return }
        var head = UnsafeMutableRawBufferPointer(rebasing: memory[..<Fragmenter.headCapacity]).mutableBytes
        while let piece = fragmenter.next(bytes, into: &head) {
            let length = piece.headLength + piece.payloadLength
            guard length <= memory.count else { return }
            UnsafeMutableRawBufferPointer(rebasing: memory[piece.headLength..<length])
                .copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: frame.bytes[piece.payloadOffset..<piece.payloadOffset + piece.payloadLength]))
            body(UnsafeRawBufferPointer(rebasing: memory[..<length]))
        }
    }
}
