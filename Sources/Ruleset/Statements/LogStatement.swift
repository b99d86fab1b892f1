/// `log`: an event for every frame that comes to it. Evaluation goes on after it.
public struct LogStatement: Sendable, Equatable {
    /// syslog(3)'s levels by nft's names, and one of nft's own.
    public enum Level: String, Sendable, CaseIterable {
        case emerg, alert, crit, err, warn, notice, info, debug, audit
    }

    /// What an event says beside the addresses.
    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        public static let tcpSequence = Flags(rawValue: 1)
        public static let tcpOptions = Flags(rawValue: 2)
        public static let ipOptions = Flags(rawValue: 4)
        public static let skuid = Flags(rawValue: 8)
        public static let ether = Flags(rawValue: 16)
        public static let all: Flags = [.tcpSequence, .tcpOptions, .ipOptions, .skuid, .ether]
    }

    public var prefix: String?
    public var level: Level
    public var flags: Flags
    /// Group of nfnetlink_log(7), and then there is no level.
    public var group: UInt16?
    /// Octets of the frame that go to the group; 0 for all.
    public var snaplen: UInt32
    /// Events that the kernel gathers before it hands them to the group.
    public var queueThreshold: UInt16

    /// `NF_LOG_PREFIXLEN`, less the terminating zero.
    public static let longestPrefix = 127

    public init(
        prefix: String? = nil, level: Level = .warn, flags: Flags = [], group: UInt16? = nil, snaplen: UInt32 = 0,
        queueThreshold: UInt16 = 0
    ) {
        self.prefix = prefix
        self.level = level
        self.flags = flags
        self.group = group
        self.snaplen = snaplen
        self.queueThreshold = queueThreshold
    }
}

extension LogStatement {
    /// As nft lists it: without the level that is the default.
    var text: String {
        var text = "log"
        if let prefix { text += " prefix \"\(prefix)\"" }
        if let group {
            text += " group \(group)"
            if snaplen > 0 { text += " snaplen \(snaplen)" }
            if queueThreshold > 0 { text += " queue-threshold \(queueThreshold)" }
            return text
        }
        if level != .warn { text += " level \(level.rawValue)" }
        if flags == .all { return text + " flags all" }
        let tcp = [flags.contains(.tcpSequence) ? "sequence" : nil, flags.contains(.tcpOptions) ? "options" : nil].compactMap { $0 }
        if !tcp.isEmpty { text += " flags tcp " + tcp.joined(separator: ",") }
        if flags.contains(.ipOptions) { text += " flags ip options" }
        if flags.contains(.skuid) { text += " flags skuid" }
        if flags.contains(.ether) { text += " flags ether" }
        return text
    }
}

extension Parser {
    /// What has been written of a `log` statement so far.
    private struct LogSyntax {
        var statement = LogStatement()
        var hasLevel = false
        var hasSnaplen = false
        var hasThreshold = false
    }

