package import Classifier
import Decisions
package import Firewall
package import Flows
package import Fragments
package import Interpreter
package import Ruleset
import Storage
import Wire

/// What became of a frame.
package struct Outcome: Sendable, Equatable {
    /// The frame's number, from 1.
    package var frame: Int
    package var judgement: Judgement
}

/// A frame, and all that happened when it came.
package struct ExplainedFrame: Sendable {
    /// From 1, in the order in which frames come.
    package var number: Int
    package var ingress: Int
    /// Nanoseconds from the start.
    package var time: UInt64
    package var length: Int
    /// Frames that had been held, and died before this one came since their time was over.
    package var expired: [Outcome]
    /// The way of what the rules were asked about: the packet, or the datagram that this frame made whole. Empty where they were not asked.
    package var trace: [TraceStep]
    /// IPv6's extension headers of that, as far as rules walk them; nil where there are none.
    package var headers: String?
    /// What was decided with this frame: on itself, unless it is held, and on frames that had been held.
    package var outcomes: [Outcome]
    /// What the sender was told, if a rule rejected it or it was too big; nil if nothing.
    package var answer: String?
    /// Whether the kernel would carry packets like it; nil where that was not asked, or the packet doesn't pass.
    package var carriage: CarriageOutlook?
}

/// Program and interpreter disagree about a packet: a fault of Weir's own.
package struct Inconsistency: Error, Sendable, CustomStringConvertible {
    package var program: Classification
    package var interpreter: Classification
    package var bytes: [UInt8]

    package var description: String {
        func text(_ found: Classification) -> String { "\(found.verdict), rule \(found.rule), base chain \(found.baseChain)" }
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return """
            the two evaluations of the rules disagree: \(text(program)), and \(text(interpreter)), of the frame \(digits). This is a fault of \
            Weir's: please report it, with the rule file and this line
            """
    }
}

/// Judges frames as `weir run` does, and tells the way of each through the rules, walked by the plain interpreter.
package struct Explainer: ~Copyable {
    /// Keeps verdicts until they are asked for.
    private struct Listener: ReplaySink {
        var outcomes: [Outcome] = []
        var answer: String?

        mutating func judged(_ frame: JudgedFrame) {
            guard frame.judgement.verdict != .hold else { return }
            outcomes.append(Outcome(frame: Int(clamping: frame.place.number), judgement: frame.judgement))
        }

        mutating func logged(_ event: LoggedStatement, _ frame: JudgedFrame) {}

        mutating func answered(_ answer: UnsafeRawBufferPointer, _ frame: JudgedFrame) { self.answer = AnswerText.text(of: answer) }

        mutating func take() -> [Outcome] {
            defer { outcomes = [] }
            return outcomes
        }
    }

    package let program: Program
    private let walker: Walker
    private let clock: UInt64
    private var replay: Replay
    private var listener = Listener()
    private var count = 0

    /// - Parameter clock: Nanoseconds since the epoch at time 0.
    package init(
        _ ruleset: Ruleset, ports: [String], clock: UInt64, fragments: FragmentMode = .reassemble,
        limits: FragmentLimits = FragmentLimits(),
        flows: FlowSettings = FlowSettings(), checks: FrameChecks = FrameChecks(), links: LinkLimits = LinkLimits(),
        explainsCarriage: Bool = false
    ) throws(ProgramError) {
        let start = Instant(monotonic: 0, sinceEpoch: clock)
        program = try Program(compiling: ruleset, ports: ports, start: start)
        let connections = FlowRegistry()
        let walker = Walker(
            Interpreter(ruleset, ports: ports, start: start, pathMTU: links.mtus.map { min($0.0, $0.1) } ?? 1_500), connections,
            showsConnections: !program.connectionNeeds.isEmpty, carrying: explainsCarriage ? program : nil)
        self.walker = walker
        replay = Replay(
            program, fragments: fragments, limits: limits, flows: flows, connections: connections, packets: JudgedPackets(walker.walk),
            checks: checks, links: links)
        self.clock = clock
        replay.pass(until: clock, into: &listener)
    }

    package var counters: FirewallCounters { replay.counters }

    /// Lets time pass; returns what became of frames for it.
    /// - Parameter time: Nanoseconds from the start, and not before that of a frame.
    package mutating func pass(until time: UInt64) -> [Outcome] {
        replay.pass(until: clock &+ time, into: &listener)
        return listener.take()
    }

    /// - Parameters:
    ///   - frame: From the destination address on, all tags in their places.
    ///   - time: As of `pass`.
    package mutating func explain(_ frame: [UInt8], ingress: Int, at time: UInt64) throws(Inconsistency) -> ExplainedFrame {
        let expired = pass(until: time)
        count += 1
        var bytes = frame
        bytes.withUnsafeMutableBytes { bytes in
            replay.judge(
                bytes, FramePlace(number: UInt64(count)), ingress: UInt8(truncatingIfNeeded: ingress), time: clock &+ time, into: &listener)
        }
        defer { listener.answer = nil }
        return ExplainedFrame(
            number: count, ingress: ingress, time: time, length: frame.count, expired: expired, trace: try walker.take(),
            headers: walker.takeHeaders(), outcomes: listener.take(), answer: listener.answer, carriage: walker.takeCarriage())
    }
}

