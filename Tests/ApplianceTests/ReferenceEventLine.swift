import Classifier
import Decisions
import Firewall
import Foundation
import Glibc
import Reporting
import Ruleset
import Wire

/// What `EventEncoder` writes, put together value by value and written by `JSONEncoder`.
struct ReferenceEventLine: Encodable {
    struct Ether: Encodable {
        var src_mac: String
        var dest_mac: String
        var ether_type: UInt16
    }

    struct Alert: Encodable {
        /// `allowed` or `blocked`; not said of a fragment while its datagram is not whole.
        var action: String?
        var category = "Firewall log"
        var gid = 1
        var rev = 1
        /// The encoder's own.
        var signature_id: UInt64?
        /// The statement's prefix.
        var signature: String
        /// From 1, the worst, by the statement's level.
        var severity: Int
    }

    struct Drop: Encodable {
        /// The length of the IP packet as its header has it, else of the frame.
        var len: Int
        var tos: UInt8?
        var ttl: UInt8?
        var ipid: UInt32?
        var tc: UInt8?
        var hoplimit: UInt8?
        var flowlbl: UInt32?
        var reason: String
        var ack, fin, psh, rst, syn, urg: Bool?
        var tcpseq, tcpack: UInt32?
        var tcpres, tcpurgp, tcpwin: UInt16?
        var udplen: UInt16?
        var icmp_id, icmp_seq: UInt32?

        init(_ record: LogRecord) {
            let frame = record.frame
            let headers = record.headers
            reason = record.reason.name
            guard frame.network == .ipv4 || frame.network == .ipv6 else {
                len = frame.length
                return
            }
            len = Int(headers.length)
            if frame.network == .ipv4 {
                (tos, ttl, ipid) = (frame.trafficClass, headers.hopLimit, frame.identification)
            } else {
                (tc, hoplimit, flowlbl) = (frame.trafficClass, headers.hopLimit, headers.flowLabel)
            }
            if let tcp = headers.tcp {
                (tcpseq, tcpack) = (tcp.sequence, tcp.acknowledgement)
                (tcpres, tcpurgp, tcpwin) = (tcp.reservedAndFlags >> 8, tcp.urgentPointer, tcp.window)
                func has(_ bit: UInt16) -> Bool { tcp.reservedAndFlags & bit != 0 }
                (fin, syn, rst, psh, ack, urg) = (has(1), has(2), has(4), has(8), has(16), has(32))
            }
            udplen = headers.udpLength
            icmp_id = headers.echo.map { $0 >> 16 }
            icmp_seq = headers.echo.map { $0 & 0xffff }
        }
    }

    struct Stats: Encodable {
        struct Detect: Encodable { var alerts_suppressed: UInt64 }
        var detect: Detect
    }

    struct Verdict: Encodable {
        /// `pass` or `drop`.
        var action: String
    }

    struct Origin: Encodable {
        var reason: String?
        var rule: String?
        var comment: String?
        var file: String?
        var line: Int?
        var table: String?
        var chain: String?
        var prefix: String?
        var group: UInt16?
        /// Events since the line before that were not written.
        var events_left_out: UInt64?
    }

    var timestamp: String
    var event_type: String
    var in_iface: String?
    /// Identifiers of the tags, the outermost first.
    var vlan: [UInt16]?
    var src_ip: String?
    var src_port: UInt16?
    var dest_ip: String?
    var dest_port: UInt16?
    var proto: String?
    var icmp_type: UInt8?
    var icmp_code: UInt8?
    var ip_v: Int?
    var pkt_src: String?
    var direction: String?
    /// The encoder's own.
    var flow_id: UInt64?
    var community_id: String?
    var stats: Stats?
    var ether: Ether?
    var alert: Alert?
    var drop: Drop?
    /// Of a frame that was read from a capture.
    var verdict: Verdict?
    /// Its number in its capture, from 1.
    var pcap_cnt: UInt64?
    var pcap_filename: String?
    var weir: Origin

    /// Says how many events were left out.
    init(leftOut: UInt64, time: UInt64) {
        timestamp = Self.timestamp(time)
        event_type = "stats"
        stats = Stats(detect: Stats.Detect(alerts_suppressed: leftOut))
        weir = Origin(events_left_out: leftOut)
    }

