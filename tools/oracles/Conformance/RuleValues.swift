import FrameBuilder
import Ruleset
import Wire

// Fields, and values that frames have in them.

extension RuleSource {
    /// Without what has forms of its own, and without the time of day, which goes on while frames are on their way. Connections are
    /// followed on a bridge only by kernels with nf_conntrack_bridge.
    static let named = Field.allCases.filter { field in
        !field.isInterface && !field.words.hasPrefix("ct ") && !field.words.hasPrefix("gre ") && field.searchedHeader?.isInner != true
            && !["meta pkttype", "meta time", "meta hour", "meta mark", "meta random", "rt mtu"].contains { field.words == $0 }
    }
    static let usual = named.filter { field in
        let words = ["ether", "ip saddr", "ip daddr", "ip protocol", "ip6 saddr", "ip6 daddr", "ip6 nexthdr", "tcp", "udp", "vlan", "meta"]
        return words.contains { field.words.hasPrefix($0) }
    }
    /// Such as many frames have.
    static let keys = named.filter { field in
        [
            "ip saddr", "ip daddr", "ip protocol", "ip ttl", "ip6 saddr", "ip6 daddr", "ip6 nexthdr", "meta l4proto", "meta protocol",
            "meta length", "th sport", "th dport", "tcp dport", "udp dport", "ether daddr", "ether type", "vlan id", "ip dscp",
        ].contains(field.words)
    }
    /// Such as sets hold that rules change.
    static let updateFields = named.filter { field in
        ["ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr", "ether daddr", "tcp dport", "udp dport"].contains(field.words)
    }

    /// Fields that nft knows from 1.1 on.
    private static let recent = ["icmpv6 taddr", "icmpv6 daddr"]

    mutating func field() -> Field {
        while true {
            let field = random.pick(random.oneIn(2) ? Self.usual : Self.named)
            if isRecent { return field }
            // To nft 1.0.6 "exists" is a number like others, and it compares and masks with any.
            if case .presence = field.source { continue }
            if !Self.recent.contains(field.words) { return field }
        }
    }

    /// Fields that become marks, and parts of other fields.
    mutating func short() -> Field {
        random.pick(Self.named.filter { $0.bitWidth <= 32 && $0.bitWidth % 8 == 0 && !$0.words.hasPrefix("meta") && $0.place != nil })
    }

    /// Of a concatenation.
    mutating func keyFields() -> [Field] {
        (0..<Int.random(in: 2...4, using: &random)).map { _ in
            if family == .bridge, random.oneIn(6) { return random.pick([.metaIifname, .metaOifname]) }
            return random.oneIn(6) ? .metaMark : random.pick(Self.keys)
        }
    }

    static func words(of fields: [Field]) -> String { fields.map(\.words).joined(separator: " . ") }

    static func text(_ number: UInt128, of field: Field) -> String {
        let words = field.words
        if words.hasPrefix("ip saddr") || words.hasPrefix("ip daddr") || words == "arp saddr ip" || words == "arp daddr ip" {
            return (0..<4).map { String(number >> UInt128(24 - $0 * 8) & 0xff) }.joined(separator: ".")
        }
        if words == "ip6 saddr" || words == "ip6 daddr" {
            return (0..<8).map { String(number >> UInt128(112 - $0 * 16) & 0xffff, radix: 16) }.joined(separator: ":")
        }
        if field.bitWidth == 48, words.hasPrefix("ether") || words.hasPrefix("arp") {
            return (0..<6).map { String(number >> UInt128(40 - $0 * 8) & 0xff, radix: 16) }.joined(separator: ":")
        }
        return String(number)
    }

    /// The bits that stand in the field's place in some frame, or a number beside them, or an end.
    mutating func number(of field: Field) -> UInt128 {
        let isSubject = !random.oneIn(4)
        let bytes = isSubject ? subject : frames.frame(from: Conformance.source(UInt64.random(in: 0..<1000, using: &random)))
        let found = found(field, in: bytes)
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return found == 0 ? 0 : found - 1
        case 1: return min(field.allOnes, found + 1)
        case 2: return random.pick([0, field.allOnes])
        default: return found
        }
    }

    private mutating func found(_ field: Field, in bytes: [UInt8]) -> UInt128 {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        switch field.source {
        case .meta(.protocol): return UInt128(frame.outerEtherType)
        case .meta(.l4proto): return UInt128(frame.transportProtocol ?? 6)
        case .meta(.length): return UInt128(frame.linkPayloadLength)
        case .meta(.mark): return random.pick([0, 1, 2, 3])
        case .meta(.nfproto): return random.pick([2, 7, 10])
        case .searched: return random.pick([0, 1, 2, 4])
        case .presence: return 1
        case .payload(let header, let offset):
            let start =
                switch header {
                case .link: 0
                case .network: frame.linkPayloadOffset
                case .transport: frame.transportOffset
                }
            return (offset..<offset + field.bitWidth).reduce(0) { number, bit in
                let index = start + bit / 8
                return number << 1 | (index < bytes.count ? UInt128(bytes[index] >> UInt8(7 - bit % 8) & 1) : 0)
            }
        default: return 0
        }
    }

    mutating func value(of field: Field) -> String {
        field.isInterface ? random.pick(["\"eth1\"", "\"eth2\""]) : Self.text(number(of: field), of: field)
    }

    mutating func range(of field: Field) -> String {
        guard !field.isInterface else { return random.pick(["\"eth1\"", "\"eth*\""]) }
        let (first, second) = (number(of: field), number(of: field))
        return "\(Self.text(min(first, second), of: field))-\(Self.text(max(first, second), of: field))"
    }

    private mutating func element(of field: Field) -> String {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: range(of: field)
        case 1 where field.words.hasSuffix("addr") && field.bitWidth >= 32:
            "\(value(of: field))/\(Int.random(in: 1...field.bitWidth, using: &random))"
        default: value(of: field)
        }
    }

    /// One to five elements of a set of those fields; some may overlap.
    mutating func elements(of fields: [Field]) -> String {
        let count = Int.random(in: 1...5, using: &random)
        return (0..<count).map { _ in fields.map { element(of: $0) }.joined(separator: " . ") }.joined(separator: ", ")
    }

    /// Elements of a map, now and then with one for all others. Of a single field none overlaps another.
    mutating func mapElements(of fields: [Field], to data: (inout RuleSource) -> String) -> String {
        var keys: [String] = []
        if fields.count > 1 {
            keys = Array(
                Set((0..<Int.random(in: 1...4, using: &random)).map { _ in fields.map { element(of: $0) }.joined(separator: " . ") })
            )
            .sorted()
        } else if let field = fields.first {
            var numbers = Set((0..<Int.random(in: 1...6, using: &random)).map { _ in number(of: field) }).sorted()
            while let first = numbers.popFirst() {
                let isRange = random.oneIn(3)
                let last = isRange ? numbers.popFirst() : nil
                keys.append(Self.text(first, of: field) + (last.map { "-" + Self.text($0, of: field) } ?? ""))
            }
        }
        if random.oneIn(3) { keys.append("*") }
        return keys.map { "\($0) : \(data(&self))" }.joined(separator: ", ")
    }
}

extension Array {
    /// Takes the first element out; nil if there is none.
    fileprivate mutating func popFirst() -> Element? { isEmpty ? nil : removeFirst() }
}
