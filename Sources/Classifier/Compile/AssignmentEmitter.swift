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
            guard bits.field.bitWidth == assignment.field.bitWidth else {
                throw ProgramError(reason: .value(assignment.field), location: assignment.location)
            }
            var instruction = Instruction(operation: isConnection ? .connectionMarkBits : .markBits, slot: try slot(of: bits.field))
            let (shift, mask, xor) = bits.combined
            instruction.first = try int32(shift)
            instruction.mask = mask & assignment.field.allOnes
            instruction.low = xor & assignment.field.allOnes
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
        case .field: throw ProgramError(reason: .value(assignment.field), location: assignment.location)
        }
    }

    private mutating func write(_ assignment: Assignment) throws(ProgramError) {
        guard let write = Write(assignment, in: family) else {
            throw ProgramError(reason: .unchangeable(assignment.field), location: assignment.location)
        }
        var instruction = Instruction(operation: .write)
        switch assignment.value {
        case .constant: break
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
        case .bits, .shifted: throw ProgramError(reason: .value(assignment.field), location: assignment.location)
        }
        instruction.first = try int32(writes.count)
        writes.append(write)
        instructions.append(instruction)
    }
}
