import Storage

/// One step of a calculation: numbers are put on a stack, changed there, and put together.
struct CalculationStep: BitwiseCopyable, Sendable {
    enum Kind: UInt8 {
        /// Puts a field's number on the stack: `(load & mask) >> distance`.
        case load
        /// The upper number, shifted by the distance to the left or, below 0, to the right, and masked.
        case shift
        /// The upper number: `(number & mask) ^ xor`.
        case bits
        /// The two upper numbers together.
        case or, exclusiveOr, and
    }

    var kind: Kind
    var slot: UInt8 = 0
    /// As `LoadedValues.late` takes it.
    var load: Int32 = 0
    var distance: Int32 = 0
    var mask: UInt128 = .max
    var xor: UInt128 = 0

    /// Numbers that the stack has room for; expressions that need more do not compile.
    static let depth = 8
}
