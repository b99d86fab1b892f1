import Ruleset
import Wire

/// A frame as nft's selectors see it, written out: every byte in an array, the outermost tag in its place.
struct InterpreterFields {
    /// Each with all that follows it.
    private let linkHeader: [UInt8]
    private let networkHeader: [UInt8]
    /// As far as the packet goes; nil where it is not known.
    private var transportHeader: [UInt8]?
    private let frame: ParsedFrame
    /// What rules have marked the frame with.
    var mark: UInt128 = 0
    private let ingress: Int
    private let ports: [String]
    private let instant: Instant
    private let family: Family
    private let hook: Hook

    init(
        _ bytes: RawSpan, _ frame: ParsedFrame, ingress: Int, at instant: Instant, ports: [String], family: Family, hook: Hook
    ) {
        self.instant = instant
        self.family = family
        self.hook = hook
        var all = (0..<bytes.byteCount).map { bytes.u8(at: $0) }
        if frame.isTagOutOfBand, let tag = frame.outermostTag, all.count >= 12 {
            let tagBytes = [tag.tpid >> 8, tag.tpid & 0xff, tag.tci >> 8, tag.tci & 0xff].map { UInt8($0) }
            all.insert(contentsOf: tagBytes, at: 12)
        }
        let behindLink = all.dropFirst(frame.outermostTag == nil ? 14 : 18)
        // Outside of the bridge family the kernel has cut off what is no part of the packet.
        networkHeader = Array(family == .bridge ? behindLink : behindLink.prefix(frame.networkLength))
        if frame.tagCount <= 1, frame.hasTransport {
            let behindIP = networkHeader.dropFirst(frame.transportOffset - frame.networkOffset)
            transportHeader = Array(behindIP.prefix(frame.transportLength))
        }
        if frame.outermostTag != nil, all.count >= 18 {
            // The kernel shows the number it knows the frame by, which is another where a length stands there.
            all[16] = UInt8(frame.outerEtherType >> 8)
            all[17] = UInt8(frame.outerEtherType & 0xff)
        }
        linkHeader = all
        self.frame = frame
        self.ingress = ingress
        self.ports = ports
    }

    /// Nanoseconds of the monotonic clock.
    var now: UInt64 { instant.monotonic }

    /// The kernel's `skb->len`: octets from behind the outermost tag on.
    var length: Int { networkHeader.count }

    /// Whether the value holds what the key's fields have in this frame; nil if one of them can't be read.
    func isHeld(_ key: MatchKey, by value: Value) -> Bool? {
        var values = Array(repeating: value, count: key.components.count)
        if case .concatenation(let parts) = value { values = parts }
        var isHeld = values.count == key.components.count
        for (component, value) in zip(key.components, values) {
            switch component.field.source {
            case .meta(.iifname), .meta(.iif):
                if value != .any, hook == .postrouting || !hasName(port: ingress, value) { isHeld = false }
            case .meta(.oifname), .meta(.oif):
                if value != .any, hook == .prerouting || !hasName(port: 1 - ingress, value) { isHeld = false }
            default:
                guard var number = number(component.field) else { return nil }
                if let mask = component.mask { number &= mask }
                if !isEqual(number ^ component.xor, value, bits: component.field.bitWidth) { isHeld = false }
            }
        }
        return isHeld
    }

    /// What the key's components have in this frame, as the elements of a set are written; nil if one of them can't be read.
    func values(of key: MatchKey) -> [Value]? {
        var values: [Value] = []
        for component in key.components {
            switch component.field.source {
            case .meta(.iifname), .meta(.iif):
                values.append(.interface(hook == .postrouting ? "" : ports[ingress], isPrefix: false))
            case .meta(.oifname), .meta(.oif):
                values.append(.interface(hook == .prerouting ? "" : ports[1 - ingress], isPrefix: false))
            default:
                guard let number = number(component.field) else { return nil }
                values.append(.number((number & (component.mask ?? .max)) ^ component.xor))
            }
        }
        return values
    }

    /// Whether all of the key's fields are there in this frame.
    func canRead(_ key: MatchKey) -> Bool { isHeld(key, by: .any) != nil }

    private func hasName(port: Int, _ value: Value) -> Bool {
        if value == .any { return true }
        guard ports.indices.contains(port), case .interface(let name, let isPrefix) = value else { return false }
        return isPrefix ? ports[port].hasPrefix(name) : ports[port] == name
    }

    private func isEqual(_ number: UInt128, _ value: Value, bits: Int) -> Bool {
        switch value {
        case .number(let other): return number == other
        case .range(let low, let high): return number >= low && number <= high
        case .prefix(let prefix, let length): return number >> UInt128(bits - length) == prefix >> UInt128(bits - length)
        case .any: return true
        case .interface, .concatenation: return false
        }
    }

    /// The field's value; nil where the frame has none.
    func number(_ field: Field) -> UInt128? {
        switch field.source {
        case .meta(.mark): return mark
        case .meta(.time): return UInt128(instant.sinceEpoch)
        case .meta(.hour): return UInt128(instant.sinceEpoch / 1_000_000_000 % 86_400)
        // The first of January 1970 was a Thursday.
        case .meta(.day): return UInt128(instant.sinceEpoch / 86_400_000_000_000 + 4) % 7
        case .meta, .payload: break
        }
        guard frame.malformation != .ethernetHeaderCutOff else { return nil }
        switch field.source {
        case .meta(let key):
            return number(key)
        case .payload(.link, let offset):
            return number(in: linkHeader, offset, field.bitWidth)
        case .payload(.network, let offset):
            return number(in: networkHeader, offset, field.bitWidth)
        case .payload(.transport, let offset):
            return transportHeader.flatMap { number(in: $0, offset, field.bitWidth) }
        }
    }

    private func number(_ key: Field.MetaKey) -> UInt128? {
        switch key {
        case .iifname, .oifname, .iif, .oif, .time, .day, .hour: return nil
        case .protocol: return UInt128(frame.outerEtherType)
        case .l4proto: return frame.tagCount <= 1 ? frame.transportProtocol.map { UInt128($0) } : nil
        case .mark: return mark
        case .length: return UInt128(networkHeader.count)
        case .pkttype:
            if linkHeader.prefix(6).allSatisfy({ $0 == 0xff }) { return 1 }
            if linkHeader[0] % 2 == 1 { return 2 }
            return family == .bridge ? 3 : 0
        case .nfproto:
            if family == .bridge { return 7 }
            return frame.network == .ipv4 ? 2 : 10
        case .iiftype: return 1
        }
    }

    /// Bit by bit.
    private func number(in header: [UInt8], _ offset: Int, _ width: Int) -> UInt128? {
        var number: UInt128 = 0
        for bit in offset..<offset + width {
            guard bit / 8 < header.count else { return nil }
            number = number * 2 + UInt128(header[bit / 8] >> (7 - bit % 8) & 1)
        }
        return number
    }
}
