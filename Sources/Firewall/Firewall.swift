public import Answers
public import Classifier
public import Decisions
public import Flows
public import Fragments
public import Segmentation
public import Storage
public import Wire

/// Frame in, verdict out: one for each worker; only that worker calls it.
///
/// `judge` allocates nothing, counts no references, throws nothing and ends for every input.
public struct Firewall: ~Copyable {
    // Constants: what a variable refers to would be retained and released around each call.
    let program: Program
    let counters: FirewallCounters
    let hits: HitCounters
    /// nil on the way of live frames.
    private let packets: JudgedPackets?
    private let checks: FrameChecks
    let checksums: ChecksumTrust
    var fragments: FragmentGatherer
    var flows: FlowTracker
    /// Connections are followed: the rules ask for them, or others did before. Who stops in between misses what happens to them.
    let isTracking: Bool
    /// The tracker's number for each of `Program.connectionTimeouts`; nil where it had no room.
    let policies: [UInt8?]
    /// The flows of all workers, for rules that count connections.
    let connections: FlowRegistry
    /// Number of `flows` among them; 0 if it is not there.
    let worker: UInt64
    var answers: AnswerWriter
    /// Packets whose checksum was taken for one that hardware was to finish (`ChecksumTrust.offload`).
    public private(set) var unfinishedChecksums: UInt64 = 0
    /// A fragment came of which bytes are missing: from then on no checksum of a datagram is asked for.
    var hasCutFragments = false
    /// What the ports take.
    var links: LinkLimits
    /// What was decided of the datagram that became whole last. An answer to it is there when its last fragment has been judged.
    public internal(set) var datagramDecision = Decision(verdict: .hold, reason: .held)
    /// The ways of flows that the kernel carries; nil where none are.
    let carriedPaths: CarriedPaths?
    /// How often the rules were changed: what is kept of a datagram names rules by their indices.
    public let generation: UInt32

    /// - Parameters:
    ///   - counters: Made for `program`, and written by no other firewall.
    ///   - fragments: What holds them; it may hold some already.
    ///   - flows: How connections are followed, if the rules ask for them.
    ///   - connections: Shared with those that judge by the same rules, so that they count connections together.
    ///   - start: Now, on the clock of `Instant.monotonic`.
    ///   - packets: Gets a copy of each packet that the rules see, for explanations.
    ///   - checks: What frames must be before the rules see them.
    ///   - answers: How often senders are told, shared with those who send by the same ports.
    ///   - checksums: What is made of checksums of which `judge` is told nothing.
    ///   - links: What the ports take.
    ///   - carried: Entries for flows that the kernel is to carry; nil for none.
    public init(
        program: Program, counters: FirewallCounters, fragments: consuming FragmentGatherer = FragmentGatherer(),
        flows: FlowSettings = FlowSettings(), connections: FlowRegistry = FlowRegistry(), start: UInt64 = 0,
        packets: JudgedPackets? = nil, checks: FrameChecks = FrameChecks(), answers: AnswerRate = AnswerRate(),
        checksums: ChecksumTrust = .verify, links: LinkLimits = LinkLimits(), carried: CarriedEntries? = nil
    ) {
        let isTracking = !program.connectionNeeds.isEmpty
        let settings = isTracking ? flows : carried.map { FlowSettings.light($0.count) } ?? FlowSettings(flows: 0)
        let flows = FlowTracker(settings: settings, carried: carried, now: start)
        let worker = isTracking ? connections.add(flows.liveness) : 0
        self.init(
            program, counters, fragments, flows, isTracking: isTracking, connections, worker: worker, generation: 0, packets: packets,
            checks: checks, answers: AnswerWriter(rate: answers), checksums: checksums, links: links)
    }

