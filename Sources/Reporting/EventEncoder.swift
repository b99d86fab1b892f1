package import Classifier
import Decisions
import Firewall
import Glibc
import Ruleset
import Wire

/// Writes events as lines of JSON in the shape of Suricata's EVE records, as far as that fits: `alert` for a `log` statement, `drop` for
/// a dropped frame, and what only Weir knows under `weir`. Keys stand in the order of their letters.
///
/// What is the same for each event of a rule is put together once.
package struct EventEncoder {
    /// Where a recorded frame stands.
    package struct Place {
        /// In its capture, from 1.
        package var number: UInt64
        package var file: String

        package init(number: UInt64, file: String) {
            self.number = number
            self.file = file
        }
    }

    /// What `weir` has of a rule, in the order of its keys: group stands between the first two, prefix and reason between the last.
    private struct RuleText {
        var head: [UInt8]
        var line: [UInt8]
        var tail: [UInt8]
        var signature: Signature
    }

    package let program: Program
    private var rules: [RuleText?]
    /// The same two parts of those without a rule.
    private let baseChains: [(head: [UInt8], tail: [UInt8])]
    private let ports: [[UInt8]]
    private let communitySeed: UInt16
    private var clock = EventClock()

    /// - Parameters:
    ///   - ports: The names of the two.
    ///   - communitySeed: What `community_id` is made with: the same in all programs whose events are to be joined by it.
    package init(_ program: Program, ports: [String], communitySeed: UInt16 = 0) {
        self.program = program
        self.communitySeed = communitySeed
        rules = Array(repeating: nil, count: program.rules.count)
        baseChains = program.baseChains.map { chain in
            var head: [UInt8] = []
            var tail: [UInt8] = []
            head.append("\"chain\":", quoted: chain.chain)
            tail.append("\"table\":", quoted: chain.tableTitle)
            return (head, tail)
        }
        self.ports = ports.map { name in
            var text: [UInt8] = []
            text.append("\"in_iface\":", quoted: name)
            return text
        }
    }

    /// Appends a line, with its newline, that says how many events were left out.
    package static func append(leftOut count: UInt64, time: UInt64, to line: inout [UInt8]) {
        var clock = EventClock()
        line.append("{\"event_type\":\"stats\",\"stats\":{\"detect\":{\"alerts_suppressed\":")
        line.append(decimal: count)
        line.append("}},\"timestamp\":\"")
        clock.append(time, to: &line)
        line.append("\",\"weir\":{\"events_left_out\":")
        line.append(decimal: count)
        line.append("}}\n")
    }

    /// Appends an event's line, with its newline.
    /// - Parameters:
    ///   - place: Where the frame stands in its capture, if it was read from one.
    ///   - captureFile: Where dropped frames are written at this time.
    ///   - hasVerdict: The line says what became of the frame whatever the event is, as in a list of frames.
    package mutating func append(
        _ record: LogRecord, at place: Place? = nil, captureFile: String? = nil, hasVerdict: Bool = false, to line: inout [UInt8]
    ) {
        let frame = record.frame
        let isIPv4 = frame.network == .ipv4
        let isIP = isIPv4 || frame.network == .ipv6
        let statement = program.logStatement(of: record.event)
        line.append("{")
        let words = VerdictWords(record.verdict)
        if let statement { append(statement, words, text(of: record)?.signature ?? Self.noSignature, to: &line) }
        let isDrop = statement == nil && words.isLoss
        if isDrop, let captureFile {
            line.append("\"capture_file\":", quoted: captureFile)
            line.append(",")
        }
        let identity = FlowIdentity(frame, icmp: record.icmp)
        if let identity {
            line.append("\"community_id\":", quoted: identity.communityID(seed: communitySeed))
            line.append(",")
        }
        if isIP {
            line.append("\"dest_ip\":\"")
            line.append(address: frame.destination, isIPv4: isIPv4)
            line.append("\",")
            if frame.hasPorts { line.append("\"dest_port\":", decimal: UInt64(frame.destinationPort), ",") }
        }
        if let isReply = record.isReply {
            line.append(isReply ? "\"direction\":\"to_client\"," : "\"direction\":\"to_server\",")
        }
        if isDrop { append(dropOf: record, to: &line) }
        line.append("\"ether\":{\"dest_mac\":\"")
        line.append(mac: record.addresses >> 48)
        line.append("\",\"ether_type\":", decimal: UInt64(record.headers.frameType), ",\"src_mac\":\"")
        line.append(mac: record.addresses)
        line.append("\"},\"event_type\":\"")
        line.append(statement != nil ? "alert" : words.eventType)
        line.append("\",")
        if let identity { line.append("\"flow_id\":", decimal: identity.number, ",") }
        if isIP, let icmp = record.icmp {
            line.append("\"icmp_code\":", decimal: UInt64(icmp & 0xff), ",")
            line.append("\"icmp_type\":", decimal: UInt64(icmp >> 8), ",")
        }
        if ports.indices.contains(Int(record.ingress)) {
            line += ports[Int(record.ingress)]
            line.append(",")
        }
        if isIP { line.append(isIPv4 ? "\"ip_v\":4," : "\"ip_v\":6,") }
        if let place {
            line.append("\"pcap_cnt\":", decimal: place.number, ",")
            line.append("\"pcap_filename\":", quoted: place.file)
            line.append(",")
        }
        line.append("\"pkt_src\":\"wire/pcap\",")
        if isIP {
            if let number = frame.transportProtocol { append(protocol: number, to: &line) }
            line.append("\"src_ip\":\"")
            line.append(address: frame.source, isIPv4: isIPv4)
            line.append("\",")
            if frame.hasPorts { line.append("\"src_port\":", decimal: UInt64(frame.sourcePort), ",") }
        }
        line.append("\"timestamp\":\"")
        clock.append(record.time, to: &line)
        line.append("\",")
        if hasVerdict, let action = words.action {
            line.append("\"verdict\":{\"action\":\"")
            line.append(action)
            line.append("\"},")
        }
        if let tag = frame.outermostTag {
            line.append("\"vlan\":[", decimal: UInt64(tag.identifier), "")
            if let inner = record.innerVLAN { line.append(",", decimal: UInt64(inner), "") }
            line.append("],")
        }
        line.append("\"weir\":{")
        appendOrigin(of: record, statement, to: &line)
        line.append("}}\n")
    }

    /// As it stands in lines: UTC, with microseconds.
    package static func timestamp(_ time: UInt64) -> String {
        var clock = EventClock()
        var text: [UInt8] = []
        clock.append(time, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: Parts

    private mutating func appendOrigin(of record: LogRecord, _ statement: LogStatement?, to line: inout [UInt8]) {
        let start = line.count
        var tail: [UInt8] = []
        if let rule = record.eventRule.row, rules.indices.contains(rule) {
            let text = rules[rule] ?? ruleText(rule)
            line += text.head
            if let group = statement?.group { line.append(",\"group\":", decimal: UInt64(group), "") }
            append(invalidityOf: record, isFirst: false, to: &line)
            line += text.line
            tail = text.tail
        } else if let chain = record.baseChain.row, baseChains.indices.contains(chain) {
            line += baseChains[chain].head
            append(invalidityOf: record, isFirst: false, to: &line)
            tail = baseChains[chain].tail
        }
        if let prefix = statement?.prefix {
            line.append(",\"prefix\":")
            line.append(quoted: prefix)
        }
        if record.verdict != .hold {
            if line.count > start { line.append(",") }
            line.append("\"reason\":")
            line.append(quoted: record.reason.name)
        }
        if statement == nil, record.verdict == .reject, let rejection = program.rejection(of: record.rule) {
            line.append(",\"reject\":")
            line.append(quoted: rejection.resolved(isIPv6: record.frame.network == .ipv6).name)
        }
        if !tail.isEmpty {
            if line.count > start { line.append(",") }
            line += tail
        }
    }

    /// Why the packet is part of no connection, and by which numbers.
    private func append(invalidityOf record: LogRecord, isFirst: Bool, to line: inout [UInt8]) {
        guard let cause = record.decision.invalidCause else { return }
        if !isFirst { line.append(",") }
        line.append("\"invalid\":", quoted: cause.name)
        if let numbers = record.invalidNumbers.text { line.append(",\"invalid_by\":", quoted: numbers) }
    }

    private static let noSignature = Signature(rule: "", comment: nil, chain: "", table: "")

    /// What is put together once of the rule that the event is about.
    private mutating func text(of record: LogRecord) -> RuleText? {
        guard let rule = record.eventRule.row, rules.indices.contains(rule) else { return nil }
        return rules[rule] ?? ruleText(rule)
    }

    private mutating func ruleText(_ number: Int) -> RuleText {
        let reference = program.rules[number]
        let table = reference.tableTitle
        var text = RuleText(
            head: [], line: [], tail: [],
            signature: Signature(rule: reference.rule.text, comment: reference.rule.comment, chain: reference.chain, table: table))
        text.head.append("\"chain\":", quoted: reference.chain)
        if let comment = reference.rule.comment { text.head.append(",\"comment\":", quoted: comment) }
        text.head.append(",\"file\":", quoted: reference.source)
        text.line.append(",\"line\":", decimal: UInt64(max(0, reference.line)), "")
        text.tail.append("\"rule\":", quoted: reference.rule.text)
        text.tail.append(",\"table\":", quoted: table)
        rules[number] = text
        return text
    }
}

/// Writes times in UTC with microseconds: `2026-03-14T15:09:26.535897+0000`. The date is made once a second.
private struct EventClock {
    private var second: UInt64?
    private var date: [UInt8] = []

    mutating func append(_ time: UInt64, to line: inout [UInt8]) {
        if second != time / 1_000_000_000 {
            second = time / 1_000_000_000
            date = Self.date(time / 1_000_000_000)
        }
        line += date
        line.append(".")
        line.append(decimal: time % 1_000_000_000 / 1000, digits: 6)
        line.append("+0000")
    }

    private static func date(_ second: UInt64) -> [UInt8] {
        var seconds = time_t(second)
        var date = tm()
        gmtime_r(&seconds, &date)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S", &date)
        return text[..<count].map { UInt8(bitPattern: $0) }
    }
}
