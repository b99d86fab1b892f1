public import Answers
public import Classifier
public import Decisions
public import Firewall
public import Flows
public import Fragments
public import Storage
public import Wire

/// The place of a frame in the captures that are replayed.
public struct FramePlace: BitwiseCopyable, Sendable, Hashable {
    /// Index of its file.
    public var file: UInt16
    /// Its number in that file, from 1.
    public var number: UInt64

    public init(file: UInt16 = 0, number: UInt64) {
        self.file = file
        self.number = number
    }
}

/// What became of a frame that was replayed.
public struct JudgedFrame {
    public var place: FramePlace
    /// Index into `Program.ports` of the port by which it came.
    public var ingress: UInt8
    /// Nanoseconds since the epoch, as it was given.
    public var time: UInt64
    /// With the frame as rules have left it. `.hold` only where a `log` statement saw a fragment that is held.
    public var judgement: Judgement
    /// As rules have left them. Valid during the call.
    public var bytes: UnsafeRawBufferPointer
}

/// What hears the verdicts.
public protocol ReplaySink: ~Copyable {
    /// A frame has its verdict: each has one, in the order in which they are known.
    mutating func judged(_ frame: JudgedFrame)

    /// A frame, or the datagram that it completes, came to a `log` statement. Heard before the verdict.
    mutating func logged(_ event: LoggedStatement, _ frame: JudgedFrame)

    /// The sender of a frame that is rejected or too big, or of the datagram that it completes, is told. Heard before the verdict.
    /// - Parameter answer: A whole frame, to be sent by the port by which the other came. Valid during the call.
    mutating func answered(_ answer: UnsafeRawBufferPointer, _ frame: JudgedFrame)

    /// A frame came to this many more `log` statements than are reported for one. Called after the reports.
    mutating func leftOut(events: Int, of frame: JudgedFrame)
}

extension ReplaySink where Self: ~Copyable {
    /// Nothing happens.
    public mutating func leftOut(events: Int, of frame: JudgedFrame) {}

    /// Nothing happens.
    public mutating func answered(_ answer: UnsafeRawBufferPointer, _ frame: JudgedFrame) {}
}

/// The firewall on recorded or described frames: the same that runs live, with the frames' times as its clock.
///
/// Frames are pushed in, and verdicts come out; those of fragments that are held when they are known. Nothing is allocated for a frame.
public struct Replay: ~Copyable {
    private var firewall: Firewall
    private var clock = ReplayClock()
    private let zeroLength: ZeroLength
    public let counters: FirewallCounters
    /// What the ports take.
    public let links: LinkLimits

    /// - Parameters:
    ///   - program: Compiled with 0 as its `start`, from which the first frame counts. Its limits and quotas go on from where they are.
    ///   - zeroLength: What a length of 0 in an IP header means: captures may hold super-frames.
    ///   - connections: Says which connections there are, to others too.
    ///   - packets: Gets a copy of each packet that the rules see, for explanations.
    ///   - checks: What frames must be before the rules see them.
    ///   - answers: How often senders are told, by the frames' times.
    ///   - checksums: What is made of the frames' transport checksums.
    ///   - links: What the ports take.
    public init(
        _ program: Program, fragments: FragmentMode = .reassemble, limits: FragmentLimits = FragmentLimits(),
        flows: FlowSettings = FlowSettings(), zeroLength: ZeroLength = .literal, connections: FlowRegistry = FlowRegistry(),
        packets: JudgedPackets? = nil, checks: FrameChecks = FrameChecks(), answers: AnswerRate = AnswerRate(),
        checksums: ChecksumTrust = .verify, links: LinkLimits = LinkLimits()
    ) {
        counters = FirewallCounters(for: program)
        self.zeroLength = zeroLength
        self.links = links
        firewall = Firewall(
            program: program, counters: counters, fragments: FragmentGatherer(mode: fragments, limits: limits), flows: flows,
            connections: connections, packets: packets, checks: checks, answers: answers, checksums: checksums, links: links)
    }

    /// Packets whose checksum was taken for one that hardware was to finish.
    public var unfinishedChecksums: UInt64 { firewall.unfinishedChecksums }

    /// Frames whose time was before that of a previous frame.
    public var backwardSteps: UInt64 { clock.backwardSteps }

    /// The moment at which the last frame was judged.
    public var now: Instant {
        var clock = clock
        return clock.advance(to: 0)
    }

