import Glibc
import KernelPath
import Logging
import PacketIO

/// How a port's guard has fared since the start, for reports.
struct GuardRecord: Sendable, Equatable {
    /// `tcx` or `filters`.
    var kind = ""
    /// It stands where it should, and nothing of others comes before it.
    var isFirst = true
    /// How often it was found gone or overtaken, and put back.
    var restored: UInt64 = 0
    /// Frames that came in, at most, while it wasn't first: the host may have heard, answered or routed them.
    var unguardedReceived: UInt64 = 0
    /// Frames that left, at most, while it wasn't first, and may have been the host's.
    var unguardedSent: UInt64 = 0
    /// Frames of the host's that it kept in; nil where that isn't counted.
    var silenced: UInt64?
    /// Frames that it has handed to the other port without any rule; 0 where it never does.
    var joined: UInt64 = 0
    /// What came before it, whatever it is made of.
    var bypass = BypassRecord()
}

/// What the watch of a port's guard has to know besides.
struct Surroundings {
    /// Chains of nftables at the egress of interfaces, of all of them.
    var chains: [InterfaceChain]
    /// What Weir has counted on the port so far.
    var traffic: PortTraffic
}

/// Looks after the guard of one port, and after what comes before it. To be asked whenever rtnetlink or nftables have announced something,
/// once a second besides, and whenever `needsLook` says so: nobody announces changes of TCX lists.
///
/// What may have passed is what the device has counted since the guard was last seen in its place, less what the guard itself has.
struct GuardWatch {
    /// What happened to the guard since the last message about it.
    private struct Losses {
        var count: UInt64 = 0
        var span = GuardMeter.Span()
    }

    private typealias Loss = (side: HookSide, place: PortGuard.Place)

    /// The port, as configured.
    private let port: String
    private var record = GuardRecord()
    private let meter: GuardMeter
    private var bypasses = BypassWatch()
    private var mark: GuardMeter.Mark?
    /// When the guard was seen in its place last, without a look at the counters.
    private var lastSeen: ContinuousClock.Instant?
    /// What couldn't be done, as it was said last.
    private var problem: String?
    /// Programs before a guard made of filters, as they were said last.
    private var overtaking: [String] = []
    private var quota = MessageQuota(size: 1)
    private var unsaid = Losses()

    init(port: String) throws(SystemCallError) {
        self.port = port
        meter = try GuardMeter()
    }

    /// For reports: what the last look found.
    var state: GuardRecord {
        var state = record
        state.bypass = bypasses.record
        return state
    }

    /// The guard was just put on an interface. Says what comes before it.
    mutating func begin(_ portGuard: PortGuard, _ surroundings: Surroundings, _ log: Logger) {
        record.kind = portGuard.name
        bypasses.forget()
        mark = meter.mark(portGuard, surroundings.traffic)
        warn(of: HookSide.allCases.flatMap(portGuard.programsOfOthers), portGuard, log)
        bypasses.look(hooks(portGuard, surroundings) ?? [], at: portGuard.link, port: port, span: nil, log)
        record.isFirst = overtaking.isEmpty && bypasses.isEmpty
    }

    /// What comes before the guard now; nil if that can't be known.
    private func hooks(_ portGuard: PortGuard, _ surroundings: Surroundings) -> [Bypass.Hook]? {
        meter.programs(of: portGuard.link).map { Bypass.hooks(at: portGuard.link, programs: $0, chains: surroundings.chains) }
    }

    /// True if a guard of programs is gone or overtaken, or XDP programs have come or gone: three system calls, of which those for TCX
    /// take about 2 us each. The kernel tells nobody of what is attached to TCX lists, nor of an XDP program that a link attaches:
    /// rtnetlink has no message for it, audit and perf only tell of programs that are loaded and freed. So somebody has to ask often
    /// enough.
    mutating func needsLook(_ portGuard: PortGuard, _ surroundings: Surroundings) -> Bool {
        if portGuard.isUnannounced {
            for side in HookSide.allCases {
                // What can't be known now, the look of each second finds.
                guard let place = try? portGuard.place(side) else { return false }
                if place != .first { return true }
            }
            lastSeen = .now
        }
        return hooks(portGuard, surroundings).map { !bypasses.knows($0) } ?? false
    }

