import Decisions
import Ruleset
import Wire

/// Objects within an event, their keys in the order of their letters.
extension EventEncoder {
    /// `drop`: the headers as Suricata's has them, and the reason.
    func append(dropOf record: LogRecord, to line: inout [UInt8]) {
        let frame = record.frame
        let headers = record.headers
        let isIPv4 = frame.network == .ipv4
        let isIPv6 = frame.network == .ipv6
        line.append("\"drop\":{")
        func flag(_ key: StaticString, _ bit: UInt16) {
            guard let tcp = headers.tcp else { return }
            line.append(key)
            line.append(tcp.reservedAndFlags & bit != 0 ? "true," : "false,")
        }
        flag("\"ack\":", 0x10)
        flag("\"fin\":", 0x01)
        if isIPv6 {
            line.append("\"flowlbl\":", decimal: UInt64(headers.flowLabel), ",")
            line.append("\"hoplimit\":", decimal: UInt64(headers.hopLimit), ",")
        }
        if let echo = headers.echo {
            line.append("\"icmp_id\":", decimal: UInt64(echo >> 16), ",")
            line.append("\"icmp_seq\":", decimal: UInt64(echo & 0xffff), ",")
        }
        if isIPv4 { line.append("\"ipid\":", decimal: UInt64(frame.identification), ",") }
        line.append("\"len\":", decimal: isIPv4 || isIPv6 ? UInt64(headers.length) : UInt64(max(0, frame.length)), ",")
        flag("\"psh\":", 0x08)
        line.append("\"reason\":")
        line.append(quoted: record.reason.name)
        guard isIPv4 || isIPv6 else { return line.append("},") }
        line.append(",")
        flag("\"rst\":", 0x04)
        flag("\"syn\":", 0x02)
        if isIPv6 { line.append("\"tc\":", decimal: UInt64(frame.trafficClass), ",") }
        if let tcp = headers.tcp {
            line.append("\"tcpack\":", decimal: UInt64(tcp.acknowledgement), ",")
            line.append("\"tcpres\":", decimal: UInt64(tcp.reservedAndFlags >> 8), ",")
            line.append("\"tcpseq\":", decimal: UInt64(tcp.sequence), ",")
            line.append("\"tcpurgp\":", decimal: UInt64(tcp.urgentPointer), ",")
            line.append("\"tcpwin\":", decimal: UInt64(tcp.window), ",")
        }
        if isIPv4 {
            line.append("\"tos\":", decimal: UInt64(frame.trafficClass), ",")
            line.append("\"ttl\":", decimal: UInt64(headers.hopLimit), ",")
        }
        if let length = headers.udpLength { line.append("\"udplen\":", decimal: UInt64(length), ",") }
        flag("\"urg\":", 0x20)
        line.removeLast()
        line.append("},")
    }

    /// `alert`: the statement in the shape of a signature.
    func append(_ statement: LogStatement, _ verdict: VerdictWords, _ signature: Signature, to line: inout [UInt8]) {
        line.append("\"alert\":{")
        if let action = verdict.alert {
            line.append("\"action\":\"")
            line.append(action)
            line.append("\",")
        }
        line.append("\"category\":\"Firewall log\",\"gid\":1,\"rev\":1,")
        line.append("\"severity\":", decimal: Self.severity(of: statement), ",\"signature\":")
        line.append(quoted: statement.prefix ?? signature.name)
        line.append(",\"signature_id\":", decimal: signature.number, "},")
    }

    /// A rule as a signature.
    struct Signature {
        /// Its comment, or its text.
        var name: String
        /// The same for the same words in the same chain, whatever stands around them: 31 bits, and never 0.
        var number: UInt64

        init(rule: String, comment: String?, chain: String, table: String) {
            name = comment ?? rule
            let hash = FNV.hash("\(table)\n\(chain)\n\(rule)".utf8)
            number = max(1, (hash ^ hash >> 32) & 0x7fff_ffff)
        }
    }

    /// EVE's three, from the worst.
    private static func severity(of statement: LogStatement) -> UInt64 {
        switch statement.level {
        case .emerg, .alert, .crit, .err: 1
        case .warn, .notice: 2
        case .info, .debug, .audit: 3
        }
    }

    /// As Suricata calls them; a protocol without a name by its number.
    func append(protocol number: UInt8, to line: inout [UInt8]) {
        line.append("\"proto\":\"")
        switch number {
        case 1: line.append("ICMP")
        case 2: line.append("IGMP")
        case 4: line.append("IP-in-IP")
        case 6: line.append("TCP")
        case 17: line.append("UDP")
        case 33: line.append("DCCP")
        case 41: line.append("IPv6")
        case 47: line.append("GRE")
        case 50: line.append("ESP")
        case 51: line.append("AH")
        case 58: line.append("IPv6-ICMP")
        case 89: line.append("OSPF")
        case 103: line.append("PIM")
        case 112: line.append("VRRP")
        case 115: line.append("L2TP")
        case 132: line.append("SCTP")
        case 136: line.append("UDPLite")
        default: line.append(decimal: UInt64(number))
        }
        line.append("\",")
    }
}
