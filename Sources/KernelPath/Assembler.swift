public import CLinux

/// A program that can't be assembled: a fault of its author.
public enum AssemblyError: Error, Equatable {
    /// A jump leads to a label that stands nowhere.
    case unplacedLabel(Int)
    /// A label was placed a second time.
    case labelPlacedTwice(Int)
    /// A jump leads further than 32,767 instructions.
    case jumpTooFar(Int)
}

/// Writes an eBPF program, instruction by instruction (Documentation/bpf/standardization/instruction-set.rst).
///
/// Jumps name labels, which can be placed before or after them. What the instructions mean is the kernel's verifier to judge.
public struct Assembler {
    /// A place in the program that jumps lead to.
    public struct Label: Sendable, Equatable {
        fileprivate let number: Int
    }

    // Classes of instructions, and the modifiers of their operation codes.
    private static let load64: UInt8 = 0x18
    private static let loadMemory: UInt8 = 0x61
    private static let storeConstant: UInt8 = 0x62
    private static let storeRegister: UInt8 = 0x63
    private static let atomic: UInt8 = 0xc3
    private static let arithmetic32: UInt8 = 0x04
    private static let jump64: UInt8 = 0x05
    private static let jump32: UInt8 = 0x06
    private static let arithmetic64: UInt8 = 0x07
    private static let registerSource: UInt8 = 0x08
    private static let byteSwap: UInt8 = 0xd0
    private static let negate: UInt8 = 0x80
    private static let callCode: UInt8 = 0x80
    private static let exitCode: UInt8 = 0x90
    /// `BPF_PSEUDO_MAP_FD`: the constant is a map's descriptor, for which the kernel puts in the map's address.
    private static let mapDescriptor: UInt8 = 1

    private var instructions: [weir_bpf_instruction] = []
    /// By label: where it stands.
    private var places: [Int?] = []
    private var twice: Label?
    private var jumps: [(instruction: Int, label: Label)] = []

    public init() {}

    /// Instructions so far; one that loads 64 bits counts twice.
    public var count: Int { instructions.count }

    private mutating func emit(
        _ code: UInt8, _ destination: Register = .r0, source: UInt8 = 0, offset: Int16 = 0, constant: Int32 = 0
    ) {
        instructions.append(
            weir_bpf_instruction(code: code, registers: Self.pair(destination.rawValue, source), off: offset, imm: constant))
    }

    private static func pair(_ destination: UInt8, _ source: UInt8) -> UInt8 {
        #if _endian(little)
        destination | source << 4
        #else
        destination << 4 | source
        #endif
    }

    // MARK: labels

    /// A label that stands nowhere yet.
    public mutating func makeLabel() -> Label {
        places.append(nil)
        return Label(number: places.count - 1)
    }

    /// Has the label stand before the next instruction.
    public mutating func place(_ label: Label) {
        if places[label.number] != nil { twice = label }
        places[label.number] = instructions.count
    }

    // MARK: arithmetic

    /// Changes `register` by an operation with `operand`.
    public mutating func apply(_ operation: Arithmetic, to register: Register, _ operand: Operand, _ size: Size = .double) {
        let code = operation.rawValue | (size == .double ? Self.arithmetic64 : Self.arithmetic32)
        switch operand {
        case .register(let source): emit(code | Self.registerSource, register, source: source.rawValue)
        case .constant(let constant): emit(code, register, constant: constant)
        }
    }

    public mutating func move(_ register: Register, _ operand: Operand) { apply(.move, to: register, operand) }

    /// Negates all of a register.
    public mutating func negate(_ register: Register) { emit(Self.negate | Self.arithmetic64, register) }

    /// Turns the lower `bits` (16, 32 or 64) of a register from big-endian to the machine's order or back, and clears the rest.
    public mutating func convertBigEndian(_ register: Register, bits: Int32) {
        emit(Self.byteSwap | Self.registerSource | Self.arithmetic32, register, constant: bits)
    }

    // MARK: memory

