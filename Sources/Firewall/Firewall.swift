public import Classifier
public import Fragments
public import Wire

/// Frame in, verdict out: one for each worker, which alone calls it.
///
/// `judge` allocates nothing, counts no references, throws nothing and ends for every input.
public struct Firewall: ~Copyable {
    // Constants: what a variable refers to would be retained and released around each call.
    private let program: Program
    let counters: FirewallCounters
    let hits: HitCounters
    var fragments: FragmentGatherer
    /// How often the rules were changed: what is kept of a datagram names rules by their indices.
    public let edition: UInt32

    /// - Parameters:
    ///   - counters: Made for `program`, and written by no other firewall.
    ///   - fragments: What holds them; it may hold some already.
    ///   - edition: A number for the program, by which its judgements are told from those of the programs before it.
    public init(
        program: Program, counters: FirewallCounters, fragments: consuming FragmentGatherer = FragmentGatherer(), edition: UInt32 = 0
    ) {
        self.program = program
        self.counters = counters
        hits = counters.hits
        self.fragments = fragments
        self.edition = edition
        countHeld()
    }

    /// Judges by another program from the next frame on. Fragments that are held stay, and their datagrams are judged by it; what was
    /// said of a datagram already (`FragmentMode.track`) stays said.
    /// - Parameters:
    ///   - counters: Made for `program`, and written by no other firewall.
    ///   - edition: Another number than the programs before have had.
    public mutating func use(_ program: Program, counters: FirewallCounters, edition: UInt32) {
        self.counters.setHeld(frames: 0, bytes: 0, datagrams: 0)
        self = Firewall(program: program, counters: counters, fragments: fragments, edition: edition)
    }

    func countHeld() {
        counters.setHeld(frames: fragments.heldFrames, bytes: fragments.heldBytes, datagrams: fragments.datagramCount)
    }

    /// Says whether a frame may pass.
    /// - Parameters:
    ///   - bytes: The frame from its destination address on, without the frame check sequence. Rules may change it.
    ///   - tag: The outermost tag if it is not in `bytes`. Rules may change it too: see `Judgement.frame`.
    ///   - isChecksumPartial: The transport checksum is left to hardware (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    ///   - ingress: Index into `Program.ports` of the port by which the frame came.
    ///   - instant: Now, by both clocks.
    ///   - virtioHeader: What stands in front of the frame, for when it is held.
    ///   - time: Of its capture, likewise.
    public mutating func judge(
        _ bytes: inout MutableRawSpan, tag: VLANTag?, isChecksumPartial: Bool = false, ingress: UInt8, at instant: Instant,
        virtioHeader: VirtioHeader = VirtioHeader(), time: UInt64 = 0
    ) -> Judgement {
        let frame = ParsedFrame.parse(bytes.bytes, tag: tag)
        let judgement =
            frame.isFragment
            ? gather(&bytes, frame, virtioHeader: virtioHeader, ingress: ingress, at: instant, time: time)
            : judgePacket(&bytes, frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant)
        if judgement.verdict != .hold { counters.count(judgement.reason, length: frame.length) }
        return judgement
    }

    /// What is to be said of a whole packet; nothing is counted under its reason.
    func judgePacket(
        _ bytes: inout MutableRawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool = false, ingress: UInt8, at instant: Instant
    ) -> Judgement {
        // Nothing passes that no rule saw, and no rule can see what is malformed.
        if let malformation = frame.malformation {
            hits.discardEvents()
            return Judgement(verdict: .drop, reason: Reason(malformation), rule: -1, baseChain: -1, frame: frame)
        }

        var frame = frame
        let found = program.classify(&bytes, &frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, hits: hits)
        let isByRule = found.rule >= 0
        var judgement = Judgement(verdict: .accept, reason: .acceptByPolicy, rule: found.rule, baseChain: found.baseChain, frame: frame)
        judgement.isChanged = found.isChanged
        switch found.verdict {
        case .accept: if isByRule { judgement.reason = .acceptByRule }
        case .drop:
            judgement.verdict = .drop
            judgement.reason = isByRule ? .rule : .policy
        }
        return judgement
    }

    /// `log` statements that the frame judged last came to.
    public var eventCount: Int { hits.eventCount }

    /// The last frame's event of this index; nil where there is none, and for those beyond the first 16, of which none is kept.
    public func event(_ index: Int) -> LoggedStatement? { hits.event(index) }
}
