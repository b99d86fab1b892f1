import Control
import PacketIO
import Reporting
import Ruleset

/// Answers the requests of the control socket from what other threads have left, only on the thread of its server.
final class ControlDesk: ControlAnswering {
    let configuration: Configuration
    let outputs: Outputs
    let pool: WorkerPool
    let loader: RulesetLoader
    let board: RunBoard
    /// Has rules read again, and files reopened, as SIGHUP does.
    let reload: @Sendable (RulesOrder) -> Void
    let messages: TextOutput
    var rates: PortRates
    /// What the counters of rules were when they were reset last.
    var reset: CounterReset?
    /// Has the server look again at answers that wait.
    let waking: ServerWaking
    /// nil where none are kept.
    let recentDrops: RecentDrops?
    let started = Clock.now()
    /// Who asks at this moment.
    private(set) var peer: PeerCredentials?

    init(
        _ configuration: Configuration, _ outputs: Outputs, pool: WorkerPool, loader: RulesetLoader, board: RunBoard,
        messages: TextOutput, waking: ServerWaking, reload: @escaping @Sendable (RulesOrder) -> Void
    ) {
        self.waking = waking
        self.configuration = configuration
        self.outputs = outputs
        self.pool = pool
        self.loader = loader
        self.board = board
        self.messages = messages
        self.reload = reload
        recentDrops = pool.recentDrops.isEmpty ? nil : RecentDrops(pool.recentDrops, capacity: configuration.recentDrops)
        rates = PortRates(ports: configuration.ports.count)
    }

    func answer(_ call: ControlCall) -> any AnswerStream {
        guard let request = call.request as? any AnsweredRequest else {
            return ReadyAnswer([], ControlFault(.unknown, "the command is not answered here"))
        }
        peer = call.peer
        defer { peer = nil }
        return request.answer(self, call.form)
    }

    func tick() {
        rates.look(at: pool)
        recentDrops?.collect()
    }

    /// What is wrong now, a sentence each.
    func warnings(_ notes: RunBoard.Notes) -> [String] {
        var warnings = notes.warnings
        if let warning = FailureReport(configuration, pool, notes.ports).warning { warnings.append(warning) }
        if case .refused(let reason)? = loader.last?.outcome { warnings.append("the last reload was refused: \(reason)") }
        if case .returned(let change, _, let reason)? = loader.last?.outcome {
            warnings.append("change \(change) was taken back: \(reason)")
        }
        if loader.note.trial != nil { warnings.append("the rules are on trial: \"weir confirm\" keeps them") }
        if messages.lost > 0 { warnings.append("\(messages.lost) messages were lost, since nobody took them from standard error") }
        return warnings
    }

    /// The counters of all ports and rules.
    func report() -> Report {
        var report = Report(configuration, outputs, pool, ports: board.current.ports)
        report.lostMessages = messages.lost
        return report
    }
}

extension ControlServer {
    /// A server with a desk of its own.
    convenience init(
        serving configuration: Configuration, _ outputs: Outputs, pool: WorkerPool, loader: RulesetLoader, board: RunBoard,
        messages: TextOutput, reload: @escaping @Sendable (RulesOrder) -> Void
    ) throws(SystemCallError) {
        let waking = ServerWaking()
        try self.init(
            ControlDesk(
                configuration, outputs, pool: pool, loader: loader, board: board, messages: messages, waking: waking, reload: reload))
        waking.use(self)
    }
}

/// A request that the desk answers. A new one is an extension of its request in `Control`.
protocol AnsweredRequest: ControlRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream
}

/// What an answer has an item of: an object for programs, a text for people.
protocol AnswerItem: Encodable {
    /// Lines, each with its line feed.
    var text: String { get }
}

extension AnswerItem {
    /// As an item of the answer.
    func item(_ form: ControlForm) -> String {
        form == .text ? PrintableText.lines(text) : String(jsonLine.dropLast())
    }
}