    /// `register` = what stands `offset` bytes from `base`, zero-extended.
    public mutating func load(_ width: Width, _ register: Register, from base: Register, _ offset: Int16) {
        emit(Self.loadMemory | width.rawValue, register, source: base.rawValue, offset: offset)
    }

    /// Stores a register or a constant `offset` bytes from `base`.
    public mutating func store(_ width: Width, _ operand: Operand, to base: Register, _ offset: Int16) {
        switch operand {
        case .register(let source): emit(Self.storeRegister | width.rawValue, base, source: source.rawValue, offset: offset)
        case .constant(let constant): emit(Self.storeConstant | width.rawValue, base, offset: offset, constant: constant)
        }
    }

    /// Adds a register to a word or double word in memory, in one step for all processors.
    public mutating func atomicAdd(_ width: Width, _ register: Register, to base: Register, _ offset: Int16) {
        emit(Self.atomic | width.rawValue, base, source: register.rawValue, offset: offset, constant: 0)
    }

    /// Puts `register` in the place of a word in memory if that is what `r0` says, in one step for all processors; `r0` is what was there
    /// (Linux 5.12).
    public mutating func compareExchange(_ width: Width, _ register: Register, at base: Register, _ offset: Int16) {
        emit(Self.atomic | width.rawValue, base, source: register.rawValue, offset: offset, constant: 0xf1)
    }

    /// Exchanges `register` and a word in memory, in one step for all processors (Linux 5.12).
    public mutating func exchange(_ width: Width, _ register: Register, at base: Register, _ offset: Int16) {
        emit(Self.atomic | width.rawValue, base, source: register.rawValue, offset: offset, constant: 0xe1)
    }

    /// `register` = a constant of 64 bits.
    public mutating func load(_ register: Register, constant: UInt64) {
        emit(Self.load64, register, constant: Int32(truncatingIfNeeded: constant))
        emit(0, constant: Int32(truncatingIfNeeded: constant >> 32))
    }

    /// `register` = a map, for helpers that take one. The loaded program keeps the map alive.
    public mutating func load(_ register: Register, map: BPFMap) {
        emit(Self.load64, register, source: Self.mapDescriptor, constant: map.number)
        emit(0)
    }

    /// `register` = the address of a byte of the first element of an array (`BPF_PSEUDO_MAP_VALUE`).
    public mutating func load(_ register: Register, valueOf map: BPFMap, _ offset: Int32 = 0) {
        emit(Self.load64, register, source: 2, constant: map.number)
        emit(0, constant: offset)
    }

    // MARK: flow

    public mutating func jump(to label: Label) {
        jumps.append((instructions.count, label))
        emit(Self.jump64)
    }

    /// Goes on at the label if the condition holds, else with the next instruction.
    public mutating func jump(
        if register: Register, _ condition: Condition, _ operand: Operand, to label: Label, _ size: Size = .double
    ) {
        jumps.append((instructions.count, label))
        let code = condition.rawValue | (size == .double ? Self.jump64 : Self.jump32)
        switch operand {
        case .register(let source): emit(code | Self.registerSource, register, source: source.rawValue)
        case .constant(let constant): emit(code, register, constant: constant)
        }
    }

    /// Calls one of the kernel's helpers (`BPF_FUNC_…`): arguments in `r1` to `r5`, which are lost; the answer is in `r0`.
    public mutating func call(_ helper: Int32) { emit(Self.jump64 | Self.callCode, constant: helper) }

    /// Ends the program with `r0`.
    public mutating func exit() { emit(Self.jump64 | Self.exitCode) }

    // MARK: end

    /// The program as the kernel takes it.
    public consuming func assembled() throws(AssemblyError) -> [weir_bpf_instruction] {
        if let twice { throw .labelPlacedTwice(twice.number) }
        for (instruction, label) in jumps {
            guard let place = places[label.number] else { throw .unplacedLabel(label.number) }
            guard let distance = Int16(exactly: place - instruction - 1) else { throw .jumpTooFar(label.number) }
            instructions[instruction].off = distance
        }
        return instructions
    }
}
