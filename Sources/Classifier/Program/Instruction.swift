import Decisions

/// One step of a program as it is compiled; it runs as an `InstructionArray`.
struct Instruction: BitwiseCopyable, Sendable {
    enum Operation: UInt8 {
        /// Goes on with the first rule that the chain index `first` names, the chain's rule `count` or a later one, or with the end of
        /// the chain.
        case seek
        /// Goes on if `low <= loaded value & mask <= high`, else to `target`. With `isNegated` the other way round; to `target` in
        /// both cases if the value can't be read.
        case inRange
        /// The same, with the intervals `first ..< first + count` in place of `low` and `high`.
        case inSet
        /// The same, with the intervals of the trie `first`.
        case inTrie
        /// Goes on if an element of the lookup table `first` holds the key, and counts in the element's counter, else to `target`; with
        /// `isNegated` as above.
        case inTable
        /// Remembers the outcome that the lookup table `first` has for the key, counts in the element's counter, and goes on; to
        /// `target` if there is none or the key can't be read.
        case lookUp
        /// The same for the key of the access `first` in a map that changes.
        case lookUpChanging
        /// The verdict of the remembered outcome, which ends the rule unless it is `finish`; `first` is the rule's number, and
        /// `target` the next rule, to which a jump comes back.
        case mapped
        /// Marks the frame with `low`.
        case mark
        /// Marks the frame with the value of the remembered outcome.
        case markMapped
        /// Marks the frame with the loaded value, shifted by `first` bits (below 0 to the right), & mask, `low` turned over; to `target`
        /// if it can't be read.
        case markBits
        /// The same five for the connection's mark, which a packet without a connection has none of.
        case connectionMark, connectionMarkMapped, connectionMarkChanging, connectionMarkBits
        /// Keeps the packet out of tracking.
        case notrack
        /// Gives the connection the timeouts `first`.
        case connectionTimeouts
        /// Reads the load `first` into the spare slot, for the next instruction; to `target` if it can't be read.
        case read
        /// Carries out the calculation steps `first ..< first + count` into the spare slot, for the next instruction; to `target` if one
        /// of its fields can't be read.
        case calculate
        /// Draws the number `first` into the spare slot, for the next instruction.
        case draw
        /// A `counter` statement; `first` is its number.
        case count
        /// A named counter; `first` is its number.
        case countObject
        /// Goes on if the limit of number `first` says so, else to `target`.
        case limit
        /// The same for a quota.
        case quota
        /// Notes the time in the cell of the `last` statement of number `first`, and goes on.
        case last
        /// Goes on if the count of connections of number `first` says so, else to `target`.
        case countConnections
        /// The same three for the object that the remembered outcome's value numbers.
        case countMapped, limitMapped, quotaMapped
        /// Goes on if the changing set `first` holds the loaded value & mask and the element's statements let it, else to `target`. With
        /// `isNegated` if the set does not hold it.
        case inChanging
        /// The same for the key of the access `first`.
        case inChangingKey
        /// Marks the frame with what the changing map of the access `first` has for its key; to `target` if it has nothing.
        case markChanging
        /// Does to the loaded value & mask in the changing set `first` what the template `count` says; to `target` if the rule ends there.
        case change
        /// Does what the access `first` says; to `target` if the rule ends there.
        case changeKey
        /// Notes that the frame came here; `first` is the rule's number, `count` the statement's.
        case log
        /// Carries out the write `first` with its constant; to `target` if the frame can't be changed so.
        case write
        /// The same with the loaded value of `slot`, and to `target` if that can't be read.
        case copy
        /// The same with the value of the remembered outcome.
        case writeMapped
        /// The same with what the changing map of the access `count` has for its key; to `target` if it has nothing.
        case writeChanging

        // The ends of a rule; `first` is the rule's number.

        /// Matched to its end without a verdict.
        case finish
        /// Matched to its end, with the instruction's verdict.
        case decide
        case `return`
        /// To the chain that begins at `target`, and back to the next instruction.
        case jump
        /// To the chain that begins at `target`; back to where the present chain was jumped to from.
        case goto

        /// The end of a chain.
        case endOfChain
    }

    var operation: Operation
    var isNegated = false
    /// For `decide`.
    var verdict = FrameVerdict.drop
    /// The slot that holds what is compared.
    var slot: UInt8 = 0
    var target: Int32 = 0
    var first: Int32 = 0
    var count: Int32 = 0
    var mask: UInt128 = 0
    var low: UInt128 = 0
    var high: UInt128 = 0
}

/// From `low` to `high`, both included.
package struct Interval: BitwiseCopyable, Sendable, Equatable {
    package var low: UInt128
    package var high: UInt128

    package init(low: UInt128, high: UInt128) {
        self.low = low
        self.high = high
    }
}

/// Where a chain that is hooked into the path begins, and how it ends.
struct EntryPoint: BitwiseCopyable, Sendable {
    var start: Int32
    var policy: FrameVerdict
    /// Frames that come here.
    var frames: FrameKinds
    /// Where the kernel knows no egress port, and where no ingress port: they have no name there.
    var hidesEgress: Bool
    var hidesIngress: Bool
    /// Counts packets without the frame's padding.
    var countsPackets: Bool
}
