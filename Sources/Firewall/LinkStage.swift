import Answers
import Classifier
import Decisions
import Fragments
import Segmentation
import Wire

/// What becomes of packets that are larger than the MTU of the port by which they would leave.
public enum TooBigHandling: String, Sendable, CaseIterable {
    /// Dropped, and nobody is told.
    case drop
    /// Dropped, and the sender is told where that may be: IPv6, and IPv4 with the DF bit.
    case answer
    /// IPv4 packets without the DF bit leave in fragments; of others the sender is told.
    case fragment
}

/// What the two ports take, and what becomes of packets that are larger.
public struct LinkLimits: Sendable, Equatable {
    /// The MTU of each port, in bytes from the network header on, by index into `Program.ports`; nil: everything fits.
    public var mtus: (Int, Int)?
    public var handling: TooBigHandling

    public init(mtus: (Int, Int)? = nil, handling: TooBigHandling = .fragment) {
        self.mtus = mtus
        self.handling = handling
    }

    public static func == (left: LinkLimits, right: LinkLimits) -> Bool {
        left.handling == right.handling && left.mtus?.0 == right.mtus?.0 && left.mtus?.1 == right.mtus?.1
    }

    /// Bytes of the largest packet that leaves by the other port.
    @inline(__always)
    func limit(from ingress: UInt8) -> Int {
        guard let mtus else { return .max }
        return ingress == 0 ? mtus.1 : mtus.0
    }
}

// The last step: does what the rules let pass fit the other port?
extension Firewall {
    /// Says what the two ports take from now on, by their index into `Program.ports`.
    @inline(__always)
    public mutating func useMTUs(_ near: Int, _ far: Int) {
        if let mtus = links.mtus, mtus == (near, far) { return }
        links.mtus = (near, far)
        program.setPathMTU(min(near, far))
    }

    /// Bytes of the largest packet that leaves by the other port than `ingress`.
    public func mtu(from ingress: UInt8) -> Int { links.limit(from: ingress) }

    /// True if a frame surely fits by its length: no link layer is shorter than an Ethernet header.
    @inline(__always)
    func surelyFits(_ byteCount: Int, ingress: UInt8) -> Bool {
        byteCount &- ParsedFrame.Ethernet.headerLength <= links.limit(from: ingress)
    }

    /// Settles what becomes of an accepted frame that may be too big: it fits, leaves in fragments, or is dropped, and its sender told.
    /// - Parameters:
    ///   - bytes: As rules have left them.
    ///   - offload: What the frame is a super-frame of.
    ///   - time: Now, on the clock of `Instant.monotonic`.
    @inline(never)
    mutating func settle(
        _ judgement: inout Judgement, _ bytes: RawSpan, _ offload: OffloadHeader, ingress: UInt8, at time: UInt64
    ) {
        let mtu = links.limit(from: ingress)
        let frame = current(judgement, bytes)
        guard let size = PacketSize.largestOnWire(frame, offload, bytes), size > mtu else { return }
        if canLeaveInFragments(bytes, frame, offload, mtu: mtu) {
            judgement.leavesInFragments = true
            return
        }
        let isChanged = judgement.decision.isChanged
        judgement.decision = dropped(.tooBig)
        judgement.decision.isChanged = isChanged
        tellTooBig(bytes, frame, offload, ingress: ingress, at: time)
    }

    /// What the frame is now: rules may have changed it since it was parsed.
    private func current(_ judgement: Judgement, _ bytes: RawSpan) -> ParsedFrame {
        let frame = judgement.frame
        guard judgement.decision.isChanged else { return frame }
        return ParsedFrame.parse(bytes, tag: frame.isTagOutOfBand ? frame.outermostTag : nil, zeroLength: frame.zeroLength)
    }

    private func canLeaveInFragments(_ bytes: RawSpan, _ frame: ParsedFrame, _ offload: OffloadHeader, mtu: Int) -> Bool {
        links.handling == .fragment && offload.kind == nil && Fragmenter(bytes, frame, mtu: mtu) != nil
    }

    private mutating func tellTooBig(
        _ bytes: RawSpan, _ frame: ParsedFrame, _ offload: OffloadHeader, ingress: UInt8, at time: UInt64
    ) {
        guard links.handling != .drop else { return }
        answers.write(
            .tooBig(mtu: links.limit(from: ingress)), to: AnsweredFrame(frame, isSuperFrame: offload.kind != nil), bytes, port: ingress,
            at: time)
    }

    /// True if all fragments of the datagram that is to be concluded can leave, whole or in smaller ones. Else their sender is told.
    @inline(never)
    mutating func allFragmentsFit(ingress: UInt8, at time: UInt64) -> Bool {
        let mtu = links.limit(from: ingress)
        guard fragments.longestPending > mtu else { return true }
        var next = fragments.firstPending
        while let held = next {
            let buffer = unsafe UnsafeRawBufferPointer(start: held.start, count: held.length)
            let bytes = unsafe buffer.bytes
            let frame = ParsedFrame.parse(bytes, tag: held.tag)
            if bytes.byteCount &- frame.networkOffset > mtu, !canLeaveInFragments(bytes, frame, .none, mtu: mtu) {
                tellTooBig(bytes, frame, .none, ingress: ingress, at: time)
                return false
            }
            next = fragments.pending(after: held)
        }
        return true
    }
}
