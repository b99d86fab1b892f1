public import Classifier
public import Wire

/// Frame in, verdict out: one for each worker, which alone calls it.
///
/// `judge` allocates nothing, counts no references, throws nothing and ends for every input.
public struct Firewall: ~Copyable {
    // Constants: what a variable refers to would be retained and released around each call.
    private let program: Program
    private let counters: FirewallCounters
    private let hits: HitCounters

    /// - Parameter counters: Made for `program`, and written by no other firewall.
    public init(program: Program, counters: FirewallCounters) {
        self.program = program
        self.counters = counters
        hits = counters.hits
    }

    /// Judges by another program from the next frame on.
    /// - Parameter counters: Made for `program`, and written by no other firewall.
    public mutating func use(_ program: Program, counters: FirewallCounters) {
        self = Firewall(program: program, counters: counters)
    }

    /// Says whether a frame may pass.
    /// - Parameters:
    ///   - bytes: The frame from its destination address on, without the frame check sequence. Rules may change it.
    ///   - tag: The outermost tag if it is not in `bytes`. Rules may change it too: see `Judgement.frame`.
    ///   - isChecksumPartial: The transport checksum is left to hardware (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    ///   - ingress: Index into `Program.ports` of the port by which the frame came.
    ///   - instant: Now, by both clocks.
    public mutating func judge(
        _ bytes: inout MutableRawSpan, tag: VLANTag?, isChecksumPartial: Bool = false, ingress: UInt8, at instant: Instant
    ) -> Judgement {
        var frame = ParsedFrame.parse(bytes.bytes, tag: tag)

        // Nothing passes that no rule saw, and no rule can see what is malformed.
        if let malformation = frame.malformation {
            hits.discardEvents()
            return conclude(.drop, Reason(malformation), frame)
        }

        let found = program.classify(&bytes, &frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, hits: hits)
        let isByRule = found.rule >= 0
        switch found.verdict {
        case .accept: return conclude(.accept, isByRule ? .acceptByRule : .acceptByPolicy, frame, found)
        case .drop: return conclude(.drop, isByRule ? .rule : .policy, frame, found)
        }
    }

    /// `log` statements that the frame judged last came to.
    public var eventCount: Int { hits.eventCount }

    /// The last frame's event of this index; nil where there is none, and for those beyond the first 16, of which none is kept.
    public func event(_ index: Int) -> LoggedStatement? { hits.event(index) }

    @inline(__always)
    private func conclude(
        _ verdict: FrameVerdict, _ reason: Reason, _ frame: ParsedFrame,
        _ found: Classification = Classification(verdict: .drop, rule: -1, baseChain: -1)
    ) -> Judgement {
        counters.count(reason, length: frame.length)
        return Judgement(verdict: verdict, reason: reason, rule: found.rule, baseChain: found.baseChain, frame: frame)
    }
}
