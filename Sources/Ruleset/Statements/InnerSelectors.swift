// Selectors that read what a tunnel carries: `vxlan ip saddr`, `gretap ether type` (net/netfilter/nft_inner.c).

/// A tunnel that nft looks into.
struct Tunnel: Sendable {
    var word: String
    var kind: SearchedHeader.Kind
    /// What carries it.
    var carrier: NetworkProtocol

    static let all = [
        Tunnel(word: "vxlan", kind: .vxlan, carrier: .udp), Tunnel(word: "geneve", kind: .geneve, carrier: .udp),
        Tunnel(word: "gre", kind: .gre, carrier: .gre), Tunnel(word: "gretap", kind: .gretap, carrier: .gre),
    ]

    /// The same field of the packet inside; nil for what is none of its headers'.
    func inner(_ field: Field) -> Field? {
        func read(_ part: SearchedHeader.InnerPart, _ bits: Range<Int>) -> Field {
            Field("\(word) \(field.words)", SearchedHeader(inside: kind, part), bits: bits)
        }
        switch field {
        case .metaProtocol: return read(.etherType, 0..<16)
        case .metaL4proto: return read(.transportProtocol, 0..<8)
        default: break
        }
        guard case .payload(let header, let offset) = field.source else { return nil }
        let bits = offset..<offset + field.bitWidth
        switch header {
        case .link: return kind == .gre ? nil : read(.link, bits)
        case .network: return read(.network, bits)
        case .transport: return read(.transport, bits)
        }
    }

    /// RFC 7348 5, RFC 8926 3.4. GRE's own fields are those of a transport header.
    fileprivate var own: [Selector] {
        let header = SearchedHeader(inside: kind, .tunnel)
        let fields: [(name: String, bits: Range<Int>, type: ValueType)] =
            switch kind {
            case .vxlan: [("flags", 0..<8, .integer), ("vni", 32..<56, .integer)]
            case .geneve: [("type", 16..<32, .etherType), ("vni", 32..<56, .integer)]
            default: []
            }
        return fields.map { Selector(Field("\(word) \($0.name)", header, bits: $0.bits), $0.type) }
    }

    /// Its own fields, and those of all headers of a packet inside.
    fileprivate func selectors(of plain: [Selector]) -> [Selector] {
        own
            + plain.compactMap { selector in
                guard selector.header != nil || selector.text.hasPrefix("th "), selector.header != .gre,
                    kind != .gre || (selector.header?.layer != .link && selector.header != .arp), let field = inner(selector.field)
                else { return nil }
                var inner = selector
                inner.field = field
                return inner
            }
    }
}

extension Selector {
    /// What may be read inside of tunnels.
    static func inner(of plain: [Selector]) -> [Selector] { Tunnel.all.flatMap { $0.selectors(of: plain) } }

    /// The tunnel that it looks into.
    var tunnel: Tunnel? {
        guard let header = field.searchedHeader, header.isInner else { return nil }
        return Tunnel.all.first { $0.kind == header.kind }
    }
}

extension Parser {
    /// After a tunnel's word: a field of its own, or a header of the packet inside and a field of that. Nil if neither begins here.
    mutating func innerSelector(behind first: String) -> Selector? {
        guard let fields = Selector.grammar[first], current.kind == .word else { return nil }
        var words = current.text
        for length in 1...4 {
            guard index + length <= tokens.count, tokens[index + length - 1].kind == .word else { return nil }
            if length > 1 { words += " \(tokens[index + length - 1].text)" }
            guard let selector = fields[words] else { continue }
            for _ in 0..<length { next() }
            return selector
        }
        return nil
    }
}

extension RuleChecker {
    /// Appends what has to be matched before a field inside of a tunnel: the tunnel, and the headers inside.
    mutating func addInnerDependencies(
        of selector: Selector, in tunnel: Tunnel, _ selectorLocation: SourceLocation, _ location: SourceLocation
    ) throws(Diagnostic) {
        if tunnel.carrier == .udp, !context.hasTransport {
            throw Diagnostic(
                severity: .error, location: selectorLocation, message: "'\(selector.text)' needs the tunnel's port before it",
                note: "write: udp dport \(tunnel.kind == .vxlan ? 4789 : 6081) \(selector.text) …")
        }
        append(try dependencies(on: tunnel.carrier, of: selector, selectorLocation), location) { $0 }
        guard let header = selector.header else { return }
        // GRE without Ethernet begins with IP, as packets do in a table inet; there it is by their EtherType that they are asked for.
        var inside = innerContexts[tunnel.kind] ?? ProtocolContext(family: .bridge)
        do throws(ProtocolContext.Failure) {
            var found: [ProtocolContext.Dependency] = []
            if tunnel.kind == .gre, let network = header.record.network, inside.knownIPFamily == nil {
                found += try inside.require(network)
            }
            found += try inside.require(header)
            if let message = try inside.requireMessage(of: selector) { found.append(message) }
            append(found, location) { tunnel.inner($0) }
        } catch {
            guard case .conflict(let first, let second) = error else {
                throw Diagnostic(
                    severity: .error, location: selectorLocation, message: "'\(selector.text)' contradicts a match before it")
            }
            throw Diagnostic(
                severity: .error, location: selectorLocation,
                message: "conflicting protocols inside \(tunnel.word): \(first.rawValue) and \(second.rawValue)")
        }
        innerContexts[tunnel.kind] = inside
    }

    private mutating func append(
        _ dependencies: [ProtocolContext.Dependency], _ location: SourceLocation, placed: (Field) -> Field?
    ) {
        for dependency in dependencies {
            guard let field = placed(dependency.field) else { continue }
            let values = dependency.numbers.map { Value.number($0) }
            let operand = values.count == 1 ? Operand.single(values[0]) : .set(values)
            append(.match(Match(field: field, operand: operand, isImplied: true, location: location)))
        }
    }

    /// An equality on a field inside says which header comes next there.
    mutating func concludeInside(_ selector: Selector, _ number: UInt128) {
        guard let tunnel = selector.tunnel, selector.conclusion != nil,
            let plain = Field.allCases.first(where: { "\(tunnel.word) \($0.words)" == selector.text })
        else { return }
        innerContexts[tunnel.kind, default: ProtocolContext(family: .bridge)].conclude(from: plain, number)
    }
}
