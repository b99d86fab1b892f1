import Capture
import Classifier
import Firewall
import PacketIO
import Reporting
import Storage

/// All counters of a run at one moment, for people and for machines.
struct Report: PrintedReport {
    struct PortReport: Encodable {
        var name: String
        var up: Bool
        var received: Amount
        var sent: Amount
        /// Frames that the kernel could not put into the receive ring.
        var kernelDrops: UInt64
        /// Frames that came in here, and were dropped since they are larger than the other port's MTU.
        var tooBig: UInt64
        /// Packets that left here in fragments since they were larger than the MTU, and how many fragments they became.
        var fragmented: UInt64
        var fragments: UInt64
        /// Answers that were sent by this port, and those that its rate kept back.
        var answers: UInt64
        var answersOverRate: UInt64
        /// Frames that came in here and of which only the beginning could be had.
        var truncated: UInt64
        /// Frames that could not be sent by this port, by the cause's name.
        var sendFailures: [String: UInt64]
        var `guard`: GuardReport

        /// Frames that came in by it or should have left by it, and were lost there, by cause.
        var losses: [String: UInt64] {
            ["ring-full": kernelDrops, "too-big": tooBig, "truncated": truncated].merging(sendFailures) { $0 &+ $1 }
        }
    }

    /// What keeps the host off a port.
    struct GuardReport: Encodable {
        /// `tcx` or `filters`.
        var kind: String
        /// It stands where it should, and nothing of others comes before it.
        var first: Bool
        /// How often it was found gone or overtaken, and put back.
        var restored: UInt64
        /// Frames that may have reached the host or come from it meanwhile.
        var unguarded: Unguarded
        /// Frames of the host's that it kept in, where that is counted.
        var silenced: UInt64?
        /// Frames that it has handed to the other port without any rule.
        var joined: UInt64
        /// XDP programs and chains of nftables that run before it.
        var bypass: Bypass

        struct Unguarded: Encodable {
            var received: UInt64
            var sent: UInt64
        }

        struct Bypass: Encodable {
            /// What runs there now, in words.
            var present: [String]
            /// How many were found so far.
            var found: UInt64
            /// Frames that came in meanwhile and didn't come to Weir, at most.
            var received: UInt64
            /// Frames that left meanwhile and were not Weir's, at most.
            var sent: UInt64
        }

        init(_ record: GuardRecord) {
            kind = record.kind
            first = record.isFirst
            restored = record.restored
            unguarded = Unguarded(received: record.unguardedReceived, sent: record.unguardedSent)
            silenced = record.silenced
            joined = record.joined
            let bypass = record.bypass
            self.bypass = Bypass(present: bypass.present, found: bypass.found, received: bypass.received, sent: bypass.sent)
        }

        /// That it is not the first now; nil if it is.
        var standing: String? {
            if !bypass.present.isEmpty { return "it is not the first now, but \(bypass.present.listed(with: " and "))" }
            return first ? nil : "it is not the first now"
        }

        /// nil if there is nothing to say.
        var text: String? {
            var parts: [String] = []
            if restored > 0 { parts.append("put back \(GuardWords.times(restored))") }
            if restored > 0 || unguarded.received > 0 || unguarded.sent > 0 {
                parts.append("at most \(unguarded.received) frames in and \(unguarded.sent) out went past it")
            }
            if bypass.found > 0 {
                parts.append(
                    "others came before it \(GuardWords.times(bypass.found)), and at most \(bypass.received) frames didn't come to Weir and "
                        + "\(bypass.sent) that left were not Weir's")
            }
            if joined > 0 { parts.append("\(joined) frames went to the other port without any rule") }
            if let standing { parts.append(standing) }
            return parts.isEmpty ? nil : parts.joined(separator: "; ")
        }
    }

