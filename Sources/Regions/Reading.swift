import Ruleset

/// A condition on frames: for some variables the numbers that they may have.
struct Condition: Hashable {
    private(set) var sets: [Variable: ValueSet] = [:]

    init() {}

    init(_ pairs: [(Variable, ValueSet)]) { for (variable, set) in pairs { restrict(variable, to: set) } }

    mutating func restrict(_ variable: Variable, to set: ValueSet) {
        sets[variable] = sets[variable].map { $0.intersection(set) } ?? set
    }

    func restricted(by other: Condition) -> Condition {
        var both = self
        for (variable, set) in other.sets { both.restrict(variable, to: set) }
        return both
    }

    /// True if no frame of the kind has it.
    func isImpossible(in kind: FrameKind) -> Bool {
        sets.contains { $0.value.isDisjoint(kind.domain(of: $0.key)) }
    }
}

/// Where a field's value comes from, for some of the frames of a kind.
struct Reading {
    /// Some of the field's bits, the highest first.
    enum Piece {
        case constant(UInt128, bits: Int)
        case variable(Variable, bits: Int)

        var bits: Int {
            switch self {
            case .constant(_, let bits), .variable(_, let bits): bits
            }
        }
    }

    /// The frames; in no other they are read so.
    var guards: Condition
    var pieces: [Piece]

    init(_ pieces: [Piece], where guards: [(Variable, ValueSet)] = []) {
        self.pieces = pieces
        self.guards = Condition(guards)
    }
}

/// Where a chain stands: selectors read otherwise there.
struct ReadingPlace: Hashable {
    var family: Family
    var hook: Hook
    /// Before connections are tracked.
    var isEarly: Bool
    /// The statement, for what is drawn by it.
    var statement: String
}

/// Finds what fields read in a kind of frames.
struct FieldReader {
    let kind: FrameKind
    /// Bits at which fields are cut, by part, since fields overlap or masks ask for some of their bits.
    var cuts: [CutPart: Set<Int>] = [:]
    /// True if a rule sets the frame's mark, which is 0 until then.
    var marksFrames = false

    /// What can be cut.
    enum CutPart: Hashable {
        case part(Variable.Part)
        case field(Field)
    }

    /// All ways to read the field; frames that are in none of them don't have it (NFT_BREAK).
    func readings(of field: Field, at place: ReadingPlace) -> [Reading] {
        switch field.source {
        case .constant: return [Reading([.constant(0, bits: field.bitWidth)])]
        case .generated: return [Reading([.variable(.drawn(field, place: place.statement), bits: 32)])]
        case .meta(let key): return readings(of: key, field, at: place)
        case .payload(.link, let from): return linkReadings(from: from, count: field.bitWidth)
        case .payload(.network, let from): return [network(from: from, count: field.bitWidth)]
        case .payload(.transport, let from):
            guard kind.isIP else { return [] }
            let octets = UInt128((from + field.bitWidth + 7) / 8)
            return [
                Reading(
                    cut(.transport, from: from, count: field.bitWidth),
                    where: [(.transportLength, ValueSet(octets, 65_535))])
            ]
        case .searched(let header, _):
            guard isPossible(header) else { return [] }
            return [Reading(cut(field), where: [(.presence(header), ValueSet(1, 1))])]
        case .presence(let header):
            if isPossible(header) { return [Reading([.variable(.presence(header), bits: field.bitWidth)])] }
            return answersWithoutCarrier(header) ? [Reading([.constant(0, bits: field.bitWidth)])] : []
        case .connection(let key): return readings(of: key, field, at: place)
        }
    }

    private func readings(of key: Field.MetaKey, _ field: Field, at place: ReadingPlace) -> [Reading] {
        func constant(_ number: UInt128) -> [Reading] { [Reading([.constant(number, bits: field.bitWidth)])] }
        switch key {
        // Names are compared elsewhere.
        case .iifname, .oifname, .iif, .oif: return []
        case .protocol: return kind.type.map(constant) ?? [Reading([.variable(.type, bits: 16)])]
        case .l4proto: return kind.isIP ? [Reading([.variable(.transportProtocol, bits: 8)])] : []
        case .length: return [Reading([.variable(.length(ofPacket: place.family != .bridge), bits: 32)])]
        case .pkttype:
            let other: UInt128 = place.family == .bridge ? 3 : 0
            return [(0, other), (1, 1), (2, 2)].map { kind, number in
                Reading([.constant(number, bits: 8)], where: [(.destinationKind, ValueSet(kind, kind))])
            }
        case .mark: return marksFrames ? [Reading([.variable(.mark, bits: 32)])] : constant(0)
        case .time, .day, .hour: return [Reading(cut(field))]
        case .nfproto: return constant(place.family == .bridge ? 7 : kind.network == .ipv4 ? 2 : 10)
        case .iiftype: return constant(1)
        case .oiftype: return place.hook == .prerouting ? [] : constant(1)
        case .iifgroup: return place.hook == .postrouting ? [] : constant(0)
        case .oifgroup: return place.hook == .prerouting ? [] : constant(0)
        case .priority: return constant(0)
        case .random: return [Reading([.variable(.drawn(field, place: place.statement), bits: 32)])]
        case .pathSegment: return kind.isIP ? [Reading(cut(field))] : []
        }
    }

