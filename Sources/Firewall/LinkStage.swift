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

    /// What a frame may have beyond the MTU, as a Linux bridge lets it (VLAN_HLEN in `is_skb_forwardable`).
    private static let slack = VLANTag.length

    /// Settles what becomes of an accepted frame that may be too big: it fits, leaves in fragments, or is dropped, and its sender told.
    ///
    /// An IP packet goes by its own length, and its frame's trailer is cut off where that doesn't fit. Other frames may be as long as a
    /// Linux bridge forwards.
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
        guard let size = PacketSize.largestOnWire(frame, offload, bytes), size > mtu else {
            judgement.losesTrailer = offload.kind == nil && Self.hasTrailerBeyond(mtu, frame)
            return
        }
        if Self.isForwardable(frame, mtu: mtu) { return }
        if canLeaveInFragments(bytes, frame, offload, mtu: mtu) {
            judgement.leavesInFragments = true
            return
        }
        let isChanged = judgement.decision.isChanged
        judgement.decision = dropped(.tooBig)
        judgement.decision.isChanged = isChanged
        tellTooBig(bytes, frame, offload, isChanged: isChanged, ingress: ingress, at: time)
    }

    /// True if the packet fits, and what follows it in the frame makes that longer than a port of this MTU surely takes: the port's own
    /// MTU is larger by the room for tags, but a peer's is not.
    private static func hasTrailerBeyond(_ mtu: Int, _ frame: ParsedFrame) -> Bool {
        frame.networkEnd < frame.byteCount && frame.byteCount &- frame.networkOffset > mtu
            && frame.length &- ParsedFrame.Ethernet.headerLength &- slack > mtu
    }

    /// True for what isn't IP, and no longer than a bridge forwards: it counts all but the outermost tag.
    private static func isForwardable(_ frame: ParsedFrame, mtu: Int) -> Bool {
        guard frame.network != .ipv4, frame.network != .ipv6 else { return false }
        let tag = frame.outermostTag == nil ? 0 : VLANTag.length
        return frame.length &- tag &- ParsedFrame.Ethernet.headerLength &- slack <= mtu
    }

    /// What the frame is now: rules may have changed it since it was parsed.
    private func current(_ judgement: Judgement, _ bytes: RawSpan) -> ParsedFrame {
        let frame = judgement.frame
        guard judgement.decision.isChanged else { return frame }
        return ParsedFrame.parse(bytes, tag: frame.isTagOutOfBand ? frame.outermostTag : nil, zeroLength: frame.zeroLength)
    }

    private func canLeaveInFragments(_ bytes: RawSpan, _ frame: ParsedFrame, _ offload: OffloadHeader, mtu: Int) -> Bool {
        // Each fragment would have a right header checksum of its own.
        links.handling == .fragment && offload.kind == nil && (checksums == .ignore || frame.hasRightHeaderChecksum(in: bytes))
            && Fragmenter(bytes, frame, mtu: mtu) != nil
    }

    /// Path MTU discovery works only if the sender knows the packet that is quoted, and the address that tells of it.
    /// - Parameter isChanged: Rules have changed the packet: then what was kept of it is quoted.
    private mutating func tellTooBig(
        _ bytes: RawSpan, _ frame: ParsedFrame, _ offload: OffloadHeader, isChanged: Bool, ingress: UInt8, at time: UInt64
    ) {
        guard links.handling != .drop else { return }
        let answer = Answer.tooBig(mtu: links.limit(from: ingress))
        let isHeaderKnown = checksums == .ignore
        if isChanged {
            answers.writeToKept(
                answer, isSuperFrame: offload.kind != nil, isHeaderKnown: isHeaderKnown, port: ingress, at: time)
        } else {
            answers.write(
                answer, to: AnsweredFrame(frame, isSuperFrame: offload.kind != nil, isHeaderKnown: isHeaderKnown), bytes, port: ingress,
                at: time)
        }
    }

    /// Keeps the fragment that its sender will be told of, before what rules have changed of its datagram is changed in it.
    @inline(never)
    mutating func keepLongFragment(ingress: UInt8) {
        answers.clear()
        let mtu = links.limit(from: ingress)
        guard fragments.longestPending > mtu else { return }
        var hasKept = false
        var next = fragments.firstPending
        while let held = next {
            let buffer = unsafe UnsafeRawBufferPointer(start: held.start, count: held.length)
            let bytes = unsafe buffer.bytes
            let frame = ParsedFrame.parse(bytes, tag: held.tag)
            if frame.networkLength > mtu {
                let isFinal = !canLeaveInFragments(bytes, frame, .none, mtu: mtu)
                if isFinal || !hasKept { answers.keep(bytes, frame) }
                if isFinal { return }
                hasKept = true
            }
            next = fragments.pending(after: held)
        }
    }

    /// True if all fragments of the datagram that is to be concluded can leave, whole or in smaller ones. Else their sender is told.
    /// - Parameter isChanged: Rules have changed them: see `keepLongFragment`.
    @inline(never)
    mutating func allFragmentsFit(isChanged: Bool, ingress: UInt8, at time: UInt64) -> Bool {
        let mtu = links.limit(from: ingress)
        guard fragments.longestPending > mtu else { return true }
        var next = fragments.firstPending
        while let held = next {
            let buffer = unsafe UnsafeRawBufferPointer(start: held.start, count: held.length)
            let bytes = unsafe buffer.bytes
            let frame = ParsedFrame.parse(bytes, tag: held.tag)
            if frame.networkLength > mtu, !canLeaveInFragments(bytes, frame, .none, mtu: mtu) {
                tellTooBig(bytes, frame, .none, isChanged: isChanged, ingress: ingress, at: time)
                return false
            }
            next = fragments.pending(after: held)
        }
        return true
    }
}