    /// - Parameter ports: The names of the two.
    init(_ record: LogRecord, _ program: Program, ports: [String]) {
        let frame = record.frame
        timestamp = Self.timestamp(record.time)
        if ports.indices.contains(Int(record.ingress)) { in_iface = ports[Int(record.ingress)] }
        ether = Ether(
            src_mac: LogLine.mac(record.addresses & 0xffff_ffff_ffff), dest_mac: LogLine.mac(record.addresses >> 48),
            ether_type: record.headers.frameType)
        if let tag = frame.outermostTag { vlan = [tag.identifier] + (record.innerVLAN.map { [$0] } ?? []) }
        let isIPv4 = frame.network == .ipv4
        let isIP = isIPv4 || frame.network == .ipv6
        pkt_src = "wire/pcap"
        direction = record.isReply.map { $0 ? "to_client" : "to_server" }
        if isIP {
            ip_v = isIPv4 ? 4 : 6
            src_ip = LogLine.address(frame.source, isIPv4: isIPv4)
            dest_ip = LogLine.address(frame.destination, isIPv4: isIPv4)
            proto = frame.transportProtocol.map(Self.name(ofProtocol:))
            if frame.hasPorts {
                src_port = frame.sourcePort
                dest_port = frame.destinationPort
            }
            icmp_type = record.icmp.map { UInt8(truncatingIfNeeded: $0 >> 8) }
            icmp_code = record.icmp.map { UInt8(truncatingIfNeeded: $0) }
        }
        let statement = program.logStatement(of: record.event)
        weir = Self.origin(of: record, statement, program)
        if let statement {
            event_type = "alert"
            alert = Alert(
                action: record.verdict == .hold ? nil : record.verdict == .accept ? "allowed" : "blocked",
                signature: statement.prefix ?? weir.comment ?? weir.rule ?? "", severity: Self.severity(of: statement))
        } else if record.verdict == .accept {
            event_type = "packet"
        } else {
            event_type = "drop"
            drop = Drop(record)
        }
    }

    /// The same of a frame in a capture.
    /// - Parameters:
    ///   - number: From 1.
    ///   - file: The capture's name.
    init(_ record: LogRecord, _ program: Program, ports: [String], number: UInt64, file: String) {
        self.init(record, program, ports: ports)
        pcap_cnt = number
        pcap_filename = file
        if record.verdict != .hold { verdict = Verdict(action: record.verdict == .accept ? "pass" : "drop") }
    }

    private static func origin(of record: LogRecord, _ statement: LogStatement?, _ program: Program) -> Origin {
        var origin = Origin(prefix: statement?.prefix, group: statement?.group)
        if record.verdict != .hold { origin.reason = record.reason.name }
        if let rule = program.rule(at: record.eventRule) {
            origin.rule = rule.rule.text
            origin.comment = rule.rule.comment
            origin.file = rule.source
            origin.line = rule.line
            origin.table = rule.tableTitle
            origin.chain = rule.chain
        } else if let chain = program.baseChain(at: record.baseChain) {
            origin.table = chain.tableTitle
            origin.chain = chain.chain
        }
        return origin
    }

    /// EVE's three.
    private static func severity(of statement: LogStatement) -> Int {
        switch statement.level {
        case .emerg, .alert, .crit, .err: 1
        case .warn, .notice: 2
        case .info, .debug, .audit: 3
        }
    }

    /// As Suricata calls them.
    private static func name(ofProtocol number: UInt8) -> String {
        switch number {
        case 1: "ICMP"
        case 2: "IGMP"
        case 4: "IP-in-IP"
        case 33: "DCCP"
        case 41: "IPv6"
        case 89: "OSPF"
        case 103: "PIM"
        case 112: "VRRP"
        case 115: "L2TP"
        case 136: "UDPLite"
        case 6: "TCP"
        case 17: "UDP"
        case 47: "GRE"
        case 50: "ESP"
        case 51: "AH"
        case 58: "IPv6-ICMP"
        case 132: "SCTP"
        default: "\(number)"
        }
    }

    /// UTC, with microseconds: `2026-03-14T15:09:26.535897+0000`.
    static func timestamp(_ time: UInt64) -> String {
        var seconds = time_t(time / 1_000_000_000)
        var date = tm()
        gmtime_r(&seconds, &date)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S", &date)
        let microseconds = String(time % 1_000_000_000 / 1000)
        let shown = String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return shown + "." + String(repeating: "0", count: 6 - microseconds.count) + microseconds + "+0000"
    }

    /// On one line, with its newline.
    var encoded: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Every value is a number or a string, so there is nothing that could not be encoded.
        return ((try? encoder.encode(self)).map { [UInt8]($0) } ?? Array("{}".utf8)) + [UInt8(ascii: "\n")]
    }
}
