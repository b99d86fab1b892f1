/// A register of the eBPF machine (Documentation/bpf/standardization/instruction-set.rst, "Registers and calling convention").
public enum Register: UInt8, Sendable {
    /// What a call gives back, and what the program ends with.
    case r0
    /// A call's arguments, lost over a call. `r1` holds the context when the program begins.
    case r1, r2, r3, r4, r5
    /// Kept over a call.
    case r6, r7, r8, r9
    /// The end of the program's stack of 512 bytes; can't be written.
    case frame
}

/// Bytes that a load or store moves.
public enum Width: UInt8, Sendable {
    // BPF_B, BPF_H, BPF_W, BPF_DW (include/uapi/linux/bpf_common.h, include/uapi/linux/bpf.h).
    case byte = 0x10
    case half = 0x08
    case word = 0x00
    case double = 0x18
}

/// What an arithmetic instruction does to its first register.
public enum Arithmetic: UInt8, Sendable {
    // The upper four bits of the operation code, "Arithmetic instructions".
    case add = 0x00
    case subtract = 0x10
    case multiply = 0x20
    case divide = 0x30
    case or = 0x40
    case and = 0x50
    case shiftLeft = 0x60
    case shiftRight = 0x70
    case modulo = 0x90
    case exclusiveOr = 0xa0
    case move = 0xb0
    case shiftRightSigned = 0xc0
}

/// When a jump is taken; all but the last ones compare without a sign.
public enum Condition: UInt8, Sendable {
    // The upper four bits of the operation code, "Jump instructions".
    case equal = 0x10
    case greater = 0x20
    case greaterOrEqual = 0x30
    /// The two have a bit in common.
    case anyBit = 0x40
    case notEqual = 0x50
    case less = 0xa0
    case lessOrEqual = 0xb0
    case greaterSigned = 0x60
    case lessSigned = 0xc0
}

/// Whether an arithmetic instruction or a comparison takes all of a register or its lower half; arithmetic on the lower half
/// clears the upper one.
public enum Size: Sendable {
    case double, word
}

/// What either a register or a constant can be.
public enum Operand: Sendable {
    case register(Register)
    /// Sign-extended to 64 bits where the instruction takes that many.
    case constant(Int32)
}

extension Operand: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int32) { self = .constant(value) }
}