    private init(
        _ program: Program, _ counters: FirewallCounters, _ fragments: consuming FragmentGatherer, _ flows: consuming FlowTracker,
        isTracking: Bool, _ connections: FlowRegistry, worker: UInt64, generation: UInt32, packets: JudgedPackets?,
        checks: FrameChecks, answers: consuming AnswerWriter, checksums: ChecksumTrust, links: LinkLimits
    ) {
        self.program = program
        self.packets = packets
        self.checks = checks
        self.checksums = checksums
        self.answers = answers
        self.links = links
        if let mtus = links.mtus { program.setPathMTU(min(mtus.0, mtus.1)) }
        self.counters = counters
        hits = counters.hits
        self.fragments = fragments
        carriedPaths = flows.carries ? CarriedPaths(limit: FlowTracker.carriedPathLimit) : nil
        policies = program.connectionTimeouts.isEmpty ? [] : flows.usePolicies(program.connectionTimeouts.map { TimeoutPolicy($0.timeout) })
        self.flows = flows
        self.isTracking = isTracking
        self.connections = connections
        self.worker = worker
        self.generation = generation
        countHeld()
        countFlows()
    }

    /// Judges by another program from the next frame on. Fragments that are held stay, and their datagrams are judged by it; what was
    /// said of a datagram already (`FragmentMode.track`) stays said. Flows stay.
    /// - Parameters:
    ///   - counters: Made for `program`, and written by no other firewall.
    ///   - generation: Another number than the programs before have had.
    ///   - newFlows: Follows connections from here on, if no program before has asked for them and this one does.
    ///   - rechecksFlows: Each existing flow has to pass this program's rules as if it began with its next packet.
    public mutating func use(
        _ program: Program, counters: FirewallCounters, generation: UInt32, newFlows: NewFlows = NewFlows(),
        rechecksFlows: Bool = false
    ) {
        endCarrying { _, _, _ in }
        self.counters.settlePasses()
        self.counters.setHeld(frames: 0, bytes: 0, datagrams: 0)
        self.counters.forgetFlows()
        let isNew = !isTracking && !program.connectionNeeds.isEmpty
        var worker = worker
        if isNew {
            flows = newFlows.take()
            worker = connections.add(flows.liveness)
        }
        if rechecksFlows { flows.recheckFlows() }
        flows.beginRules()
        self = Firewall(
            program, counters, fragments, flows, isTracking: isTracking || isNew, connections, worker: worker, generation: generation,
            packets: packets, checks: checks, answers: answers, checksums: checksums, links: links)
    }

    func countHeld() {
        counters.setHeld(frames: fragments.heldFrames, bytes: fragments.heldBytes, datagrams: fragments.datagramCount)
    }

    /// Says whether a frame may pass.
    /// - Parameters:
    ///   - bytes: The frame from its destination address on, without the frame check sequence. Rules may change it.
    ///   - tag: The outermost tag if it is not in `bytes`. Rules may change it too: see `Judgement.frame`.
    ///   - isChecksumPartial: The transport checksum is left to hardware (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    ///   - isChecksumValid: It was looked at and found right already (`VIRTIO_NET_HDR_F_DATA_VALID`), or nobody can know.
    ///   - zeroLength: What a length of 0 in an IP header means.
    ///   - offload: What the frame is a super-frame of.
    ///   - ingress: Index into `Program.ports` of the port by which the frame came.
    ///   - instant: Now, by both clocks.
    ///   - frameTag: What precedes the frame, for when it is held.
    ///   - time: When it was captured, for when it is held.
    public mutating func judge(
        _ bytes: inout MutableRawSpan, tag: VLANTag?, isChecksumPartial: Bool = false, isChecksumValid: Bool = false,
        zeroLength: ZeroLength = .literal, offload: OffloadHeader = .none, ingress: UInt8, at instant: Instant,
        frameTag: FrameTag = FrameTag(), time: UInt64 = 0
    ) -> Judgement {
        answers.clear()
        let frame = ParsedFrame.parse(bytes.bytes, tag: tag, zeroLength: zeroLength)
        if frame.malformation == nil, let irregularity = checks.irregularity(of: frame, bytes.bytes) {
            hits.discardEvents()
            let reason = Reason(irregularity)
            counters.count(reason, length: frame.length)
            return Judgement(decision: dropped(reason), frame: frame)
        }
        if frame.isFragment, isChecksumValid { hasCutFragments = true }
        if !surelyFits(bytes.byteCount, ingress: ingress), program.changesFrames { answers.keep(bytes.bytes, frame) }
        var judgement =
            frame.isFragment
            ? gather(
                &bytes, frame, frameTag: frameTag, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, time: time)
            : judgePacket(
                &bytes, frame, isChecksumPartial: isChecksumPartial, isChecksumKnown: isChecksumPartial || isChecksumValid,
                ingress: ingress,
                at: instant)
        if judgement.decision.verdict == .accept, !surelyFits(bytes.byteCount, ingress: ingress) {
            settle(&judgement, bytes.bytes, offload, ingress: ingress, at: instant.monotonic)
        }
        if judgement.decision.verdict != .hold { counters.count(judgement.decision.reason, length: frame.length) }
        return judgement
    }

