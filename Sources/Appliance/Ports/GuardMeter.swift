import KernelPath
import PacketIO

/// Frames of one port that Weir has counted itself.
struct PortTraffic: Sendable, Equatable {
    /// Taken off the wire, or lost before the ring had room.
    var received: UInt64 = 0
    /// Sent by the port, answers included.
    var sent: UInt64 = 0
}

/// Measures which part of a port's frames went past its guard: what the device has counted and neither the guard nor Weir has.
package struct GuardMeter {
    /// A moment at which everything was counted.
    struct Mark {
        var time: ContinuousClock.Instant
        /// By the device's counters, read before and after the others.
        var earliest: LinkTraffic.Counts
        var latest: LinkTraffic.Counts
        /// By the guard's own counters; nil where it has none.
        var counted: TCXGuard.Counts?
        var weir: PortTraffic
    }

    /// Frames of one direction between two moments.
    package struct Amount: Sendable, Equatable {
        var total: UInt64
        /// How many of them nobody has accounted for, at most.
        var missed: UInt64

        package init(total: UInt64 = 0, missed: UInt64 = 0) {
            self.total = total
            self.missed = missed
        }

        static func += (sum: inout Amount, other: Amount) {
            sum.total &+= other.total
            sum.missed &+= other.missed
        }
    }

    /// What passed between two moments.
    struct Span: Sendable, Equatable {
        var time = Duration.zero
        /// Missed are those that the guard didn't keep from the host.
        var received = Amount()
        /// Missed are those that didn't come to Weir's sockets.
        var unseen = Amount()
        /// Missed are those that neither the guard let out nor Weir sent.
        var sent = Amount()
        /// Missed are those that Weir didn't send, whatever the guard took them for.
        var strange = Amount()

        static func += (sum: inout Span, other: Span) {
            sum.time += other.time
            sum.received += other.received
            sum.unseen += other.unseen
            sum.sent += other.sent
            sum.strange += other.strange
        }
    }

    private let traffic: LinkTraffic

    init() throws(SystemCallError) {
        traffic = try LinkTraffic()
    }

    /// The XDP programs of the port; nil if they can't be known.
    func programs(of link: Link) -> [XDPProgram]? { try? traffic.programs(of: link) }

    /// nil if the interface is gone.
    func mark(_ portGuard: PortGuard, _ weir: PortTraffic) -> Mark? {
        do {
            let earliest = try traffic.counts(of: portGuard.link)
            let counted = try portGuard.counts()
            return Mark(time: .now, earliest: earliest, latest: try traffic.counts(of: portGuard.link), counted: counted, weir: weir)
        } catch {
            return nil
        }
    }

    static func span(from old: Mark, to now: Mark) -> Span {
        /// - Parameter known: What others have counted before and after; the largest of their numbers counts.
        func amount(_ device: KeyPath<LinkTraffic.Counts, UInt64>, _ known: [(before: UInt64?, after: UInt64?)]) -> Amount {
            let (before, after) = (old.earliest[keyPath: device], now.latest[keyPath: device])
            // An interface that was made again counts from 0.
            guard after >= before else { return Amount() }
            let total = after - before
            let counted = known.map { ($0.after ?? 0) &- ($0.before ?? 0) }.max() ?? 0
            return Amount(total: total, missed: counted > total ? 0 : total - counted)
        }
        let guarded = (old.counted?.received, now.counted?.received)
        let letOut = (old.counted?.sent, now.counted?.sent)
        let sent: (UInt64?, UInt64?) = (old.weir.sent, now.weir.sent)
        return Span(
            time: old.time.duration(to: now.time), received: amount(\.received, [guarded]),
            unseen: amount(\.received, [guarded, (old.weir.received, now.weir.received)]), sent: amount(\.sent, [letOut, sent]),
            strange: amount(\.sent, [sent]))
    }
}
