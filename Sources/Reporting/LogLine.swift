package import Classifier
import Ruleset
import Wire

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
        return PrintableText.line((statement?.prefix ?? "") + words.joined(separator: " "))
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

    package static func mac(_ address: UInt128) -> String {
        var text: [UInt8] = []
        text.append(mac: address)
        return String(decoding: text, as: UTF8.self)
    }

    package static func address(_ address: UInt128, isIPv4: Bool) -> String {
        var text: [UInt8] = []
        text.append(address: address, isIPv4: isIPv4)
        return String(decoding: text, as: UTF8.self)
    }
}
