import Decisions
import Storage

/// A program's instructions, parted: what every step reads, and what comparisons read beside that.
///
/// After an index a frame only comes to the last few instructions of a rule, which compare nothing. Four of them share a cache line
/// here, where whole instructions took one each: at 10,000 rules each line is a wait for memory.
struct InstructionArray: ~Copyable, Sendable {
    private let steps: FrozenArray<Step>
    private let operands: FrozenArray<Operands>

    init(_ instructions: [Instruction]) {
        steps = FrozenArray(instructions.map(Step.init))
        operands = FrozenArray(instructions.map(Operands.init))
    }

    var count: Int { steps.count }
    /// Memory of both.
    var byteCount: Int { steps.byteCount + operands.byteCount }

    @inline(__always)
    subscript(index: Int) -> Step { steps[index] }

    /// What the instruction compares with.
    @inline(__always)
    func operands(of index: Int) -> Operands { operands[index] }
}

/// An instruction without its operands: 16 bytes. `Instruction` says what the members mean.
struct Step: BitwiseCopyable, Sendable {
    var operation: Instruction.Operation
    var isNegated: Bool
    var slot: UInt8
    var verdict: FrameVerdict
    var target: Int32
    var first: Int32
    var count: Int32

    init(_ instruction: Instruction) {
        operation = instruction.operation
        isNegated = instruction.isNegated
        slot = instruction.slot
        verdict = instruction.verdict
        target = instruction.target
        first = instruction.first
        count = instruction.count
    }
}

/// What an instruction compares with, or sets. `Instruction` says what the members mean.
struct Operands: BitwiseCopyable, Sendable {
    var mask: UInt128
    var low: UInt128
    var high: UInt128

    init(_ instruction: Instruction) {
        mask = instruction.mask
        low = instruction.low
        high = instruction.high
    }
}
