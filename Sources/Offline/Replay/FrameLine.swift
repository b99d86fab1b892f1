import Classifier
import Wire

/// A frame in a line of text, in tcpdump's manner: `IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], length 60`.
enum FrameLine {
    /// The frame's layers, from its tags on, and its length in bytes.
    /// - Parameter bytes: What `frame` was parsed from.
    static func append(_ frame: ParsedFrame, _ bytes: RawSpan, to line: inout LineBuffer) {
        if let tag = frame.outermostTag {
            line.append("vlan ")
            line.append(decimal: UInt64(tag.identifier))
            if frame.tagCount > 1 {
                line.append(" and ")
                line.append(decimal: UInt64(frame.tagCount - 1))
                line.append(" more")
            }
            line.append(", ")
        }
        switch frame.network {
        case .ipv4:
            line.append("IP ")
            appendPacket(frame, bytes, isIPv4: true, to: &line)
        case .ipv6:
            line.append("IP6 ")
            appendPacket(frame, bytes, isIPv4: false, to: &line)
        case .arp:
            appendARP(frame, bytes, to: &line)
        case .other:
            appendLink(frame, bytes, to: &line)
        }
        line.append(", length ")
        line.append(decimal: UInt64(max(0, frame.length)))
    }

    private static func appendPacket(_ frame: ParsedFrame, _ bytes: RawSpan, isIPv4: Bool, to line: inout LineBuffer) {
        func end(_ address: UInt128, _ port: UInt16, _ line: inout LineBuffer) {
            line.append(address: address, isIPv4: isIPv4)
            guard frame.hasPorts else { return }
            line.append(UInt8(ascii: "."))
            line.append(decimal: UInt64(port))
        }
        end(frame.source, frame.sourcePort, &line)
        line.append(" > ")
        end(frame.destination, frame.destinationPort, &line)
        line.append(": ")
        appendTransport(frame, bytes, to: &line)
        guard frame.isFragment else { return }
        // As tcpdump has had it: identification, length and offset of the part, and a plus if others follow.
        line.append(", frag ")
        line.append(decimal: UInt64(frame.identification))
        line.append(":")
        line.append(decimal: UInt64(max(0, frame.networkEnd &- frame.fragmentPayloadOffset)))
        line.append("@")
        line.append(decimal: UInt64(max(0, frame.fragmentOffset)))
        if frame.moreFragments { line.append("+") }
    }

    private static func appendTransport(_ frame: ParsedFrame, _ bytes: RawSpan, to line: inout LineBuffer) {
        let place = frame.transportOffset
        /// True if that many bytes of the header are there.
        func has(_ count: Int) -> Bool { frame.hasTransport && frame.transportLength >= count && place &+ count <= bytes.byteCount }
        switch frame.transportProtocol {
        case IPProtocol.tcp? where has(14):
            line.append("Flags [")
            append(flags: bytes.u8(at: place + 13), to: &line)
            line.append("]")
        case IPProtocol.tcp?: line.append("TCP")
        case 17?: line.append("UDP")
        case 1? where has(2): appendICMP("ICMP", bytes, place, to: &line)
        case 58? where has(2): appendICMP("ICMP6", bytes, place, to: &line)
        case 132?: line.append("SCTP")
        case let number?:
            line.append("ip-proto-")
            line.append(decimal: UInt64(number))
        case nil: line.append("ip")
        }
    }

    private static func appendICMP(_ name: StaticString, _ bytes: RawSpan, _ place: Int, to line: inout LineBuffer) {
        line.append(name)
        line.append(" type ")
        line.append(decimal: UInt64(bytes.u8(at: place)))
        line.append(" code ")
        line.append(decimal: UInt64(bytes.u8(at: place + 1)))
    }

    /// tcpdump's letters, the acknowledgement a dot.
    private static func append(flags: UInt8, to line: inout LineBuffer) {
        let letters: StaticString = "FSRP.UEW"
        if flags == 0 { line.append("none") }
        for bit in 0..<8 where flags & 1 << UInt8(bit) != 0 { line.append(letters.utf8Start[bit]) }
    }

    /// RFC 826, of IPv4 over Ethernet.
    private static func appendARP(_ frame: ParsedFrame, _ bytes: RawSpan, to line: inout LineBuffer) {
        let place = frame.networkOffset
        guard place &+ 28 <= bytes.byteCount, bytes.be32(at: place) == 0x0001_0800, bytes.be16(at: place + 4) == 0x0604 else {
            return line.append("ARP")
        }
        let operation = bytes.be16(at: place + 6)
        line.append(operation == 1 ? "ARP, Request who-has " : operation == 2 ? "ARP, Reply " : "ARP, operation ")
        if operation != 1, operation != 2 {
            line.append(decimal: UInt64(operation))
            line.append(" ")
        }
        line.append(address: UInt128(bytes.be32(at: place + (operation == 1 ? 24 : 14))), isIPv4: true)
        line.append(operation == 1 ? " tell " : " is-at ")
        if operation == 1 {
            line.append(address: UInt128(bytes.be32(at: place + 14)), isIPv4: true)
        } else {
            append(mac: bytes, place + 8, to: &line)
        }
    }

    private static func appendLink(_ frame: ParsedFrame, _ bytes: RawSpan, to line: inout LineBuffer) {
        guard bytes.byteCount >= 14 else { return line.append("no Ethernet header") }
        append(mac: bytes, 6, to: &line)
        line.append(" > ")
        append(mac: bytes, 0, to: &line)
        line.append(", ethertype 0x")
        line.append(hexadecimal: UInt64(frame.etherType), digits: 4)
    }

    private static func append(mac bytes: RawSpan, _ place: Int, to line: inout LineBuffer) {
        for octet in 0..<6 {
            if octet > 0 { line.append(UInt8(ascii: ":")) }
            line.append(hexadecimal: UInt64(bytes.u8(at: place + octet)), digits: 2)
        }
    }
}