    private func readings(of key: ConnectionKey, _ field: Field, at place: ReadingPlace) -> [Reading] {
        let state: Variable = place.isEarly ? .earlyState : .connectionState
        if key == .state { return [Reading([.variable(state, bits: 32)])] }
        guard !place.isEarly, kind.isIP else { return [] }
        let isFollowed = [(state, ValueSet(numbers: [2, 4, 8]))]
        switch key {
        case .zone: return [Reading([.constant(0, bits: field.bitWidth)], where: isFollowed)]
        case .networkProtocol:
            return [Reading([.constant(kind.network == .ipv4 ? 2 : 10, bits: field.bitWidth)], where: isFollowed)]
        case .address(_, _, let isIPv6) where isIPv6 != (kind.network == .ipv6): return []
        default: return [Reading(cut(field), where: isFollowed)]
        }
    }

    /// True if a packet of the kind may have it.
    private func isPossible(_ header: SearchedHeader) -> Bool {
        switch header.kind {
        case .ipv6ExtensionHeader: kind.network == .ipv6
        case .ipv4Option: kind.network == .ipv4
        case .tcpOption: kind.transports.contains(6)
        case .sctpChunk: kind.transports.contains(132)
        case .vxlan, .geneve: kind.transports.contains(17)
        case .gre, .gretap: kind.transports.contains(47)
        case .payload: kind.isIP
        }
    }

    /// True if "missing" can be said of a packet that can't carry it.
    private func answersWithoutCarrier(_ header: SearchedHeader) -> Bool {
        switch header.kind {
        case .ipv6ExtensionHeader, .ipv4Option: false
        case .tcpOption, .sctpChunk, .vxlan, .geneve, .gre, .gretap, .payload: true
        }
    }

    // MARK: Bits of headers

    private func network(from: Int, count: Int) -> Reading {
        let end = from + count
        let isWithin = end <= (kind.network == .ipv4 ? 160 : kind.network == .ipv6 ? 320 : 0)
        let guards: [(Variable, ValueSet)] = isWithin ? [] : [(.networkLength, ValueSet(UInt128((end + 7) / 8), 65_535))]
        guard kind.network == .ipv4, from < 80, end > 72 else { return Reading(cut(.network, from: from, count: count), where: guards) }
        // The protocol, which rules know by other words too.
        guard from <= 72, end >= 80 else { return Reading(cut(.network, from: from, count: count), where: guards) }
        let before = cut(.network, from: from, count: 72 - from)
        let after = cut(.network, from: 80, count: end - 80)
        return Reading(before + [.variable(.transportProtocol, bits: 8)] + after, where: guards)
    }

    private func linkReadings(from: Int, count: Int) -> [Reading] {
        let end = from + count
        if end <= 96 { return [Reading(cut(.link, from: from, count: count))] }
        let type: Reading.Piece = kind.type.map { .constant($0, bits: 16) } ?? .variable(.type, bits: 16)
        let tagged = [(1, 0x8100), (2, 0x88a8)].map { tag, number in
            reading(from, end, where: [(.tag, ValueSet(tag, tag))], [(96, .constant(number, bits: 16)), (112, nil), (128, type)], 144)
        }
        let place: Reading.Piece = kind.network == .length ? .variable(.frameLength, bits: 16) : type
        return [reading(from, end, where: [(.tag, ValueSet(0, 0))], [(96, place)], 112)] + tagged
    }

    /// - Parameters:
    ///   - places: Where 16 bits stand that are no part of an address; nil for the tag's own.
    ///   - payload: Where the network header begins.
    private func reading(
        _ from: Int, _ end: Int, where guards: [(Variable, ValueSet)], _ places: [(Int, Reading.Piece?)], _ payload: Int
    ) -> Reading {
        var pieces = from < 96 ? cut(.link, from: from, count: 96 - from) : []
        for (start, piece) in places where from < start + 16 && end > start {
            let (first, last) = (max(from, start), min(end, start + 16))
            switch piece {
            case nil: pieces += cut(.tag, from: first - start, count: last - first)
            case .constant(let number, _):
                let bits = last - first
                pieces.append(.constant(number >> UInt128(start + 16 - last) & ValueSet.ones(bits), bits: bits))
            case .variable(let variable, _):
                // Less than all of a type is as good as another field.
                pieces.append(
                    last - first == 16
                        ? .variable(variable, bits: 16) : .variable(.bits(.link, from: first, count: last - first), bits: last - first))
            }
        }
        guard end > payload else { return Reading(pieces, where: guards) }
        let start = max(from, payload)
        let rest = network(from: start - payload, count: end - start)
        var reading = Reading(pieces + rest.pieces, where: guards)
        reading.guards = reading.guards.restricted(by: rest.guards)
        return reading
    }

    private func cut(_ part: Variable.Part, from: Int, count: Int) -> [Reading.Piece] {
        guard count > 0 else { return [] }
        return pieces(.part(part), from: from, count: count) { .bits(part, from: $0, count: $1) }
    }

    /// A value that stands at no place of its own.
    private func cut(_ field: Field) -> [Reading.Piece] {
        pieces(.field(field), from: 0, count: field.bitWidth) { .field(field, from: $0, count: $1) }
    }

    private func pieces(_ part: CutPart, from: Int, count: Int, _ variable: (Int, Int) -> Variable) -> [Reading.Piece] {
        let inner = cuts[part, default: []].filter { $0 > from && $0 < from + count }.sorted()
        let borders = [from] + inner + [from + count]
        return zip(borders, borders.dropFirst()).map { low, high in .variable(variable(low, high - low), bits: high - low) }
    }
}
