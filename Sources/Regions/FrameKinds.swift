import Ruleset

/// The kinds of frames that rule sets make it necessary to tell apart.
struct FrameKinds {
    let rulesets: [Ruleset]
    /// Protocols whose packets are a kind of their own: their headers are asked for more than ports.
    private(set) var separate: Set<UInt128> = []

    init(_ rulesets: [Ruleset]) {
        self.rulesets = rulesets
        var mentioned: Set<UInt128> = []
        var asksForNextHeader = false
        for ruleset in rulesets {
            ruleset.forEachStatement { statement, _ in
                for component in statement.components {
                    note(component.field)
                    if component.field == .ip6Nexthdr { asksForNextHeader = true }
                }
                if case .match(let match) = statement, [.metaL4proto, .ip6Nexthdr, .ipProtocol].contains(match.field) {
                    mentioned.formUnion(match.numbers)
                }
            }
        }
        // The first header of IPv6 and the last one are two values of the same kind.
        if asksForNextHeader { separate.formUnion(mentioned) }
    }

    /// Their numbers by the words that selectors of their headers begin with.
    static let protocols: [(word: String, number: UInt128)] = [
        ("tcp", 6), ("udp", 17), ("icmp", 1), ("icmpv6", 58), ("igmp", 2), ("sctp", 132), ("dccp", 33), ("udplite", 136), ("esp", 50),
        ("ah", 51), ("comp", 108), ("gre", 47),
    ]

    private mutating func note(_ field: Field) {
        if let header = field.searchedHeader {
            switch header.kind {
            case .tcpOption: separate.insert(6)
            case .sctpChunk: separate.insert(132)
            case .vxlan, .geneve: separate.insert(17)
            case .gre, .gretap: separate.insert(47)
            case .payload, .ipv6ExtensionHeader, .ipv4Option: break
            }
        }
        guard case .payload(.transport, let from) = field.source else { return }
        // All of them begin with two ports.
        if field.bitWidth == 16, from == 0 || from == 16, ["tcp", "udp", "sctp", "dccp", "udplite", "th"].contains(field.firstWord) {
            return
        }
        if let known = Self.protocols.first(where: { $0.word == field.firstWord }) { separate.insert(known.number) }
    }

    var all: [FrameKind] {
        let numbers = separate.filter { $0 <= 255 }.sorted()
        let groups = [ValueSet(0, 255).subtracting(ValueSet(numbers: numbers))] + numbers.map { ValueSet($0, $0) }
        return [FrameKind.Network.ipv4, .ipv6].flatMap { network in groups.map { FrameKind(network: network, transports: $0) } }
            + [FrameKind(network: .other, transports: .empty), FrameKind(network: .length, transports: .empty)]
    }

    /// What fields read in frames of a kind, cut where fields overlap or masks ask for some of their bits; and what steps assign.
    func demands(for kind: FrameKind, ports: [String]) throws(RegionFailure) -> DemandBuilder {
        var reader = FieldReader(kind: kind)
        var isMarked = false
        for ruleset in rulesets {
            ruleset.forEachStatement { statement, _ in
                if case .assignment(let assignment) = statement, assignment.field == .metaMark { isMarked = true }
            }
        }
        reader.marksFrames = isMarked
        reader.cuts = cuts(reader, ports: ports)
        var builder = DemandBuilder(reader: reader, ports: ports, assigned: [:])
        for ruleset in rulesets { try note(what: ruleset, assignsIn: &builder) }
        return builder
    }

    // MARK: Cuts

    private func cuts(_ reader: FieldReader, ports: [String]) -> [FieldReader.CutPart: Set<Int>] {
        let plain = DemandBuilder(reader: reader, ports: ports, assigned: [:])
        var cuts: [FieldReader.CutPart: Set<Int>] = [:]
        var seen: Set<Field> = []
        for ruleset in rulesets {
            ruleset.forEachRule { rule, family, hook in
                let place = ReadingPlace(family: family, hook: hook, isEarly: false, statement: "")
                for statement in rule.statements {
                    for component in statement.components where !component.field.isInterface {
                        let bits = component.runs
                        guard seen.insert(component.field).inserted || !bits.isEmpty else { continue }
                        note(component.field, bits, plain.reader.readings(of: component.field, at: place), &cuts)
                    }
                    // What can't be so in these frames leaves the rest of the rule out.
                    guard case .match(let match) = statement, !match.key.isConcatenation, !match.isOfSet else { continue }
                    if case .any(let found) = plain.holding(
                        match.key.first, match.values, isNegated: match.relation == .notEqual, at: place), found.isEmpty
                    {
                        break
                    }
                }
            }
        }
        return cuts
    }

