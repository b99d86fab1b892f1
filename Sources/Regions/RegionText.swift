import Ruleset

/// A region in the words of nft's matches: `ip saddr 10.0.0.0/8 tcp dport 22`.
package struct RegionText {
    private let ports: [String]
    /// Values that a list names one by one; beyond them it says how many more there are. Nil for all.
    private let limit: Int?

    package init(ports: [String], limit: Int? = 8) {
        self.ports = ports
        self.limit = limit
    }

    /// All that its frames have in common; `every frame` where that is nothing.
    package func text(of region: Region) -> String {
        let words = words(of: region)
        return words.isEmpty ? "every frame" : words.joined(separator: " ")
    }

    /// The conditions one by one, in the order of the headers.
    package func words(of region: Region) -> [String] {
        var limits = region.limits
        // That a header is long enough to have a field goes without saying.
        if limits.keys.contains(where: \.isOfTransport), let set = limits[.transportLength], set.contains(65_535), set.intervals.count == 1
        {
            limits[.transportLength] = nil
        }
        var parts: [(rank: Variable.Rank, words: String)] = []
        for (variable, set) in limits { parts.append((variable.rank, words(for: variable, set, in: region))) }
        let named = limits.keys.contains { $0.isOfTransport }
        if let network = network(of: region) { parts.append((Variable.type.rank, network)) }
        if region.isIP, region.transports != Region.allTransports, !(named && region.transport != nil && isWordy(limits, region)) {
            parts.append((Variable.transportProtocol.rank, self.words(for: .metaL4proto, region.transports, .all(bits: 8))))
        }
        return parts.sorted { $0.rank < $1.rank }.map(\.words)
    }

    /// True if a selector's words say the transport protocol.
    private func isWordy(_ limits: [Variable: ValueSet], _ region: Region) -> Bool {
        limits.keys.contains { variable in
            guard case .bits(.transport, let from, let count) = variable else { return false }
            let word = field(.transport, from, count, in: region)?.field.firstWord
            return FrameKinds.protocols.contains { $0.word == word }
        }
    }

    private func network(of region: Region) -> String? {
        let networks = Set(region.networks)
        switch networks {
        case Set(FrameKind.Network.allCases): return nil
        // Only packets of IP have a transport header.
        case [.ipv4, .ipv6]:
            let isSaid = region.transports != Region.allTransports || region.limits.keys.contains(where: \.isOfTransport)
            return isSaid ? nil : "meta protocol { ip, ip6 }"
        case [.ipv4]: return namesFamily(region, "ip") ? nil : "meta protocol ip"
        case [.ipv6]: return namesFamily(region, "ip6") ? nil : "meta protocol ip6"
        case [.length]: return "with a length in place of the type"
        case [.other]: return region.limits[.type] == nil ? "meta protocol != { ip, ip6, lengths }" : nil
        default:
            let others = FrameKind.Network.allCases.filter { !networks.contains($0) }.map(Self.name)
            return "meta protocol != { \(others.joined(separator: ", ")) }"
        }
    }

    private static func name(_ network: FrameKind.Network) -> String {
        switch network {
        case .ipv4: "ip"
        case .ipv6: "ip6"
        case .other: "other types"
        case .length: "lengths"
        }
    }

    private func namesFamily(_ region: Region, _ word: String) -> Bool {
        region.limits.keys.contains { variable in
            guard case .bits(.network, let from, let count) = variable else { return false }
            return field(.network, from, count, in: region)?.field.firstWord == word
        }
    }

    // MARK: Fields

    /// The selector of some bits, with a mask where it has more.
    func field(_ part: Variable.Part, _ from: Int, _ count: Int, in region: Region) -> (field: Field, mask: UInt128?, shift: Int)? {
        let header: Field.Header =
            switch part {
            case .link, .tag: .link
            case .network: .network
            case .transport: .transport
            }
        let first = part == .tag ? from + 112 : from
        let words = self.words(of: part, in: region)
        let fields = Field.allCases.filter { field in
            guard case .payload(header, let offset) = field.source else { return false }
            return offset <= first && first + count <= offset + field.bitWidth && words.contains(field.firstWord)
        }
        let whole = fields.first { $0.bitWidth == count }
        if let whole { return (whole, nil, 0) }
        guard let around = fields.min(by: { $0.bitWidth < $1.bitWidth }), case .payload(_, let offset) = around.source else {
            return Field.raw(header, bitOffset: first, bitWidth: count).map { ($0, nil, 0) }
        }
        let shift = offset + around.bitWidth - first - count
        return (around, ValueSet.ones(count) << UInt128(shift), shift)
    }

    private func words(of part: Variable.Part, in region: Region) -> [String] {
        switch part {
        case .link: return ["ether"]
        case .tag: return ["vlan"]
        case .network:
            if region.networks == [.ipv4] { return ["ip"] }
            if region.networks == [.ipv6] { return ["ip6"] }
            return region.limits[.type] == ValueSet(0x0806, 0x0806) ? ["arp"] : []
        case .transport:
            guard let transport = region.transport else { return ["th"] }
            return FrameKinds.protocols.filter { $0.number == transport }.map(\.word) + ["th"]
        }
    }

    // MARK: Conditions

    private func words(for variable: Variable, _ set: ValueSet, in region: Region) -> String {
        switch variable {
        case .ingress: return "iifname \"\(ports[set.contains(0) ? 0 : 1])\""
        case .tag: return tag(set)
        case .type: return words(for: .metaProtocol, set, ValueSet(0, 0xffff))
        case .frameLength: return number("length", set)
        case .transportProtocol: return words(for: .metaL4proto, set, .all(bits: 8))
        case .transportLength: return size(set, "after the IP header")
        case .networkLength: return size(set, "after the Ethernet header")
        case .length(let ofPacket): return number(ofPacket ? "meta length" : "meta length (of the frame)", set)
        case .destinationKind:
            return "meta pkttype \(list(set.intervals.flatMap { $0.low...$0.high }.map { ["other", "broadcast", "multicast"][Int($0)] }))"
        case .mark: return words(for: .metaMark, set, .all(bits: 32))
        case .connectionState, .earlyState: return words(for: .ctState, set, ValueSet(numbers: [1, 2, 4, 8, 64]))
        case .field(let field, let from, let count) where count == field.bitWidth && from == 0:
            return words(for: field, set, .all(bits: field.bitWidth))
        case .field(let field, let from, let count):
            return masked(field, ValueSet.ones(count) << UInt128(field.bitWidth - from - count), field.bitWidth - from - count, set)
        case .presence(let header): return presence(header, set)
        case .drawn(let field, _): return number(field.words, set)
        case .opaque(let opaque): return "[\(opaque.text)\(set.contains(1) ? "" : ": not")]"
        case .bits(let part, let from, let count):
            guard let found = field(part, from, count, in: region) else { return number("@\(part) \(from) \(count)", set) }
            guard let mask = found.mask else { return words(for: found.field, set, .all(bits: count)) }
            return masked(found.field, mask, found.shift, set)
        }
    }

    private func tag(_ set: ValueSet) -> String {
        let types = ["no tag", "8021q", "8021ad"]
        let own = set.intervals.flatMap { $0.low...$0.high }.map { types[Int($0)] }
        if own == ["no tag"] { return "untagged" }
        if !set.contains(0) { return "ether type \(list(own))" }
        return "ether type != \(list(types.filter { !own.contains($0) }))"
    }

    private func presence(_ header: SearchedHeader, _ set: ValueSet) -> String {
        guard let field = Field.allCases.first(where: { $0.source == .presence(header) }) else {
            return "header \(header.number) \(set.contains(1) ? "exists" : "missing")"
        }
        return words(for: field, set, .all(bits: 8))
    }

    private func size(_ set: ValueSet, _ place: String) -> String {
        if let first = set.intervals.first, set.intervals.count == 1 {
            if first.low == 0 { return "at most \(first.high) bytes \(place)" }
            if first.high == 65_535 { return "at least \(first.low) bytes \(place)" }
        }
        return number("bytes \(place)", set)
    }

    private func masked(_ field: Field, _ mask: UInt128, _ shift: Int, _ set: ValueSet) -> String {
        let name = "\(field.words) & 0x\(String(mask, radix: 16))"
        let moved = set.intervals.map { interval in
            interval.low == interval.high
                ? "0x\(String(interval.low << UInt128(shift), radix: 16))"
                : "0x\(String(interval.low << UInt128(shift), radix: 16))-0x\(String(interval.high << UInt128(shift), radix: 16))"
        }
        return "\(name) == \(list(moved))"
    }

    private func number(_ name: String, _ set: ValueSet) -> String {
        "\(name) \(list(set.intervals.map { $0.low == $0.high ? "\($0.low)" : "\($0.low)-\($0.high)" }))"
    }

    /// A selector with its values; negated where that says it in fewer.
    private func words(for field: Field, _ set: ValueSet, _ domain: ValueSet) -> String {
        let others = domain.subtracting(set)
        let isNegated = others.intervals.count < set.intervals.count && !others.isEmpty
        let key = MatchKey(MatchKey.Component(field))
        let isFew = field == .ctState || field == .metaL4proto || field == .metaProtocol
        let values = (isNegated ? others : set).intervals.flatMap { interval -> [Value] in
            if isFew, interval.high - interval.low < 4 {
                return (interval.low...interval.high).filter(domain.contains).map { Value.number($0) }
            }
            return [Self.value(interval, field)]
        }
        return "\(field.words) \(isNegated ? "!= " : "")\(list(values.map { key.described([$0]) }))"
    }

    /// A number, a prefix of addresses, or a range.
    private static func value(_ interval: ValueSet.Interval, _ field: Field) -> Value {
        if interval.low == interval.high { return .number(interval.low) }
        let span = interval.high - interval.low
        if field.bitWidth >= 32, field.words.hasSuffix("addr"), !field.words.hasPrefix("ether"), span & (span &+ 1) == 0,
            interval.low & span == 0
        {
            return .prefix(interval.low, length: field.bitWidth - span.nonzeroBitCount)
        }
        return .range(interval.low, interval.high)
    }

    private func list(_ values: [String]) -> String {
        guard values.count != 1 else { return values[0] }
        let shown = limit.map { values.prefix($0) } ?? values[...]
        return "{ \(shown.joined(separator: ", "))\(values.count > shown.count ? ", … \(values.count - shown.count) more" : "") }"
    }
}

extension Region {
    /// The only protocol after IP.
    var transport: UInt128? {
        guard isIP, transports.count(upTo: 1) == 1 else { return nil }
        return transports.lowest
    }
}

extension Variable {
    var isOfTransport: Bool { if case .bits(.transport, _, _) = self { true } else { false } }
}