    /// Looks, and puts right what isn't.
    mutating func look(_ portGuard: inout PortGuard, _ surroundings: Surroundings, _ log: Logger) {
        var lost: [Loss] = []
        do {
            for side in HookSide.allCases {
                let place = try portGuard.place(side)
                if place == .first { continue }
                lost.append((side, place))
                try portGuard.restore(side, from: place)
            }
            // Once both sides have their own again: it takes its time.
            if !lost.isEmpty { try portGuard.settle() }
            problem = nil
        } catch let error as SystemCallError where error.code == ENODEV {
            // The interface is gone, which is said of the port.
            return
        } catch {
            complain("the guard of \(portGuard.link.name) can't be put back: \(error); trying again every second", log)
            record.isFirst = false
            return
        }
        let before = HookSide.allCases.filter { !portGuard.programsOfOthers($0).isEmpty }
        let now = meter.mark(portGuard, surroundings.traffic)
        var span: GuardMeter.Span?
        if let mark, let now { span = GuardMeter.span(from: mark, to: now) }
        count(lost.map(\.side) + before, span)
        tell(portGuard, lost, span, now, log)
        warn(of: before.flatMap(portGuard.programsOfOthers), portGuard, log)
        if let hooks = hooks(portGuard, surroundings) {
            // Frames that the guard missed are counted as such already.
            bypasses.look(hooks, at: portGuard.link, port: port, span: lost.isEmpty ? span : nil, log)
        }
        record.isFirst = before.isEmpty && bypasses.isEmpty
        mark = now ?? mark
        record.silenced = mark?.counted?.silenced
        record.joined = mark?.counted?.joined ?? 0
    }

    private mutating func count(_ sides: [HookSide], _ span: GuardMeter.Span?) {
        guard let span else { return }
        if sides.contains(.ingress) { record.unguardedReceived &+= span.received.missed }
        if sides.contains(.egress) { record.unguardedSent &+= span.sent.missed }
    }

    // MARK: messages

    private mutating func tell(
        _ portGuard: PortGuard, _ lost: [Loss], _ span: GuardMeter.Span?, _ now: GuardMeter.Mark?, _ log: Logger
    ) {
        guard !lost.isEmpty else {
            if quota.isOpen() { summarize(log) }
            return
        }
        record.restored &+= 1
        // What wasn't hit has nothing to be counted.
        var span = span
        if !lost.contains(where: { $0.side == .ingress }) { span?.received = GuardMeter.Amount() }
        if !lost.contains(where: { $0.side == .egress }) { span?.sent = GuardMeter.Amount() }
        guard unsaid.count == 0, quota.take() else {
            unsaid.count += 1
            if let span { unsaid.span += span }
            return
        }
        let what = lost.map { side, place in
            switch place {
            case .behind(let others): "was overtaken by \(others) at \(side)"
            case .missing, .first: "was gone at \(side)"
            }
        }
        var sentence = "the guard of \(portGuard.link.name) \(what.joined(separator: " and ")), and stands first again"
        if let mark, let now, let span {
            let seen = max(mark.time, lastSeen ?? mark.time)
            sentence +=
                " after at most \(GuardWords.time(seen.duration(to: now.time))); in the last \(GuardWords.time(span.time)) \(Self.amounts(span))"
        }
        log.warning("\(sentence)")
    }

    private static func amounts(_ span: GuardMeter.Span) -> String {
        var amounts: [String] = []
        if span.received.total > 0 { amounts.append(GuardWords.came(span.received, "went past it")) }
        if span.sent.total > 0 { amounts.append(GuardWords.left(span.sent, "went past it")) }
        return amounts.isEmpty ? "no frame passed" : amounts.joined(separator: ", and ")
    }

    /// Says what was held back.
    private mutating func summarize(_ log: Logger) {
        guard unsaid.count > 0 else { return }
        log.warning(
            """
            the guard of \(port) was put back \(GuardWords.more(unsaid.count)); around that, in \(GuardWords.time(unsaid.span.time)), \
            \(Self.amounts(unsaid.span)); find out who changes tc or TCX programs there
            """)
        unsaid = Losses()
        _ = quota.take()
    }

    private mutating func warn(of names: [String], _ portGuard: PortGuard, _ log: Logger) {
        if names == overtaking { return }
        if !names.isEmpty {
            log.error("\(portGuard.overtakenFinding(port, names).sentence)")
        } else {
            log.notice("no TCX program of others runs before the guard of \(portGuard.link.name) now")
        }
        overtaking = names
    }

    private mutating func complain(_ text: String, _ log: Logger) {
        if text != problem { log.error("\(text)") }
        problem = text
    }

    /// The run ends: says what was held back.
    mutating func finish(_ log: Logger) {
        summarize(log)
        bypasses.finish(port, log)
    }
}
