import Appliance
import Glibc
import Logging
import Ruleset

/// Log lines for an operator's terminal and for the journal of systemd, which reads the level from `<N>` before the text
/// (sd-daemon(3)) and knows the time itself.
struct LineLog: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    private let output: TextOutput

    /// - Parameter output: Standard error.
    init(_ output: TextOutput) {
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        output.write(Self.line("\(event.message)", event.level))
    }

    /// A message as it is written.
    static func line(_ text: String, _ level: Logger.Level) -> String {
        let text = PrintableText.lines(text)
        return isJournal ? "<\(priority(level))>\(text)\n" : "weir: \(prefix(level))\(text)\n"
    }

    private static let isJournal = getenv("JOURNAL_STREAM") != nil

    /// syslog(3)'s numbers.
    private static func priority(_ level: Logger.Level) -> Int32 {
        switch level {
        case .critical: LOG_CRIT
        case .error: LOG_ERR
        case .warning: LOG_WARNING
        case .notice: LOG_NOTICE
        case .info: LOG_INFO
        case .debug, .trace: LOG_DEBUG
        }
    }

    private static func prefix(_ level: Logger.Level) -> String {
        switch level {
        case .critical, .error: "error: "
        case .warning: "warning: "
        default: ""
        }
    }
}
