// Raw bits by the names that nft lists them by: those that they have in the headers that a rule has matched.

extension Field {
    /// Nil where the bits have no name, or none that says the same.
    func named(in context: ProtocolContext, _ header: Header) -> Field? {
        var names: [Selector] = []
        switch header {
        case .link: names = Selector.all.filter { $0.header == .ether && $0.tunnel == nil }
        case .network: break
        case .transport:
            if let transport = context.onlyTransport { names = Selector.all.filter { $0.header == transport && $0.tunnel == nil } }
            names += [Selector.reading(.thSport), Selector.reading(.thDport)]
        }
        return names.first {
            $0.field.source == source && $0.field.bitWidth == bitWidth && $0.conclusion == nil && $0.messageTypes.isEmpty
        }?.field
    }

    /// Raw bits that are ports, in a key whose elements are written as before.
    fileprivate func namedPort(in context: ProtocolContext) -> Field? {
        guard case .payload(.transport, _) = source, words.hasPrefix("@"), let name = named(in: context, .transport),
            Selector.reading(name).type == .service
        else { return nil }
        return name
    }
}

extension MatchKey {
    /// Only ports: nft lists numbers of other types without their type among other parts.
    mutating func name(in context: ProtocolContext) {
        first.field = first.field.namedPort(in: context) ?? first.field
        for index in rest.indices { rest[index].field = rest[index].field.namedPort(in: context) ?? rest[index].field }
    }
}

extension Assignment {
    /// Where no checksum goes with the name: that of raw bits stays as it is.
    mutating func name(in context: ProtocolContext) {
        if case .field(let source) = value, let name = source.namedPort(in: context) { value = .field(name) }
        guard case .payload(let header, _) = field.source, field.words.hasPrefix("@"), let name = field.named(in: context, header),
            name.checksum == nil, !name.isInPseudoHeader
        else { return }
        field = name
    }
}

extension Match {
    /// Bits that are no whole octets as the octets that they lie in, with a mask.
    mutating func widenRawBits() {
        guard case .payload(let header, _) = field.source, field.words.hasPrefix("@"), !field.isWholeOctets, mask == nil,
            key.first.xor == 0,
            let octets = Field.raw(header, bitOffset: field.octets.lowerBound * 8, bitWidth: field.octets.count * 8)
        else { return }
        let shift = UInt128(field.trailingBits)
        switch operand {
        case .single(let value):
            guard let value = value.moved(left: shift, order, highest: octets.allOnes) else { return }
            operand = .single(value)
        case .set(let values):
            let moved = values.compactMap { value -> Value? in
                guard case .prefix = value else { return value.moved(left: shift, nil, highest: octets.allOnes) }
                let bounds = value.bounds(of: field)
                return .range(bounds.low << shift, bounds.high << shift)
            }
            guard moved.count == values.count else { return }
            operand = .set(moved)
        case .named: return
        }
        mask = field.allOnes << shift
        field = octets
    }
}

extension Value {
    /// What the bits above `shift` have to be, where the others are zero; nil for what would not be written so.
    /// - Parameter highest: Of the octets.
    fileprivate func moved(left shift: UInt128, _ order: Order?, highest: UInt128) -> Value? {
        switch self {
        case .number(let number): return .number(number << shift)
        case .range(let low, let high):
            guard let order else { return .range(low << shift, high << shift) }
            let limit = order.limit(of: low, high) << shift
            switch order {
            case .less: return limit > 0 ? .range(0, limit - 1) : nil
            case .lessOrEqual: return .range(0, limit)
            case .greater: return limit < highest ? .range(limit + 1, highest) : nil
            case .greaterOrEqual: return .range(limit, highest)
            }
        case .any: return .any
        case .prefix, .interface, .concatenation: return nil
        }
    }
}
