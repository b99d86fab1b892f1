import Control
import Reporting
import Ruleset

extension ApplyRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        if let file, !file.hasPrefix("/") || file.utf8.contains(0) {
            return ReadyAnswer([], ControlFault(.refused, "the file takes an absolute path"))
        }
        return OrderAnswer(RulesOrder(kind: .apply(file), resetsState: resetState ?? false, terms: terms), desk, form)
    }
}

extension ConfirmRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        OrderAnswer(RulesOrder(kind: .confirm(change)), desk, form)
    }
}

extension RollbackRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        OrderAnswer(RulesOrder(kind: .rollback(change), terms: terms), desk, form)
    }
}

extension HistoryRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        guard let archive = desk.configuration.archive else {
            return ReadyAnswer([], ControlFault(.refused, "this run keeps no history"))
        }
        guard let change else {
            let running = desk.loader.note.change
            return MappedAnswer(archive.changes) { ChangeItem($0, isInForce: $0.number == running).item(form) }
        }
        guard let content = archive.content(of: change) else {
            return ReadyAnswer([], ControlFault(.refused, "the texts of change \(change) are not kept"))
        }
        return MappedAnswer(content.files) { FileItem(file: $0.name, text: $0.text).item(form) }
    }
}

/// A change of the history.
private struct ChangeItem: AnswerItem {
    var change: Int
    /// Seconds since the epoch.
    var time: UInt64
    /// `start`, `reload`, `apply`, `rollback`, or `kept` for rules in force that were not there any more.
    var command: String
    /// The number of the user who asked for it, and the process; absent where nobody did by the socket.
    var user: UInt32?
    var process: Int32?
    var comment: String?
    var files: [RuleFile]
    /// `done`, `trial`, `confirmed` or `returned`.
    var state: String
    var reason: String?
    /// Its rules can be brought back.
    var kept: Bool
    var inForce: Bool

    init(_ change: RuleChange, isInForce: Bool) {
        self.change = change.number
        time = change.time
        command = change.command
        user = change.user
        process = change.process
        comment = change.comment
        files = change.files
        state = change.state.rawValue
        reason = change.reason
        kept = change.isKept
        inForce = isInForce
    }

    var text: String {
        var words = ["\(inForce ? "*" : " ") \(change)", TimeWords.moment(time), command]
        if state != RuleChange.State.done.rawValue { words.append(state) }
        if let user { words.append("by user \(user)") }
        if let first = files.first {
            let others = files.count - 1
            words.append(first.file + (others > 0 ? " and \(others) more" : "") + " sha256 \(first.sha256.prefix(12))")
        }
        if !kept { words.append("(not kept)") }
        if let reason { words.append("(\(reason))") }
        if let comment { words.append("\"\(PrintableText.line(comment))\"") }
        return words.joined(separator: "  ") + "\n"
    }
}

/// A file of a change.
private struct FileItem: AnswerItem {
    var file: String
    private(set) var text: String

    init(file: String, text: String) {
        self.file = file
        self.text = "# \(file)\n" + (text.hasSuffix("\n") ? text : text + "\n")
        content = text
    }

    private var content: String

    private enum CodingKeys: String, CodingKey {
        case file
        case content = "text"
    }
}
