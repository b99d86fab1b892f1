import Ruleset
import Wire

/// A frame as nft's selectors see it, written out: every byte in an array, the outermost tag in its place.
struct InterpreterFields {
    private let bytes: [UInt8]
    private let frame: ParsedFrame
    private let ingress: Int
    private let ports: [String]

    init(_ bytes: RawSpan, _ frame: ParsedFrame, ingress: Int, ports: [String]) {
        var all = (0..<bytes.byteCount).map { bytes.u8(at: $0) }
        if frame.isTagOutOfBand, let tag = frame.outermostTag, all.count >= 12 {
            let tagBytes = [tag.tpid >> 8, tag.tpid & 0xff, tag.tci >> 8, tag.tci & 0xff].map { UInt8($0) }
            all.insert(contentsOf: tagBytes, at: 12)
        }
        self.bytes = all
        self.frame = frame
        self.ingress = ingress
        self.ports = ports
    }

    /// Whether the frame has the field and the field is as the match wants it.
    func satisfy(_ match: Match) -> Bool {
        let values: [Value] =
            switch match.operand {
            case .single(let value): [value]
            case .set(let values): values
            // The interpreter puts the elements in the place of names.
            case .named: []
            }
        let isAmong: Bool
        switch match.field {
        case .metaIifname:
            isAmong = values.contains { hasName(port: ingress, $0) }
        case .metaOifname:
            isAmong = values.contains { hasName(port: 1 - ingress, $0) }
        default:
            guard var number = number(match.field) else { return false }
            if let mask = match.mask { number &= mask }
            isAmong = values.contains { isEqual(number, $0, bits: match.field.bitWidth) }
        }
        switch match.relation {
        case .equal: return isAmong
        case .notEqual: return !isAmong
        }
    }

    private func hasName(port: Int, _ value: Value) -> Bool {
        guard ports.indices.contains(port), case .interface(let name, let isPrefix) = value else { return false }
        return isPrefix ? ports[port].hasPrefix(name) : ports[port] == name
    }

    private func isEqual(_ number: UInt128, _ value: Value, bits: Int) -> Bool {
        switch value {
        case .number(let other): return number == other
        case .range(let low, let high): return number >= low && number <= high
        case .prefix(let prefix, let length): return number >> UInt128(bits - length) == prefix >> UInt128(bits - length)
        case .interface: return false
        }
    }

    private func number(_ field: Field) -> UInt128? {
        guard frame.malformation != .ethernetHeaderCutOff else { return nil }
        switch field {
        case .metaIifname, .metaOifname: return nil
        case .metaProtocol: return UInt128(frame.outerEtherType)
        case .metaL4proto: return hasOneTagAtMost ? frame.transportProtocol.map { UInt128($0) } : nil
        case .etherDaddr: return number(at: 0, 6, upTo: bytes.count)
        case .etherSaddr: return number(at: 6, 6, upTo: bytes.count)
        case .etherType: return number(at: 12, 2, upTo: bytes.count)
        case .vlanId: return number(at: 14, 2, upTo: bytes.count).map { $0 & 0x0fff }
        // Not the bytes: the kernel shows the number it knows the frame by, which is another where a length stands there.
        case .vlanType: return isTagged ? UInt128(frame.outerEtherType) : number(at: 16, 2, upTo: bytes.count)
        case .arpOperation: return network(6, 2)
        case .ipSaddr: return network(12, 4)
        case .ipDaddr: return network(16, 4)
        case .ipProtocol: return network(9, 1)
        case .ip6Saddr: return network(8, 16)
        case .ip6Daddr: return network(24, 16)
        case .ip6Nexthdr: return network(6, 1)
        case .tcpSport, .udpSport, .sctpSport, .thSport: return transport(0, 2)
        case .tcpDport, .udpDport, .sctpDport, .thDport: return transport(2, 2)
        case .tcpFlags: return transport(13, 1)
        case .icmpType, .icmpv6Type: return transport(0, 1)
        }
    }

    private var isTagged: Bool { frame.outermostTag != nil }
    private var hasOneTagAtMost: Bool { frame.tagCount <= 1 }

    /// Behind the Ethernet header and one tag.
    private func network(_ offset: Int, _ count: Int) -> UInt128? {
        number(at: (isTagged ? 18 : 14) + offset, count, upTo: bytes.count)
    }

    /// Behind the IP header, as far as the packet goes.
    private func transport(_ offset: Int, _ count: Int) -> UInt128? {
        guard hasOneTagAtMost, frame.hasTransport else { return nil }
        let start = (isTagged ? 18 : 14) + frame.transportOffset - frame.networkOffset
        return number(at: start + offset, count, upTo: start + frame.transportLength)
    }

    private func number(at offset: Int, _ count: Int, upTo end: Int) -> UInt128? {
        guard offset + count <= end else { return nil }
        return bytes[offset..<offset + count].reduce(0) { $0 << 8 | UInt128($1) }
    }
}
