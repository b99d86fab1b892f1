package import Classifier
import Glibc
import Logging
import Ruleset
import Wire

/// Writes what `log` statements saw, a line for each, and no more than a bounded number at a time.
final class LogWriter {
    /// Lines that are written each second at the most; of the rest the number is said.
    static let linesPerSecond = 100

    private let ports: [String]
    private let editions: Editions
    private var lost: UInt64 = 0

    init(_ configuration: Configuration) {
        ports = configuration.ports
        editions = configuration.editions
    }

    /// To be called once a second, on the thread that is not a worker's.
    func write(_ queues: [LogQueue], _ log: Logger) {
        var lines = 0
        var left: UInt64 = 0
        for queue in queues {
            while let record = queue.take() {
                guard lines < Self.linesPerSecond else {
                    left += 1
                    continue
                }
                lines += 1
                let (event, program) = editions.resolved(record)
                log.log(level: level(of: event.event, program), "\(LogLine.text(of: event, program, ports: ports))")
            }
        }
        let total = queues.reduce(0) { $0 + $1.lost }
        left += total - lost
        lost = total
        if left > 0 { log.warning("\(left) more events of log statements were left out") }
    }

    private func level(of event: LoggedStatement, _ program: Program) -> Logger.Level {
        switch program.logStatement(of: event)?.level {
        case .emerg, .alert, .crit: .critical
        case .err: .error
        case .warn: .warning
        case .notice: .notice
        case .info, .audit, nil: .info
        case .debug: .debug
        }
    }
}

/// An event as a line, in the words of the kernel's own (net/netfilter/nf_log_syslog.c).
package enum LogLine {
    /// - Parameter ports: The names of the two.
    package static func text(of record: LogRecord, _ program: Program, ports: [String]) -> String {
        let statement = program.logStatement(of: record.event)
        let frame = record.frame
        let ingress = Int(record.ingress)
        var words: [String] = []
        if ingress < 2, ports.count == 2 { words += ["IN=\(ports[ingress])", "OUT=\(ports[1 - ingress])"] }
        words.append("MACSRC=\(mac(record.addresses & 0xffff_ffff_ffff))")
        words.append("MACDST=\(mac(record.addresses >> 48))")
        words.append("MACPROTO=" + hexadecimal(UInt128(frame.outerEtherType), digits: 4))
        if let tag = frame.outermostTag { words.append("VID=\(tag.tci & 0xfff)") }
        if frame.network == .ipv4 || frame.network == .ipv6 {
            let isIPv4 = frame.network == .ipv4
            words.append("SRC=\(address(frame.source, isIPv4: isIPv4))")
            words.append("DST=\(address(frame.destination, isIPv4: isIPv4))")
            words.append("LEN=\(frame.networkLength)")
            if let number = frame.transportProtocol { words.append("PROTO=\(name(ofProtocol: number))") }
            if frame.hasPorts { words += ["SPT=\(frame.sourcePort)", "DPT=\(frame.destinationPort)"] }
        }
        // The kernel puts nothing between prefix and line; who wants a space writes it.
        return (statement?.prefix ?? "") + words.joined(separator: " ")
    }

    private static func name(ofProtocol number: UInt8) -> String {
        switch number {
        case 1: "ICMP"
        case 6: "TCP"
        case 17: "UDP"
        case 58: "ICMPv6"
        case 132: "SCTP"
        default: "\(number)"
        }
    }

    private static func hexadecimal(_ number: UInt128, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    static func mac(_ address: UInt128) -> String {
        (0..<6).map { hexadecimal(address >> UInt128(40 - 8 * $0) & 0xff, digits: 2) }.joined(separator: ":")
    }

    static func address(_ address: UInt128, isIPv4: Bool) -> String {
        guard !isIPv4 else { return (0..<4).map { "\(address >> UInt128(24 - 8 * $0) & 0xff)" }.joined(separator: ".") }
        var bytes = address.bigEndian
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &bytes, &text, socklen_t(INET6_ADDRSTRLEN)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
