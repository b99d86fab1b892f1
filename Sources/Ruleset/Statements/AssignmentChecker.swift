/// Checks what a rule changes: that the kernel can, and that the value is one of the field's.
struct AssignmentChecker {
    let syntax: AssignmentSyntax

    private var field: Field { syntax.selector.field }

    private func failure(_ location: SourceLocation, _ message: String, note: String? = nil) -> Diagnostic {
        Diagnostic(severity: .error, location: location, message: message, note: note)
    }

    /// - Parameter target: The field where it follows the tags that have been matched.
    func checkTarget(_ target: Field) throws(Diagnostic) {
        let place = syntax.selectorLocation
        if let refusal = target.traits.refusal {
            var failure = failure(place, "'\(field.words)' \(refusal.words)", note: refusal.note)
            failure.isUnsupported = refusal.isLimit
            throw failure
        }
        switch target.place {
        case nil, .presence: break
        case .header(.link, _):
            // The kernel holds the outermost tag apart, and writes into it in words of 16 bits (nft_payload_set_vlan).
            let octets = target.writtenOctets
            if octets.upperBound > 12, octets.lowerBound < 16, !isWritableInTag(octets) {
                throw failure(
                    place, "'\(field.words)' can't be set: the kernel does not carry it out",
                    note: "write the tag's 16 bits of priority and number at once: @ll,112,16 set 0x6005")
            }
        case .header(let header, _):
            // struct nft_payload_set holds the offset in an octet.
            if target.writtenOctets.lowerBound > 255 {
                throw failure(place, "'\(field.words)' can't be set: it begins after the \(header) header's octet 255")
            }
        case .searched(let header, _):
            if header.kind == .payload {
                var limit = failure(place, "'\(field.words)' can't be changed", note: "Weir changes headers and no payload")
                limit.isUnsupported = true
                throw limit
            }
            guard header.kind == .tcpOption else {
                throw failure(place, "'\(field.words)' can't be changed: nft only sets options of TCP")
            }
            let octets = target.octets
            guard octets.count * 8 == target.bitWidth, octets.count == 2 || octets.count == 4, octets.lowerBound >= 2 else {
                throw failure(
                    place, "'\(field.words)' can't be set", note: "the kernel sets 16 or 32 bits of an option, after its kind and length")
            }
        }
    }

    private func isWritableInTag(_ octets: Range<Int>) -> Bool {
        [12..<14, 14..<16, 12..<16].contains(octets)
    }

    /// The bits that a constant stands for.
    func constant(_ expressions: [ExpressionSyntax]) throws(Diagnostic) -> UInt128 {
        let values = ValueChecker(selector: syntax.selector)
        var bits: UInt128 = 0
        for expression in expressions { bits |= try values.number(expression) }
        return bits
    }

    /// Whether the field can be set to something else than a constant.
    func checkWhole(_ location: SourceLocation) throws(Diagnostic) {
        if !field.isWrittenWhole { throw constantAlone(location) }
    }

    private func constantAlone(_ location: SourceLocation) -> Diagnostic {
        failure(
            location, "'\(field.words)' can only be set to a constant",
            note: "nft copies whole octets, and whole words of 16 bits where a checksum goes with them")
    }

    /// Whether the kernel's copy of one field can be written into the other.
    func checkSource(_ source: Selector, _ location: SourceLocation) throws(Diagnostic) {
        try Self.checkSource(source, for: syntax.selector, location)
        if !source.field.isWholeOctets, source.field != .rtMtu { throw constantAlone(location) }
        try checkWhole(location)
    }

    /// Whether the one has values of the other's kind.
    static func checkSource(_ source: Selector, for target: Selector, _ location: SourceLocation) throws(Diagnostic) {
        func failure(_ location: SourceLocation, _ message: String, note: String? = nil) -> Diagnostic {
            Diagnostic(severity: .error, location: location, message: message, note: note)
        }
        let field = target.field
        switch source.field.place {
        case .header, .searched: break
        case .presence, nil:
            guard source.field == .rtMtu else { throw failure(location, "'\(source.text)' can't be written into a frame") }
        }
        guard source.field.bitWidth == field.bitWidth else {
            throw failure(
                location, "'\(source.text)' has \(source.field.bitWidth) bits and '\(target.text)' \(field.bitWidth)",
                note: "name a field of the same width")
        }
        guard source.type == target.type || source.type == .integer || target.isRaw else {
            throw failure(location, "'\(source.text)' is \(source.type.described), and '\(target.text)' \(target.type.described)")
        }
    }
}