    /// Decides on a whole packet, without counting its reason.
    /// - Parameter isChecksumKnown: Tracking need not look at it.
    mutating func judgePacket(
        _ bytes: inout MutableRawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool = false, isChecksumKnown: Bool = false,
        ingress: UInt8, at instant: Instant
    ) -> Judgement {
        // Nothing passes that no rule saw, and no rule can see what is malformed.
        if let malformation = frame.malformation {
            hits.discardEvents()
            return Judgement(decision: dropped(Reason(malformation)), frame: frame)
        }

        var isChecksumPartial = isChecksumPartial
        var isChecksumKnown = isChecksumKnown
        if checksums != .verify, !isChecksumKnown {
            (isChecksumPartial, isChecksumKnown) = trust(frame, bytes.bytes)
        }
        var frame = frame
        var found: Classification
        var refusal: FlowRefusal?
        var isReply: Bool?
        if !isTracking {
            var connection = PacketConnection.untracked
            found = ask(&bytes, &frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, connection: &connection)
            if flows.carries { followLightly(bytes.bytes, frame, found, ingress: ingress, at: instant) }
        } else {
            (found, refusal, isReply) = classifyFollowed(
                &bytes, &frame, isChecksumPartial: isChecksumPartial, isChecksumKnown: isChecksumKnown, ingress: ingress, at: instant)
        }
        var decision = found.decision
        decision.generation = generation
        if let refusal {
            // No rule has said that.
            decision = dropped(Reason(refusal))
            decision.isChanged = found.decision.isChanged
        }
        if decision.verdict == .reject {
            answer(
                bytes.bytes, frame, decision, isChecksumKnown: isChecksumKnown, ingress: ingress, at: instant.monotonic)
        }
        var judgement = Judgement(decision: decision, frame: frame)
        if decision.invalidCause != nil { judgement.invalidNumbers = flows.invalidNumbers }
        judgement.isReply = isReply
        return judgement
    }

    /// How an unexplained checksum is taken: as unfinished, or as one that needs no look.
    private mutating func trust(_ frame: ParsedFrame, _ bytes: RawSpan) -> (isPartial: Bool, isKnown: Bool) {
        guard checksums == .offload else { return (false, true) }
        guard frame.hasUnfinishedChecksum(in: bytes) else { return (false, false) }
        unfinishedChecksums &+= 1
        return (true, true)
    }

    /// A drop that no rule has asked for.
    @inline(__always)
    func dropped(_ reason: Reason) -> Decision { Decision(verdict: .drop, reason: reason, generation: generation) }

    /// Asks the rules, and lets those look on who explain what they say.
    @inline(__always)
    func ask(
        _ bytes: inout MutableRawSpan, _ frame: inout ParsedFrame, isChecksumPartial: Bool, ingress: UInt8, at instant: Instant,
        section: PathSection = .whole, after before: Classification = .none, connection: inout PacketConnection
    ) -> Classification {
        packets?.add(
            bytes.bytes, frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, section: section, after: before,
            connection: connection)
        let found = program.classify(
            &bytes, &frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, section: section, after: before,
            connection: &connection, live: connections, hits: hits)
        packets?.conclude(found)
        return found
    }

    /// `log` statements that the frame judged last came to.
    public var eventCount: Int { hits.eventCount }

    /// The last frame's event of this index; nil where there is none, and for those beyond the first 16, of which none is kept.
    public func event(_ index: Int) -> LoggedStatement? { hits.event(index) }
}
