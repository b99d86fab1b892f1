import Glibc
import Logging

/// Log lines for an operator's terminal and for the journal of systemd, which reads the level from `<N>` before the text
/// (sd-daemon(3)) and knows the time itself.
struct LineLog: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    private let isJournal = getenv("JOURNAL_STREAM") != nil

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = "\(event.message)"
        FileHandleOutput.standardError.write(
            isJournal ? "<\(Self.priority(event.level))>\(text)\n" : "weir: \(Self.prefix(event.level))\(text)\n")
    }

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