/// Takes each packet through the rules once more, by the plain interpreter: at once, since connections count otherwise when this one has
/// come into their table and another has made room for it.
private final class Walker {
    private let interpreter: Interpreter
    private let connections: FlowRegistry
    private let showsConnections: Bool
    private var steps: [TraceStep] = []
    private var fault: Inconsistency?
    private var headers: String?
    private let carrying: Program?
    private let recorder = PathRecorder()
    private var carriage: CarriageOutlook?

    /// - Parameter carrying: The program by which flows would be carried, if that is asked.
    init(_ interpreter: Interpreter, _ connections: FlowRegistry, showsConnections: Bool, carrying: Program?) {
        self.carrying = carrying
        self.interpreter = interpreter
        self.connections = connections
        self.showsConnections = showsConnections
    }

    func walk(_ packet: JudgedPackets.Packet) {
        headers = HeaderChain.text(of: packet.bytes, packet.frame)
        // Before tracking there is nothing to see of it.
        if showsConnections, packet.section != .beforeTracking { steps.append(.connection(packet.connection)) }
        let found = interpreter.classify(
            packet.bytes.span.bytes, packet.frame, isChecksumPartial: packet.isChecksumPartial, ingress: packet.ingress, at: packet.instant,
            section: packet.section, after: packet.before, connection: packet.connection, live: connections,
            isTraced: true)
        if found.classification != packet.classification, !interpreter.isRoomUncertain, fault == nil {
            fault = Inconsistency(program: packet.classification, interpreter: found.classification, bytes: packet.bytes)
        }
        steps += found.trace.steps
        if let carrying { look(at: packet, carrying) }
    }

    private func look(at packet: JudgedPackets.Packet, _ program: Program) {
        if packet.section != .afterTracking { recorder.begin() }
        _ = program.record(
            packet.bytes.span.bytes, packet.frame, ingress: packet.ingress, at: packet.instant, section: packet.section,
            after: packet.before, connection: packet.connection, into: recorder)
        let isTCP = packet.frame.transportProtocol == IPProtocol.tcp
        carriage =
            packet.classification.verdict == .accept
            ? CarriageOutlook(recorder, isFirst: isTCP && packet.connection.state == .new) : nil
    }

    func takeCarriage() -> CarriageOutlook? {
        defer { carriage = nil }
        return carriage
    }

    /// The extension headers of what came since the last call.
    func takeHeaders() -> String? {
        defer { headers = nil }
        return headers
    }

    /// The way of what came since the last call.
    func take() throws(Inconsistency) -> [TraceStep] {
        defer { steps = [] }
        if let fault { throw fault }
        return steps
    }
}
