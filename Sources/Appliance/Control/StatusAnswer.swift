import Classifier
import Control
import Glibc
import Reporting
import Storage

extension StatusRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream { ReadyAnswer([StatusReport(desk).item(form)]) }
}

/// How a run fares at this moment.
struct StatusReport: AnswerItem {
    struct RulesetReport: Encodable {
        struct TrialReport: Encodable {
            /// Seconds until the rules before come back.
            var left: UInt64
            /// What brings them back at once.
            var abortOn: [String]
        }

        struct ReloadReport: Encodable {
            /// `in force`, `unchanged`, `refused`, `confirmed` or `returned`.
            var outcome: String
            /// Why it was refused, or taken back.
            var reason: String?
            /// Seconds since the epoch.
            var time: UInt64
        }

        var files: [RuleFile]
        /// 0 for the rules of the start, and one more with each reload.
        var generation: UInt32
        /// Seconds since the epoch.
        var loaded: UInt64
        var rules: Int
        var lastReload: ReloadReport?
        /// Its number in the history.
        var change: Int?
        /// Absent unless the rules are on trial.
        var trial: TrialReport?
    }

    struct PortStatus: Encodable {
        var name: String
        /// What it is called now; absent if it is gone.
        var interface: String?
        /// `up`, `no carrier`, `down` or `gone`.
        var link: String
        var mtu: UInt32?
        /// In the last second.
        var rates: PortRates.Rate
        var counters: Report.PortReport
        /// Frames that came in by it or should have left by it, and were lost there, by cause.
        var drops: [String: UInt64]
    }

    var version: String
    var process: Int32
    /// `forwarding`, or `waiting` for the ports.
    var state: String
    /// Seconds since the epoch.
    var started: UInt64
    /// Seconds.
    var uptime: UInt64
    var workers: Int
    var ruleset: RulesetReport
    var ports: [PortStatus]
    /// Frames dropped, by reason.
    var drops: [String: Amount]
    var passed: Amount
    var held: FirewallReport.HeldReport
    var flows: FlowReport?
    var failure: FailureReport
    var outputs: OutputReports
    /// What is wrong now.
    var warnings: [String]

    init(_ desk: ControlDesk) {
        let notes = desk.board.current
        let now = Clock.now()
        let report = desk.report()
        let generation = desk.configuration.generations.current
        version = desk.configuration.version
        process = getpid()
        state = notes.isForwarding ? "forwarding" : "waiting"
        started = desk.started.sinceEpoch / 1_000_000_000
        uptime = (now.monotonic - desk.started.monotonic) / 1_000_000_000
        workers = desk.configuration.workers
        ruleset = RulesetReport(
            files: generation.files, generation: generation.number, loaded: generation.time / 1_000_000_000,
            rules: generation.program.rules.count, lastReload: desk.loader.last.map(RulesetReport.ReloadReport.init))
        let note = desk.loader.note
        ruleset.change = note.change
        ruleset.trial = note.trial.map { trial in
            RulesetReport.TrialReport(
                left: (max(trial.end, now.monotonic) - now.monotonic) / 1_000_000_000, abortOn: trial.conditions)
        }
        ports = zip(notes.ports, zip(report.ports, desk.rates.current)).map { PortStatus($0, $1.0, $1.1) }
        let firewall = report.shared.firewall
        drops = firewall.drops
        passed = firewall.passed
        held = firewall.held
        flows = firewall.flows
        outputs = report.shared.outputs
        failure = FailureReport(desk.configuration, desk.pool, notes.ports)
        warnings = desk.warnings(notes)
    }

    var text: String {
        let threads = "\(workers) \(workers == 1 ? "worker" : "workers")"
        var lines = ["weir \(version), process \(process): \(state) for \(TimeWords.length(uptime)) with \(threads)"]
        lines += ruleset.files.enumerated().map { "\($0.offset == 0 ? "rules" : "     ") \($0.element.file) sha256 \($0.element.sha256)" }
        let count = "\(ruleset.rules) \(ruleset.rules == 1 ? "rule" : "rules")"
        lines.append("      \(count), generation \(ruleset.generation), since \(TimeWords.moment(ruleset.loaded))")
        if let last = ruleset.lastReload {
            lines.append("      last reload \(TimeWords.moment(last.time)): \(last.outcome)" + (last.reason.map { ": \($0)" } ?? ""))
        }
        if let trial = ruleset.trial, let change = ruleset.change {
            lines.append("      change \(change) is on trial for \(trial.left) s more" + trial.abortOn.map { "; ends if \($0)" }.joined())
        }
        var text = lines.joined(separator: "\n") + "\n\n"
        var table = TextTable(["port", "link", "MTU", "in frame/s", "in bit/s", "out frame/s", "out bit/s", "received", "sent", "lost"])
        for port in ports {
            let lost = port.drops.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            table.add([
                port.interface == port.name || port.interface == nil ? port.name : "\(port.name) (\(port.interface ?? ""))", port.link,
                port.mtu.map { "\($0)" } ?? "", "\(port.rates.receivedFrames)", "\(port.rates.receivedBits)", "\(port.rates.sentFrames)",
                "\(port.rates.sentBits)", "\(port.counters.received.frames)", "\(port.counters.sent.frames)", lost.isEmpty ? "0" : lost,
            ])
        }
        text += table.rendered()
        text += "\npassed: \(passed.frames) frames, \(passed.bytes) bytes\n"
        for (reason, amount) in drops.sorted(by: { ($1.value.frames, $0.key) < ($0.value.frames, $1.key) }) {
            text += "dropped, \(reason): \(amount.frames) frames, \(amount.bytes) bytes\n"
        }
        if let flows { text += "connections: \(flows.followed) followed\n" }
        text += failure.text
        if held.frames > 0 { text += "fragments: \(held.frames) held of \(held.datagrams) datagrams, \(held.bytes) bytes\n" }
        text += outputs.lines().replacing("\n\n", with: "\n").trimmingPrefix("\n")
        if !warnings.isEmpty { text += "\n" + warnings.map { "warning: \($0)\n" }.joined() }
        return text
    }
}

extension StatusReport.RulesetReport.ReloadReport {
    fileprivate init(_ last: LastReload) {
        time = last.time / 1_000_000_000
        switch last.outcome {
        case .unchanged: outcome = "unchanged"
        case .refused(let reason):
            outcome = "refused"
            self.reason = reason
        case .inForce: outcome = "in force"
        case .confirmed: outcome = "confirmed"
        case .returned(_, _, let reason):
            outcome = "returned"
            self.reason = reason
        }
    }
}

extension StatusReport.PortStatus {
    fileprivate init(_ state: PortState, _ report: Report.PortReport, _ rates: PortRates.Rate) {
        name = state.name
        interface = state.interface
        link = state.interface == nil ? "gone" : state.isUp ? "up" : state.isAdministratedUp ? "no carrier" : "down"
        mtu = state.mtu
        self.rates = rates
        counters = report
        drops = report.losses.filter { $0.value > 0 }
    }
}

/// Times in words.
enum TimeWords {
    /// `3 d 04:05:06`.
    static func length(_ seconds: UInt64) -> String {
        func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let clock = "\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return seconds < 86_400 ? clock : "\(seconds / 86_400) d \(clock)"
    }

    /// Local time, as ISO 8601 has it, with the zone's offset.
    static func moment(_ sinceEpoch: UInt64) -> String {
        var time = time_t(truncatingIfNeeded: sinceEpoch)
        var parts = tm()
        localtime_r(&time, &parts)
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