    /// Judges a frame, and before it lets those go that were held too long by its time.
    /// - Parameters:
    ///   - bytes: With all tags, without the frame check sequence. Rules may change them.
    ///   - isCut: Zeros stand in place of bytes that were not recorded: no checksum can be asked for.
    ///   - time: Nanoseconds since the epoch. Time that goes back by no more than a second stands still; from further back it goes on.
    public mutating func judge<Sink: ReplaySink & ~Copyable>(
        _ bytes: UnsafeMutableRawBufferPointer, _ place: FramePlace, isCut: Bool = false, ingress: UInt8, time: UInt64,
        into sink: inout Sink
    ) {
        let instant = pass(until: time, into: &sink)
        var span = bytes.mutableBytes
        let judgement = firewall.judge(
            &span, tag: nil, isChecksumValid: isCut, zeroLength: zeroLength, ingress: ingress, at: instant, frameTag: FrameTag(place),
            time: time)
        let frame = JudgedFrame(
            place: place, ingress: ingress, time: time, judgement: judgement, bytes: UnsafeRawBufferPointer(bytes))
        if firewall.eventCount > 0 { tellEvents(of: frame, to: &sink) }
        if firewall.answerOutcome == .written {
            var answered = frame
            // The answer is to the datagram that the frame has made whole.
            if judgement.verdict == .hold { answered.judgement.decision = firewall.datagramDecision }
            sink.answered(firewall.answerBytes, answered)
        }
        if judgement.verdict != .hold { sink.judged(frame) }
        if firewall.hasDepartures { depart(into: &sink, at: instant) }
    }

    /// Lets a frame move its connection on without judging it.
    /// - Parameters:
    ///   - bytes: The whole frame, with zeros in place of bytes that were not recorded.
    ///   - captured: Bytes that were.
    ///   - time: As of `judge`.
    public mutating func follow<Sink: ReplaySink & ~Copyable>(
        _ bytes: UnsafeMutableRawBufferPointer, captured: Int, ingress: UInt8, time: UInt64, into sink: inout Sink
    ) {
        let instant = pass(until: time, into: &sink)
        firewall.follow(
            UnsafeRawBufferPointer(bytes).bytes, captured: captured, zeroLength: zeroLength, ingress: ingress, at: instant)
    }

    /// Goes over the connections that are followed now.
    func forEachFlow(_ body: (FlowDescription) -> Void) {
        var place: Int? = 0
        while let from = place { place = firewall.flows(from: from, count: 4096, at: now) { _, flow in body(flow) } }
    }

    /// Lets time go by without a frame, and those go that were held too long by then.
    /// - Parameter time: As of a frame.
    @discardableResult
    public mutating func pass<Sink: ReplaySink & ~Copyable>(until time: UInt64, into sink: inout Sink) -> Instant {
        let instant = clock.instant(at: time)
        if let deadline = firewall.deadline, deadline <= instant.monotonic {
            firewall.expire(at: instant)
            depart(into: &sink, at: instant)
        }
        return instant
    }

    /// Lets time go on until nothing is held any more: every frame has its verdict then.
    public mutating func finish<Sink: ReplaySink & ~Copyable>(into sink: inout Sink) {
        while let deadline = firewall.fragmentDeadline {
            let instant = clock.advance(to: deadline)
            firewall.expire(at: instant)
            depart(into: &sink, at: instant)
        }
        firewall.countFlows()
    }

    @inline(never)
    private func tellEvents<Sink: ReplaySink & ~Copyable>(of frame: JudgedFrame, to sink: inout Sink) {
        for index in 0..<firewall.eventCount {
            guard let event = firewall.event(index) else {
                sink.leftOut(events: firewall.eventCount - index, of: frame)
                break
            }
            sink.logged(event, frame)
        }
    }

    @inline(never)
    private mutating func depart<Sink: ReplaySink & ~Copyable>(into sink: inout Sink, at instant: Instant) {
        guard firewall.hasDepartures else { return }
        repeat {
            while let departure = firewall.nextDeparture(at: instant.monotonic) {
                let held = departure.held
                let frame = JudgedFrame(
                    place: FramePlace(held.frameTag), ingress: held.ingress, time: held.time,
                    judgement: departure.judgement, bytes: UnsafeRawBufferPointer(start: held.start, count: held.length))
                if firewall.answerOutcome == .written { sink.answered(firewall.answerBytes, frame) }
                sink.judged(frame)
            }
        } while firewall.finishDepartures()
    }
}

extension FrameTag {
    /// A recorded frame's place: it has no offload state to keep.
    fileprivate init(_ place: FramePlace) { self.init(low: place.number, high: place.file) }
}

extension FramePlace {
    fileprivate init(_ tag: FrameTag) { self.init(file: tag.high, number: tag.low) }
}
