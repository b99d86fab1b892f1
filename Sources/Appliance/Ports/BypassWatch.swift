import Logging
import PacketIO
import Reporting

/// How often others had a port's frames before its guard since the start, for reports.
struct BypassRecord: Sendable, Equatable {
    /// What has them now, in words.
    var present: [String] = []
    /// How many were found so far.
    var found: UInt64 = 0
    /// Frames that came in meanwhile and didn't come to Weir, at most: dropped or redirected.
    var received: UInt64 = 0
    /// Frames that left meanwhile and that Weir didn't send, at most.
    var sent: UInt64 = 0
}

/// Says when a program or chain of others comes before the guard of one port, and when it is gone again.
struct BypassWatch {
    /// One that is there.
    private struct Stay {
        var bypass: Bypass
        var span = GuardMeter.Span()
    }

    private(set) var record = BypassRecord()
    private var stays: [Stay] = []
    private var quota = MessageQuota()
    /// What was held back since the last message.
    private var heldBack: (changes: UInt64, span: GuardMeter.Span) = (0, GuardMeter.Span())

    /// There is none.
    var isEmpty: Bool { stays.isEmpty }

    /// The same as at the last look.
    func knows(_ hooks: [Bypass.Hook]) -> Bool { stays.map(\.bypass.hook) == hooks }

    /// - Parameters:
    ///   - hooks: What comes before the guard now.
    ///   - span: What passed since the last look; nil if that isn't known.
    mutating func look(_ hooks: [Bypass.Hook], at link: Link, port: String, span: GuardMeter.Span?, _ log: Logger) {
        let new = hooks.filter { hook in !stays.contains { $0.bypass.hook == hook } }.map { Bypass($0, at: link) }
        stays += new.map { Stay(bypass: $0) }
        record.found &+= UInt64(new.count)
        // New and gone ones were there for a part of the time.
        if let span, !stays.isEmpty {
            for index in stays.indices { stays[index].span += span }
            if stays.contains(where: { $0.bypass.side == .ingress }) { record.received &+= span.unseen.missed }
            if stays.contains(where: { $0.bypass.side == .egress }) { record.sent &+= span.strange.missed }
        }
        let gone = stays.filter { !hooks.contains($0.bypass.hook) }
        stays.removeAll { !hooks.contains($0.bypass.hook) }
        record.present = stays.map(\.bypass.title)
        for bypass in new { tell(nil, log) { log.error("\(bypass.finding(port).sentence)") } }
        for stay in gone { tell(stay.span, log) { log.notice("\(Self.end(of: stay))") } }
        if quota.isOpen() { summarize(port, log) }
    }

    /// The interface is gone, and what was on it.
    mutating func forget() {
        stays = []
        record.present = []
    }

    /// Says what was held back.
    mutating func finish(_ port: String, _ log: Logger) { summarize(port, log) }

    private mutating func tell(_ span: GuardMeter.Span?, _ log: Logger, _ say: () -> Void) {
        if heldBack.changes == 0, quota.take() { return say() }
        heldBack.changes += 1
        if let span { heldBack.span += span }
    }

    private mutating func summarize(_ port: String, _ log: Logger) {
        guard heldBack.changes > 0 else { return }
        let now = stays.isEmpty ? "nothing does now" : "\(record.present.listed(with: " and ")) does now"
        log.log(
            level: stays.isEmpty ? .warning : .error,
            """
            what runs at \(port) before the guard changed \(GuardWords.more(heldBack.changes)), and \(now); meanwhile \
            \(GuardWords.came(heldBack.span.unseen, "didn't come to Weir")), and \(GuardWords.left(heldBack.span.strange, "were not Weir's")); \
            find out who changes XDP programs and nftables there
            """)
        heldBack = (0, GuardMeter.Span())
        _ = quota.take()
    }

    private static func end(of stay: Stay) -> String {
        let (bypass, span) = (stay.bypass, stay.span)
        let amount =
            switch bypass.side {
            case .ingress: GuardWords.came(span.unseen, "didn't come to Weir")
            case .egress: GuardWords.left(span.strange, "were not Weir's")
            }
        return "\(bypass.title) no longer runs at \(bypass.interface); in \(GuardWords.time(span.time)) \(amount)"
    }
}
