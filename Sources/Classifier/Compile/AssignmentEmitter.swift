import Ruleset

/// What rules set: marks, and fields of frames.
extension Emitter {
    mutating func emit(_ assignment: Assignment) throws(ProgramError) {
        switch assignment.field {
        case .metaMark, .ctMark: try mark(assignment)
        default: try write(assignment)
        }
    }

    /// `meta mark set` and `ct mark set`, which write into no frame.
    private mutating func mark(_ assignment: Assignment) throws(ProgramError) {
        let isConnection = assignment.field == .ctMark
        if isConnection { connectionNeeds.formUnion([.state, .mark]) }
        switch assignment.value {
        case .constant(let number):
            instructions.append(Instruction(operation: isConnection ? .connectionMark : .mark, low: number & assignment.field.allOnes))
        case .bits(let component):
            guard component.field.bitWidth == assignment.field.bitWidth else {
                throw ProgramError(reason: .value(assignment.field), location: assignment.location)
            }
            var instruction = Instruction(operation: isConnection ? .connectionMarkBits : .markBits, slot: try slot(of: component.field))
            instruction.mask = mask(of: component)
            instruction.low = component.xor & assignment.field.allOnes
            instructions.append(instruction)
        case .shifted(let bits):
            var instruction = Instruction(operation: isConnection ? .connectionMarkBits : .markBits)
            instruction.mask = assignment.field.allOnes
            if bits.isCombined || bits.field.bitWidth != assignment.field.bitWidth || bits.field.trailingBits != 0 {
                try calculate(bits, shift: 0)
                instruction.slot = UInt8(LoadedValues.spare)
            } else {
                instruction.slot = try slot(of: bits.field)
                let (shift, mask, xor) = bits.combined
                instruction.first = try int32(shift)
                instruction.mask &= mask
                instruction.low = xor & assignment.field.allOnes
            }
            instructions.append(instruction)
        case .mapped(let map):
            if case .named(let name) = map.elements, let set = stateful.changingSets[name] {
                return instructions.append(
                    Instruction(
                        operation: isConnection ? .connectionMarkChanging : .markChanging,
                        first: try access(SetAccess(set: try int32(set), pieces: try pieces(of: map.key)))))
            }
            instructions.append(try lookUp(map.key, map.elements, map.location))
            instructions.append(Instruction(operation: isConnection ? .connectionMarkMapped : .markMapped))
        case .field, .removed: throw ProgramError(reason: .value(assignment.field), location: assignment.location)
        }
    }

    private mutating func write(_ assignment: Assignment) throws(ProgramError) {
        guard let write = Write(assignment, in: family) else {
            throw ProgramError(reason: .unchangeable(assignment.field), location: assignment.location)
        }
        var instruction = Instruction(operation: .write)
        switch assignment.value {
        case .constant: break
        // Of the rule that has the last word if the option can't be taken out.
        case .removed: instruction.count = try int32(rules.count - 1)
        case .field(let source):
            guard source.bitWidth == assignment.field.bitWidth, source.trailingBits == 0 else {
                throw ProgramError(reason: .value(assignment.field), location: assignment.location)
            }
            instruction.operation = .copy
            instruction.slot = try slot(of: source)
        case .mapped(let map):
            guard assignment.field.isWrittenWhole else {
                throw ProgramError(reason: .value(assignment.field), location: assignment.location)
            }
            if case .named(let name) = map.elements, let set = stateful.changingSets[name] {
                instruction.operation = .writeChanging
                instruction.count = try access(SetAccess(set: try int32(set), pieces: try pieces(of: map.key)))
            } else {
                instructions.append(try lookUp(map.key, map.elements, map.location))
                instruction.operation = .writeMapped
            }
        case .shifted(let bits):
            try calculate(bits, shift: write.shift)
            instruction.operation = .copy
            instruction.slot = UInt8(LoadedValues.spare)
        case .bits: throw ProgramError(reason: .value(assignment.field), location: assignment.location)
        }
        instruction.first = try int32(writes.count)
        writes.append(write)
        instructions.append(instruction)
    }

    /// Puts what is made of the fields into the spare slot.
    /// - Parameter shift: How far to the left at the end.
    private mutating func calculate(_ bits: ShiftedBits, shift: Int32) throws(ProgramError) {
        let first = calculations.count
        try append(bits, depth: 1)
        if shift != 0 { calculations.append(CalculationStep(kind: .shift, distance: shift)) }
        instructions.append(
            Instruction(operation: .calculate, first: try int32(first), count: try int32(calculations.count - first)))
    }

    private mutating func append(_ bits: ShiftedBits, depth: Int) throws(ProgramError) {
        guard depth < CalculationStep.depth else { throw ProgramError(reason: .tooLarge, location: nil) }
        let place = try place(of: bits.field)
        calculations.append(
            CalculationStep(
                kind: .load, slot: place.slot, load: place.load, distance: try int32(bits.field.trailingBits),
                mask: mask(of: MatchKey.Component(bits.field))))
        for step in bits.steps {
            switch step {
            case .shift(let distance):
                calculations.append(CalculationStep(kind: .shift, distance: try int32(distance), mask: bits.allOnes))
            case .bits(let mask, let xor): calculations.append(CalculationStep(kind: .bits, mask: mask ?? bits.allOnes, xor: xor))
            case .combined(let kind, let other):
                try append(other, depth: depth + 1)
                calculations.append(CalculationStep(kind: CalculationStep.Kind(kind)))
            }
        }
    }
}

extension CalculationStep.Kind {
    init(_ kind: BitOperator) {
        switch kind {
        case .or: self = .or
        case .exclusiveOr: self = .exclusiveOr
        case .and: self = .and
        }
    }
}