extension Selector {
    /// Bits that have no name.
    fileprivate var isRaw: Bool { text.hasPrefix("@") }
}

extension RuleChecker {
    mutating func add(_ syntax: AssignmentSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        let checker = AssignmentChecker(syntax: syntax)
        try addDependencies(of: syntax.selector, syntax.selectorLocation, syntax.location, into: &sink)
        let target = placed(syntax.selector)
        if target == .metaPriority, case .constant(let expressions, _) = syntax.value {
            let value = AssignedValue.constant(try checker.constant(expressions))
            return append(
                .hostSetting(.priority(Assignment(field: target, value: value, location: syntax.location)), location: syntax.location))
        }
        try checker.checkTarget(target)
        let value: AssignedValue
        switch syntax.value {
        case .constant(let expressions, _):
            value = .constant(try checker.constant(expressions))
        case .field(let source, let location):
            try checker.checkSource(source, location)
            try addDependencies(of: source, location, syntax.location, into: &sink)
            value = .field(placed(source))
        case .calculated(let calculation): value = try calculated(calculation, for: syntax, into: &sink)
        case .bits, .shifted:
            throw Diagnostic(severity: .error, location: syntax.value.location, message: "only a mark can be set to another mark")
        case .mapped(let map):
            try checker.checkWhole(map.location)
            value = .mapped(try mapped(map, for: syntax.selector, into: &sink))
        }
        append(.assignment(Assignment(field: target, value: value, location: syntax.location)))
    }

    private mutating func calculated(
        _ calculation: CalculationSyntax, for syntax: AssignmentSyntax, into sink: inout DiagnosticSink
    ) throws(Diagnostic) -> AssignedValue {
        for (selector, location) in calculation.selectors {
            try addDependencies(of: selector, location, syntax.location, into: &sink)
            if selector.needsKnownFamily {
                throw Diagnostic(
                    severity: .error, location: location, message: "'\(selector.text)' can only be compared with single values",
                    note: "write its family: \(selector.text.replacingLast(with: "ip"))")
            }
        }
        let context = context
        let checker = CalculationChecker(target: syntax.selector) { context.placed($0.field, of: $0.header) }
        return try checker.value(of: calculation)
    }

    private mutating func mapped(
        _ map: MapSyntax, for selector: Selector, into sink: inout DiagnosticSink
    ) throws(Diagnostic) -> ValueMap {
        if let header = map.key.components.first(where: { $0.selector.field.searchedHeader?.kind == .ipv6ExtensionHeader }) {
            throw Diagnostic(
                severity: .error, location: header.location, message: "an extension header's field can't be the key of an assigned value",
                note: "nft's grammar has none there; write a match of its own")
        }
        let (key, elements) = try lowered(map, .values(selector), into: &sink)
        return ValueMap(key: key, elements: elements, location: map.location)
    }

    /// `meta mark set` and `ct mark set`: a constant, bits of one of the two marks, or what a map has.
    mutating func addMark(_ syntax: AssignmentSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        let value: AssignedValue
        try checkFamily(of: syntax.selector, syntax.selectorLocation)
        switch syntax.value {
        case .constant(let expressions, _): value = .constant(try AssignmentChecker(syntax: syntax).constant(expressions))
        case .mapped(let map): value = .mapped(try mapped(map, for: syntax.selector, into: &sink))
        case .calculated(let calculation): value = try calculated(calculation, for: syntax, into: &sink)
        case .bits(let component):
            try checkFamily(of: component.selector, component.location)
            if component.selector.field == .metaRandom, let operation = component.operations.first {
                throw randomBits(operation.operand)
            }
            let bits = try ValueChecker(selector: component.selector).component(component)
            try component.checkOrder()
            value = .bits(bits)
        case .shifted(let bits):
            try checkFamily(of: bits.selector, bits.location)
            if bits.selector.field == .metaRandom, case .operation(_, let operand) = bits.steps.first { throw randomBits(operand) }
            value = .shifted(try bits.lowered())
        case .field(let source, let location):
            var limit = Diagnostic(
                severity: .error, location: location, message: "a field's value can't be assigned",
                note: "write a constant, one of the marks, or a map: \(source.text) map { … }")
            limit.isUnsupported = true
            throw limit
        }
        append(.assignment(Assignment(field: syntax.selector.field, value: value, location: syntax.location)))
    }

    private func randomBits(_ operand: ExpressionSyntax) -> Diagnostic {
        Diagnostic(
            severity: .error, location: operand.location, message: "a mark takes all bits of 'meta random'",
            note: "some versions of nft take them from the other end; write: numgen random mod 256")
    }
}
