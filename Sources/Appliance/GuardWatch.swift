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
}

/// Looks after the guard of one port. To be asked whenever rtnetlink has announced something, once a second besides, and whenever
/// `isLost` says so: nobody announces changes of TCX lists.
///
/// What may have passed is what the device has counted since the guard was last seen in its place, less what the guard itself has.
struct GuardWatch {
    /// After a message about a restored guard, so long the next ones are summed up.
    private static let pause = Duration.seconds(10)

    /// A moment at which the guard stood where it should.
    private struct Mark {
        var time: ContinuousClock.Instant
        /// By the device's counters, read before and after those of the guard.
        var earliest: LinkTraffic.Counts
        var latest: LinkTraffic.Counts
        /// By the guard's own counters; nil where it has none.
        var counted: TCXGuard.Counts?
    }

    private var record = GuardRecord()
    private let traffic: LinkTraffic
    private var mark: Mark?
    /// When the guard was seen in its place last, without a look at the counters.
    private var lastSeen: ContinuousClock.Instant?
    /// What couldn't be done, as it was said last.
    private var problem: String?
    /// Programs before a guard made of filters, as they were said last.
    private var overtaking: [String] = []
    private var lastMessage: ContinuousClock.Instant?
    /// Restorations since the last message.
    private var unsaid: UInt64 = 0

    init() throws(SystemCallError) {
        traffic = try LinkTraffic()
    }

    /// For reports: what the last look found.
    var state: GuardRecord { record }

    /// The guard was just put on an interface.
    mutating func begin(_ portGuard: PortGuard) {
        record.kind = portGuard.name
        overtaking = HookSide.allCases.flatMap(portGuard.programsOfOthers)
        mark = measure(portGuard)
    }

    /// True if a guard of programs is gone or overtaken: two system calls, about 2 us each. The kernel tells nobody of what is attached to
    /// TCX lists: rtnetlink has no message for it, audit and perf only tell of programs that are loaded and freed. So somebody has to ask
    /// often enough.
    mutating func isLost(_ portGuard: borrowing PortGuard) -> Bool {
        guard portGuard.isUnannounced else { return false }
        for side in HookSide.allCases {
            // What can't be known now, the look of each second finds.
            guard let place = try? portGuard.place(side) else { return false }
            if place != .first { return true }
        }
        lastSeen = .now
        return false
    }

    /// Looks, and puts right what isn't.
    mutating func look(_ portGuard: inout PortGuard, _ log: Logger) {
        var lost: [(side: HookSide, place: PortGuard.Place)] = []
        do {
            for side in HookSide.allCases {
                let place = try portGuard.place(side)
                if place == .first { continue }
                lost.append((side, place))
                try portGuard.restore(side)
            }
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
        let now = measure(portGuard)
        count(lost.map(\.side) + before, now)
        record.isFirst = before.isEmpty
        tell(portGuard, lost, now, log)
        warn(of: before, portGuard, log)
        mark = now ?? mark
        record.silenced = mark?.counted?.silenced
    }

    private func measure(_ portGuard: PortGuard) -> Mark? {
        do {
            let earliest = try traffic.counts(of: portGuard.link)
            let counted = try portGuard.counts()
            return Mark(time: .now, earliest: earliest, latest: try traffic.counts(of: portGuard.link), counted: counted)
        } catch {
            return nil
        }
    }

    /// Frames between two moments that the guard hasn't counted, at most.
    private func missed(since old: Mark, _ now: Mark) -> (received: UInt64, sent: UInt64) {
        func missed(_ device: KeyPath<LinkTraffic.Counts, UInt64>, _ own: KeyPath<TCXGuard.Counts, UInt64>) -> UInt64 {
            let (before, after) = (old.earliest[keyPath: device], now.latest[keyPath: device])
            let counted = (now.counted?[keyPath: own] ?? 0) &- (old.counted?[keyPath: own] ?? 0)
            // An interface that was made again counts from 0.
            return after < before || counted > after - before ? 0 : after - before - counted
        }
        return (missed(\.received, \.received), missed(\.sent, \.sent))
    }

    private mutating func count(_ sides: [HookSide], _ now: Mark?) {
        guard let mark, let now else { return }
        let missed = missed(since: mark, now)
        if sides.contains(.ingress) { record.unguardedReceived &+= missed.received }
        if sides.contains(.egress) { record.unguardedSent &+= missed.sent }
    }

    // MARK: messages

    private mutating func tell(
        _ portGuard: PortGuard, _ lost: [(side: HookSide, place: PortGuard.Place)], _ now: Mark?, _ log: Logger
    ) {
        if !lost.isEmpty {
            record.restored &+= 1
            unsaid &+= 1
        }
        guard unsaid > 0, lastMessage.map({ $0.duration(to: .now) >= Self.pause }) ?? true else { return }
        lastMessage = .now
        let name = portGuard.link.name
        guard !lost.isEmpty else {
            log.warning("the guard of \(name) was put back \(unsaid) times more; find out who changes tc or TCX programs there")
            unsaid = 0
            return
        }
        let what = lost.map { side, place in
            switch place {
            case .behind(let others): "came after \(others) at \(side)"
            case .missing, .first: "was gone at \(side)"
            }
        }
        var sentence = "the guard of \(name) \(what.joined(separator: " and ")), and is back"
        if let mark, let now {
            let missed = missed(since: mark, now)
            var amounts: [String] = []
            if lost.contains(where: { $0.side == .ingress }) { amounts.append("\(missed.received) frames in") }
            if lost.contains(where: { $0.side == .egress }) { amounts.append("\(missed.sent) frames out") }
            let seen = max(mark.time, lastSeen ?? mark.time)
            let milliseconds = seen.duration(to: now.time) / .milliseconds(1)
            sentence +=
                " after at most \(Int(milliseconds.rounded(.up))) ms, in which at most \(amounts.joined(separator: " and ")) passed it"
        }
        log.warning("\(sentence)")
        unsaid = 0
    }

    private mutating func warn(of sides: [HookSide], _ portGuard: PortGuard, _ log: Logger) {
        let names = sides.flatMap(portGuard.programsOfOthers)
        if names == overtaking { return }
        if !names.isEmpty {
            let programs = names.joined(separator: ", ")
            log.warning(
                """
                TCX programs of others run before the guard of \(portGuard.link.name) (\(programs)): what they let pass, the host hears; \
                give Weir CAP_BPF and CAP_SYS_ADMIN, and its guard comes first
                """)
        } else {
            log.notice("no TCX program of others runs before the guard of \(portGuard.link.name) any more")
        }
        overtaking = names
    }

    private mutating func complain(_ text: String, _ log: Logger) {
        if text != problem { log.error("\(text)") }
        problem = text
    }
}