    var shared: SharedReport
    var ports: [PortReport]
    /// nil where the kernel carries nothing.
    var fastPath: FastPathReport?
    /// How often the rules were read again. Rules and state count since then, all else since the start.
    var reloads: UInt32
    /// Texts that nobody took from standard error.
    var lostMessages: UInt64 = 0

    init(_ configuration: Configuration, _ outputs: Outputs, _ pool: WorkerPool, ports states: [PortState]) {
        ports = states.enumerated().map { port, state in
            let counters = pool.portCounters.map { $0[port] }
            func sum(_ cell: PortCounters.Cell) -> UInt64 { counters.reduce(0) { $0 &+ $1.value(cell) } }
            return PortReport(
                name: state.name, up: state.isUp,
                received: Amount(Hits(frames: sum(.receivedFrames), bytes: sum(.receivedBytes))),
                sent: Amount(Hits(frames: sum(.sentFrames), bytes: sum(.sentBytes))), kernelDrops: pool.kernelDrops.value(at: port),
                tooBig: sum(.tooBig), fragmented: sum(.fragmented), fragments: sum(.fragments), answers: sum(.answers),
                answersOverRate: sum(.answersOverRate), truncated: sum(.truncated),
                sendFailures: Dictionary(uniqueKeysWithValues: PortCounters.failures(counters).map { ($0.key.name, $0.value) }),
                guard: GuardReport(state.guarding))
        }
        let (generation, counted) = pool.counted()
        reloads = generation.number
        fastPath = pool.fastPath.map { _ in FastPathReport(counted) }
        shared = SharedReport(
            version: configuration.version, firewall: FirewallReport(generation.program, counted, at: Clock.now()),
            outputs: OutputReports(
                capture: outputs.drops.map(CaptureReport.init),
                groups: outputs.groups?.outputs.map { ($0.group, CaptureReport($0.output)) },
                events: outputs.events.map { events in
                    EventReport(written: events.written, leftOut: pool.logs.reduce(events.leftOut) { $0 &+ $1.lost })
                }))
    }

    private enum CodingKeys: CodingKey {
        case ports, fastPath, reloads, lostMessages
    }

    func encode(to encoder: any Encoder) throws {
        try shared.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(ports, forKey: .ports)
        try container.encodeIfPresent(fastPath, forKey: .fastPath)
        try container.encode(reloads, forKey: .reloads)
        try container.encode(lostMessages, forKey: .lostMessages)
    }

    func tables() -> String {
        var text = TextTable(["port", "", "received", "bytes", "sent", "bytes", "kernel drops", "too big", "truncated", "not sent"])
        for port in ports {
            let failures = port.sendFailures.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            text.add([
                port.name, port.up ? "up" : "down", "\(port.received.frames)", "\(port.received.bytes)", "\(port.sent.frames)",
                "\(port.sent.bytes)", "\(port.kernelDrops)", "\(port.tooBig)", "\(port.truncated)",
                failures.isEmpty ? "0" : failures.joined(separator: ", "),
            ])
        }
        var result = text.rendered()
        for port in ports where port.answers > 0 || port.answersOverRate > 0 {
            result += "\nanswers by \(port.name): \(port.answers) sent, \(port.answersOverRate) kept back by --answer-rate\n"
        }
        for port in ports where port.fragmented > 0 {
            result +=
                "\ntoo big for \(port.name): \(port.fragmented == 1 ? "1 packet" : "\(port.fragmented) packets") left in \(port.fragments) fragments\n"
        }
        for port in ports {
            if let text = port.guard.text { result += "\nguard of \(port.name): \(text)\n" }
        }
        if let fastPath { result += "\n\(fastPath.text)\n" }
        result += shared.tables()
        if lostMessages > 0 { result += "\nmessages: \(lostMessages) lost, since nobody took them from standard error\n" }
        return result
    }
}

extension CaptureReport {
    fileprivate init(_ capture: DropCapture) {
        self.init(written: capture.written, lost: capture.lost, leftOut: capture.leftOut, unmatched: capture.unmatched)
    }
}
