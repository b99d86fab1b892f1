import Classifier
import Ruleset
import Storage
import Wire

/// A frame as nft's selectors see it, written out: every byte in an array, the outermost tag in its place.
struct InterpreterFields {
    /// The whole frame, its outermost tag in its place.
    var wire: [UInt8]
    /// What the headers' places are known by; those do not change with the bytes.
    private(set) var frame: ParsedFrame
    /// What rules have marked the frame with.
    var mark: UInt128 = 0
    /// What is known of the packet's connection, as rules have left it.
    var connection = PacketConnection.untracked
    /// Says which connections there are still.
    var live = LiveConnections.none
    private let ingress: Int
    private let ports: [String]
    /// The smaller of the ports' MTUs.
    private let pathMTU: Int
    private let instant: Instant
    /// Family and hook of the chain at hand, by which frames and ports are seen differently.
    var family = Family.bridge
    var hook = Hook.forward
    /// The numbers that the statement at hand has drawn.
    var drawn: [UInt128] = []
    /// True if an assignment has changed what it assigned to.
    var isChanged = false
    /// Where tags stand in `wire` that rules do not see: priority tags, but for the outermost where there are no others.
    private let hiddenTags: [Range<Int>]

    init(_ bytes: RawSpan, _ frame: ParsedFrame, ingress: Int, at instant: Instant, ports: [String], pathMTU: Int) {
        self.pathMTU = pathMTU
        self.instant = instant
        var all = (0..<bytes.byteCount).map { bytes.u8(at: $0) }
        if frame.isTagOutOfBand, let tag = frame.outermostTag, all.count >= 12 {
            let tagBytes = [tag.tpid >> 8, tag.tpid & 0xff, tag.tci >> 8, tag.tci & 0xff].map { UInt8($0) }
            all.insert(contentsOf: tagBytes, at: 12)
        }
        wire = all
        hiddenTags = Self.hiddenTags(in: all)
        self.frame = frame
        self.ingress = ingress
        self.ports = ports
    }

    private static func hiddenTags(in wire: [UInt8]) -> [Range<Int>] {
        var tags: [(range: Range<Int>, identifier: Int)] = []
        var place = 12
        while place + 6 <= wire.count, [[0x81, 0x00], [0x88, 0xa8]].contains(Array(wire[place..<place + 2])) {
            tags.append((place..<place + 4, Int(wire[place + 2] & 0xf) << 8 | Int(wire[place + 3])))
            place += 4
        }
        let seen = tags.firstIndex { $0.identifier != 0 } ?? 0
        let end = tags.indices.first { $0 > seen && tags[$0].identifier != 0 } ?? tags.endIndex
        return tags[..<end].indices.filter { $0 != seen }.map { tags[$0].range }
    }

    /// Where an octet of the link header stands in `wire`.
    func wirePlace(ofLinkOctet octet: Int) -> Int {
        hiddenTags.reduce(octet) { $1.lowerBound <= $0 ? $0 + $1.count : $0 }
    }

    /// With all that follows it, as rules see it.
    private var linkHeader: [UInt8] {
        var all = wire
        for range in hiddenTags.reversed() { all.removeSubrange(range) }
        if frame.outermostTag != nil, all.count >= 18 {
            // The kernel shows the number it knows the frame by, which is another where a length stands there.
            all[16] = UInt8(frame.outerEtherType >> 8)
            all[17] = UInt8(frame.outerEtherType & 0xff)
        }
        return all
    }

    /// Octets that rules see.
    var linkLength: Int { wire.count - hiddenTags.map(\.count).reduce(0, +) }

    /// Where it begins in `wire`.
    var networkStart: Int { (frame.outermostTag == nil ? 14 : 18) + hiddenTags.map(\.count).reduce(0, +) }

    /// Where what follows it ends in `wire`: outside of the bridge family the kernel has cut off what is no part of the packet.
    var networkEnd: Int { family == .bridge ? wire.count : min(wire.count, networkStart + frame.networkLength) }

    /// With all that follows it.
    private var networkHeader: [UInt8] { Array(wire.prefix(networkEnd).dropFirst(networkStart)) }

    /// Where it lies in `wire`, as far as the packet goes; nil where it is not known.
    var transportRange: Range<Int>? {
        guard frame.vlanCount <= 1, frame.hasTransport else { return nil }
        let start = networkStart + frame.transportOffset - frame.networkOffset
        return start..<start + frame.transportLength
    }

    private var transportHeader: [UInt8]? { transportRange.map { Array(wire[$0]) } }

    /// Between two base chains the kernel looks for the headers again.
    mutating func readAgain() {
        var bytes = wire
        if frame.isTagOutOfBand, bytes.count >= 16 { bytes.removeSubrange(12..<16) }
        frame = unsafe frame.readAgain(bytes.span.bytes)
    }

    /// Nanoseconds of the monotonic clock.
    var now: UInt64 { instant.monotonic }

    /// The kernel's `skb->len`: octets from after the outermost tag on.
    var length: Int { networkHeader.count }

    /// True if the value holds what the key's fields have in this frame; nil if one of them can't be read.
    func isHeld(_ key: MatchKey, by value: Value) -> Bool? {
        var values = Array(repeating: value, count: key.components.count)
        if case .concatenation(let parts) = value { values = parts }
        var isHeld = values.count == key.components.count
        var drawn = self.drawn[...]
        for (component, value) in zip(key.components, values) {
            switch component.field.isInterface ? component.field.port : nil {
            case .ingress:
                if value != .any, hook == .postrouting || !hasName(port: ingress, value) { isHeld = false }
            case .egress:
                if value != .any, hook == .prerouting || !hasName(port: 1 - ingress, value) { isHeld = false }
            case nil:
                guard var number = component.field.generator == nil ? number(component.field) : drawn.popFirst() else { return nil }
                if let mask = component.mask { number &= mask }
                if !isEqual(number ^ component.xor, value, bits: component.field.bitWidth) { isHeld = false }
            }
        }
        return isHeld
    }