    /// `log [prefix "…"] [level …] [flags …] [group N [snaplen N] [queue-threshold N]]`, from the word on.
    mutating func logStatement() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        var log = LogSyntax()
        while current.kind == .word, try logOption(into: &log) {}
        let place = location(from: start)
        let hasFlags = !log.statement.flags.isEmpty
        if log.statement.group != nil, log.hasLevel || hasFlags {
            throw fail(
                place, "\(log.hasLevel ? "level" : "flags") and group are mutually exclusive",
                note: "a group's reader gets the frame itself, without level and flags")
        }
        if log.statement.level == .audit, hasFlags || log.statement.prefix != nil {
            throw fail(place, "level audit takes no prefix and no flags", note: "write: log level audit")
        }
        if log.statement.group == nil, log.hasSnaplen || log.hasThreshold {
            throw fail(place, "snaplen and queue-threshold are for a group", note: "write: log group N …")
        }
        return .plain(.log(log.statement, location: place))
    }

    /// False if none begins here.
    private mutating func logOption(into log: inout LogSyntax) throws(Abandoned) -> Bool {
        let word = current
        switch word.text {
        case "prefix":
            if log.statement.prefix != nil { throw fail(word.location, "the prefix is given twice") }
            next()
            log.statement.prefix = try logPrefix()
        case "level":
            if log.hasLevel { throw fail(word.location, "the level is given twice") }
            next()
            let levels = LogStatement.Level.allCases.map(\.rawValue)
            guard current.kind == .word || current.kind == .quoted, let level = LogStatement.Level(rawValue: current.text) else {
                throw fail(
                    current.location, "unknown log level \(current.described)", note: Words.advice(for: current.text, accepted: levels))
            }
            next()
            log.hasLevel = true
            log.statement.level = level
        case "flags":
            next()
            log.statement.flags.formUnion(try logFlags())
        case "group":
            if log.statement.group != nil { throw fail(word.location, "the group is given twice") }
            log.statement.group = UInt16(truncatingIfNeeded: try logNumber(upTo: UInt64(UInt16.max)))
        case "snaplen":
            log.statement.snaplen = UInt32(truncatingIfNeeded: try logNumber(upTo: UInt64(UInt32.max)))
            log.hasSnaplen = true
        case "queue-threshold":
            log.statement.queueThreshold = UInt16(truncatingIfNeeded: try logNumber(upTo: UInt64(UInt16.max)))
            log.hasThreshold = true
        default: return false
        }
        return true
    }

    /// nft cuts a number that is too large; here it is an error.
    private mutating func logNumber(upTo limit: UInt64) throws(Abandoned) -> UInt64 {
        let word = next().text
        guard current.kind == .number else { throw unexpected(expecting: "a number after '\(word)'") }
        let token = next()
        let value = try number(token)
        guard value <= limit else { throw fail(token.location, "the \(word) is out of range", note: "accepted: 0 to \(limit)") }
        return value
    }

    private mutating func logPrefix() throws(Abandoned) -> String {
        let token = current
        switch token.kind {
        case .quoted: break
        case .word where !Words.reserved.contains(token.text): break
        default: throw unexpected(expecting: "a text in quotes")
        }
        let text = try filledIn(token)
        if text.utf8.count > LogStatement.longestPrefix {
            throw fail(token.location, "the prefix is longer than \(LogStatement.longestPrefix) bytes")
        }
        if text.unicodeScalars.contains(where: { $0 != "\t" && $0.properties.generalCategory == .control }) {
            throw fail(token.location, "the prefix has a control character in it")
        }
        next()
        return text
    }

    /// A prefix with what the definitions in it stand for: `"$name: "`.
    private mutating func filledIn(_ token: Token) throws(Abandoned) -> String {
        guard token.kind == .quoted, token.text.contains("$") else { return token.text }
        var parts = token.text.split(separator: "$", omittingEmptySubsequences: false)
        var text = String(parts.removeFirst())
        for part in parts {
            let name = part.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            guard let definition = known(String(name)) else {
                throw fail(
                    token.location, "'\(printable(String(name)))' is not defined", note: "'$' in a prefix begins a definition's name")
            }
            guard case .element(.value(.constant(let value))) = definition.operand else {
                throw fail(token.location, "'$\(printable(String(name)))' is not a single value, which is needed here")
            }
            text += value.text + part.dropFirst(name.count)
        }
        return text
    }

    private mutating func logFlags() throws(Abandoned) -> LogStatement.Flags {
        let accepted = "tcp sequence, tcp options, ip options, skuid, ether or all"
        guard current.kind == .word else { throw unexpected(expecting: accepted) }
        switch next().text {
        case "all": return .all
        case "skuid": return .skuid
        case "ether": return .ether
        case "ip":
            guard skip(word: "options") else { throw unexpected(expecting: "'options' after 'flags ip'") }
            return .ipOptions
        case "tcp":
            var flags: LogStatement.Flags = []
            repeat {
                if skip(word: "sequence") {
                    flags.insert(.tcpSequence)
                } else if skip(word: "options") {
                    flags.insert(.tcpOptions)
                } else {
                    throw unexpected(expecting: "'sequence' or 'options' after 'flags tcp'")
                }
            } while skip(.comma)
            return flags
        default:
            throw fail(tokens[index - 1].location, "unknown log flag '\(printable(tokens[index - 1].text))'", note: "accepted: " + accepted)
        }
    }
}