    /// - Parameter runs: Bits at which the runs of a mask end, from the field's first.
    private func note(
        _ field: Field, _ runs: [Int], _ readings: [Reading], _ cuts: inout [FieldReader.CutPart: Set<Int>]
    ) {
        for reading in readings {
            var before = 0
            for piece in reading.pieces {
                guard case .variable(let variable, let bits) = piece else {
                    before += piece.bits
                    continue
                }
                let own = runs.filter { $0 > before && $0 < before + bits }.map { $0 - before }
                switch variable {
                case .bits(let part, let from, let count):
                    cuts[.part(part), default: []].formUnion([from, from + count] + own.map { from + $0 })
                case .field(let field, let from, _): cuts[.field(field), default: []].formUnion(own.map { from + $0 })
                default: break
                }
                before += bits
            }
        }
    }

    // MARK: Assignments

    /// Fields that say where others stand.
    private static let structure: Set<Field> = [
        .etherType, .vlanType, .ipVersion, .ipHdrlength, .ipLength, .ipFragOff, .ipProtocol, .ip6Version, .ip6Length, .ip6Nexthdr,
    ]

    private func note(what ruleset: Ruleset, assignsIn builder: inout DemandBuilder) throws(RegionFailure) {
        var failure: RegionFailure?
        ruleset.forEachStatement { statement, place in
            if case .notrack = statement {
                builder.assigned[.connectionState, default: []] += []
                builder.assigned[.earlyState, default: []] += []
            }
            guard case .assignment(let assignment) = statement, assignment.value != .removed else { return }
            let field = assignment.field
            if Self.structure.contains(field) || field.words.hasPrefix("@") && assignment.field.place != nil {
                let source =
                    ruleset.sources.indices.contains(assignment.location.file) ? ruleset.sources[assignment.location.file].name : ""
                failure =
                    failure
                    ?? RegionFailure(
                        description:
                            "\(source):\(assignment.location.line): '\(assignment.meaning)' changes where headers are found, and what "
                            + "rules make of that can't be compared")
            }
            var values: [String] = []
            switch assignment.value {
            case .constant, .removed: break
            case .field, .bits, .shifted: values = [assignment.meaning]
            case .mapped(let map): values = [map.meaning]
            }
            for reading in builder.reader.readings(of: field, at: place) {
                for piece in reading.pieces {
                    guard case .variable(let variable, _) = piece else { continue }
                    builder.assigned[variable] = Array(Set((builder.assigned[variable] ?? []) + values)).sorted()
                }
            }
        }
        if let failure { throw failure }
    }
}

extension Ruleset {
    /// Rules with their family and the hook of their chain.
    fileprivate func forEachRule(_ body: (Rule, Family, Hook) -> Void) {
        for table in tables where table.family != .arp && table.family != .netdev {
            for chain in table.chains { for rule in chain.rules { body(rule, table.family, chain.base?.hook ?? .forward) } }
        }
    }

    fileprivate func forEachStatement(_ body: (Statement, ReadingPlace) -> Void) {
        forEachRule { rule, family, hook in
            let place = ReadingPlace(family: family, hook: hook, isEarly: false, statement: "")
            for statement in rule.statements { body(statement, place) }
        }
    }
}

extension Statement {
    /// What it reads of a frame, as the kernel does.
    fileprivate var components: [MatchKey.Component] {
        switch self {
        case .match(let match): return match.loaded.key.components
        case .verdictMap(let map): return map.key.components
        case .assignment(let assignment):
            return [MatchKey.Component(assignment.field)] + (Statement.assignment(assignment).traits.key?.components ?? [])
        default: return []
        }
    }
}

extension MatchKey.Component {
    /// Where runs of the mask end, from the field's first bit; empty where the numbers can be listed.
    fileprivate var runs: [Int] {
        guard let mask, field.bitWidth > 16 else { return [] }
        let host = field.allOnes & ~mask
        // All but the last bits: a range.
        if xor == 0, host & (host &+ 1) == 0 { return [] }
        // A state is one of few.
        if field == .ctState { return [] }
        return (1..<field.bitWidth).filter { bit in
            let shift = UInt128(field.bitWidth - bit)
            return (mask >> shift & 1) != (mask >> (shift - 1) & 1)
        }
    }
}

extension Match {
    fileprivate var isOfSet: Bool { if case .named = operand { true } else { false } }

    /// As they stand in the rule.
    fileprivate var values: [Value] {
        switch operand {
        case .single(let value): [value]
        case .set(let values): values
        case .named: []
        }
    }

    fileprivate var numbers: [UInt128] { values.compactMap { if case .number(let number) = $0 { number } else { nil } } }
}

extension Field {
    var firstWord: String { String(words.prefix { $0 != " " }) }
}