    /// What the key's components have in this frame, as the elements of a set are written; nil if one of them can't be read.
    /// - Parameter count: Numbers that the statement has drawn for other keys.
    func values(of key: MatchKey, afterDrawing count: Int = 0) -> [Value]? {
        var values: [Value] = []
        var drawn = self.drawn.dropFirst(count)
        for component in key.components {
            switch component.field.isInterface ? component.field.port : nil {
            case .ingress:
                values.append(.interface(hook == .postrouting ? "" : ports[ingress], isPrefix: false))
            case .egress:
                values.append(.interface(hook == .prerouting ? "" : ports[1 - ingress], isPrefix: false))
            case nil:
                guard let number = component.field.generator == nil ? number(component.field) : drawn.popFirst() else { return nil }
                values.append(.number((number & (component.mask ?? .max)) ^ component.xor))
            }
        }
        return values
    }

    /// True if all of the key's fields are there in this frame.
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
        case .generated: return nil
        case .connection(let key): return number(key)
        case .meta(let key) where !key.isOfFrame: return number(key)
        case _ where frame.malformation == .ethernetHeaderCutOff: return nil
        // What a key turns over of it is the constant.
        case .constant: return 0
        case .meta(let key): return number(key)
        case .payload(.link, let offset):
            return number(in: linkHeader, offset, field.bitWidth)
        case .payload(.network, let offset):
            return number(in: networkHeader, offset, field.bitWidth)
        case .payload(.transport, let offset):
            return transportHeader.flatMap { number(in: $0, offset, field.bitWidth) }
        case .searched(let header, let offset):
            guard case .item(let item) = find(header) else { return nil }
            return number(in: item.octets, offset, field.bitWidth)
        case .presence(let header):
            switch find(header) {
            case .item: return 1
            case .absent, .broken: return 0
            case nil: return nil
            }
        }
    }

    /// nil where there is nothing to search.
    func find(_ header: SearchedHeader) -> InterpreterOptions.Finding? {
        let packet = Array(networkHeader.prefix(frame.networkLength))
        switch header.kind {
        case .ipv6ExtensionHeader:
            guard frame.vlanCount <= 1, frame.network == .ipv6 else { return nil }
            return InterpreterOptions.extensionHeader(header.number, of: packet)
        case .ipv4Option:
            guard frame.vlanCount <= 1, frame.network == .ipv4 else { return nil }
            return InterpreterOptions.ipv4Option(header.number, of: packet)
        case .tcpOption:
            guard let transportHeader, frame.transportProtocol == 6 else { return .broken }
            return InterpreterOptions.tcpOption(header.number, of: transportHeader)
        case .vxlan, .geneve, .gre, .gretap:
            guard let transportHeader, let carrier = frame.transportProtocol, let part = header.innerPart,
                let octets = InterpreterTunnel(header.kind, in: transportHeader, carriedBy: carrier)?.octets(part)
            else { return .broken }
            return .item(InterpreterOptions.Item(number: header.number, offset: 0, octets: octets))
        case .payload:
            guard let transportHeader, let carrier = frame.transportProtocol,
                let octets = InterpreterTunnel.payload(of: transportHeader, carriedBy: carrier)
            else { return .broken }
            return .item(InterpreterOptions.Item(number: 0, offset: 0, octets: octets))
        case .sctpChunk:
            guard let transportHeader, frame.transportProtocol == 132 else { return .broken }
            return InterpreterOptions.chunk(header.number, of: transportHeader)
        }
    }

    private func number(_ key: Field.MetaKey) -> UInt128? {
        switch key {
        case .iifname, .oifname, .iif, .oif, .random: return nil
        case .time: return UInt128(instant.sinceEpoch)
        case .hour: return UInt128(instant.sinceEpoch / 1_000_000_000 % 86_400)
        // The first of January 1970 was a Thursday.
        case .day: return UInt128(instant.sinceEpoch / 86_400_000_000_000 + 4) % 7
        case .protocol: return UInt128(frame.outerEtherType)
        case .l4proto: return frame.vlanCount <= 1 ? frame.transportProtocol.map { UInt128($0) } : nil
        case .mark: return mark
        case .length: return UInt128(networkHeader.count)
        case .pkttype:
            // The address that the frame came with decides.
            if frame.destinationAddress == 0xffff_ffff_ffff { return 1 }
            if frame.destinationAddress >> 40 % 2 == 1 { return 2 }
            return family == .bridge ? 3 : 0
        case .nfproto:
            if family == .bridge { return 7 }
            return frame.network == .ipv4 ? 2 : 10
        case .iiftype: return 1
        case .oiftype: return hook == .prerouting ? nil : 1
        case .iifgroup: return hook == .postrouting ? nil : 0
        case .priority: return 0
        case .oifgroup: return hook == .prerouting ? nil : 0
        case .pathSegment:
            guard frame.network == .ipv4 || frame.network == .ipv6 else { return nil }
            let segment = pathMTU - (frame.network == .ipv4 ? 40 : 60)
            return segment > 0 && pathMTU < 65_536 ? UInt128(segment) : 536
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

extension Field.MetaKey {
    /// True if it says something of the frame's bytes, so that nothing is known where these are too few for an Ethernet header.
    fileprivate var isOfFrame: Bool {
        switch self {
        case .mark, .time, .day, .hour: false
        default: true
        }
    }
}
