import Ruleset

/// Lookups in sets that change, and what rules do to them.
extension Emitter {
    /// True if the key is one loaded value, which needs no access.
    private func isPlain(_ key: MatchKey) -> Bool {
        !key.isConcatenation && key.first.xor == 0 && !key.first.field.isInterface && key.first.field.trailingBits == 0
    }

    mutating func instruction(for match: Match, in set: Int) throws(ProgramError) -> Instruction {
        let isNegated = match.relation == .notEqual
        guard isPlain(match.key) else {
            let access = try access(SetAccess(set: try int32(set), pieces: try pieces(of: match.key)))
            return Instruction(operation: .inChangingKey, isNegated: isNegated, first: access)
        }
        var instruction = Instruction(operation: .inChanging, isNegated: isNegated, slot: try slot(of: match.field))
        instruction.mask = mask(of: match.key.first)
        instruction.first = try int32(set)
        return instruction
    }

    mutating func instruction(for update: SetUpdate) throws(ProgramError) -> Instruction {
        let (set, template) = try stateful.add(update, of: "\(family.rawValue) \(tableName)")
        if isPlain(update.key), update.data == nil {
            var instruction = Instruction(operation: .change, slot: try slot(of: update.key.first.field))
            instruction.mask = mask(of: update.key.first)
            instruction.first = try int32(set)
            instruction.count = try int32(template)
            return instruction
        }
        var access = SetAccess(set: try int32(set), template: try int32(template), pieces: try pieces(of: update.key))
        switch update.data {
        case nil: break
        case .constant(let number, _): access.constant = number
        case .field(let component): access.data = try pieces(of: MatchKey(component)).first
        }
        return Instruction(operation: .changeKey, first: try self.access(access))
    }

    mutating func access(_ access: SetAccess) throws(ProgramError) -> Int32 {
        accesses.append(access)
        return try int32(accesses.count - 1)
    }

    /// Where the key's components come from, and where they go.
    mutating func pieces(of key: MatchKey) throws(ProgramError) -> LookupTable.Span {
        let first = pieces.count
        var word = 0
        for component in key.components {
            let field = component.field
            let place = try place(of: field)
            let part = KeyPart(
                slot: place.slot, load: place.load, mask: mask(of: component), xor: component.xor << UInt128(field.trailingBits))
            guard word + PackedKey.words(of: field) <= PackedKey.capacity else { throw ProgramError(reason: .tooLarge, location: nil) }
            pieces.append(
                KeyPiece(
                    part: part, shift: UInt8(truncatingIfNeeded: field.isInterface ? 0 : field.trailingBits),
                    word: UInt8(truncatingIfNeeded: word), isOtherPort: field.isInterface && field.port == .egress))
            word += PackedKey.words(of: field)
        }
        return LookupTable.Span(first: try int32(first), count: try int32(key.components.count))
    }
}
