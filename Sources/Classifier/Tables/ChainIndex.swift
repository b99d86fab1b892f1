import Decisions
import Storage
import Wire

/// When chains get an index.
public enum Indexing: Sendable {
    /// Where there are enough rules for it to pay.
    case automatic
    /// Every chain that has a rule: for tests.
    case always
    /// No chain: the plain scan, for measurements and tests.
    case never

    /// Rules of a chain from which on an index costs a frame less than the scan. Of ClassBench's sets both cost the same at 12 rules,
    /// 90 ns, where most frames fail all of them; at 16 the index is ahead by a tenth, at 24 by a quarter. A scan that ends at one of the
    /// first rules is cheaper, so it has the benefit of the doubt.
    private static let threshold = 16

    /// - Parameter indexable: Rules among them that an index can tell apart.
    func isWorthwhile(rules: Int, indexable: Int) -> Bool {
        switch self {
        case .automatic: rules >= Self.threshold && 2 * indexable >= rules
        case .always: rules > 0
        case .never: false
        }
    }
}

/// What a dimension of a chain's index is: a slot, and the bits of it that count.
struct IndexedSelector: Hashable, BitwiseCopyable, Sendable {
    var slot: UInt8
    var mask: UInt128
}

/// The index of one chain: where its pieces lie in the program's arrays.
struct ChainIndex: BitwiseCopyable, Sendable {
    var boxes: BoxIndex
    /// One for each dimension.
    var selectors: LookupTable.Span
    /// One for each of the boxes, in the order of the rules.
    var entries: LookupTable.Span
    /// The end of the chain.
    var end: Int32
}

/// How a rule goes on, once the index has named it: after what the index has seen to.
struct RuleEntry: BitwiseCopyable, Sendable {
    /// The instruction; or, where all that is left to do stands here, which verdict that is.
    var place: Int32
    /// The rule's number in the chain.
    var position: Int32 = 0
    /// The rule in the program, where a verdict stands in place of an instruction.
    var rule = RuleIndex.none
    /// The `counter` statement before the verdict, if there is one.
    var counter = CounterIndex.none

    /// The number that stands for a verdict in place of an instruction. Nearly all rules of long chains end so: what would be read of them
    /// there, beside this, is one more wait for memory.
    static func place(of verdict: FrameVerdict) -> Int32 { ~Int32(verdict.rawValue) }

    /// The verdict that stands in place of an instruction.
    @inline(__always)
    var verdict: FrameVerdict { FrameVerdict(rawValue: UInt8(truncatingIfNeeded: ~place)) ?? .drop }
}

/// The indices of a program's chains. A class as `LookupTables` is one.
final class ChainIndices: Sendable {
    let chains: FrozenArray<ChainIndex>
    let selectors: FrozenArray<IndexedSelector>
    let entries: FrozenArray<RuleEntry>
    let boxes: BoxIndices

    init(chains: [ChainIndex], selectors: [IndexedSelector], entries: [RuleEntry], boxes: BoxIndices) {
        self.chains = FrozenArray(chains)
        self.selectors = FrozenArray(selectors)
        self.entries = FrozenArray(entries)
        self.boxes = boxes
    }

    /// Whether the rule after this one is asked for by the index, or rules are tried one by one for a while.
    ///
    /// Where candidates that the index names lie close together and fail for other reasons, asking for each would cost more than trying
    /// the rules: then the next few are tried. So a chain costs no more than about twice the plain scan, whatever its rules are.
    private static let stride: Int32 = 16

    /// The instruction with which the chain goes on; or one of `RuleEntry`'s verdicts, for which `cursor.found` says what counts.
    /// - Parameters:
    ///   - chain: The number of its index.
    ///   - rule: The rule's number in the chain that would be next, which begins at `next`.
    @inline(__always)
    func seek(_ chain: Int32, from rule: Int32, next: Int, _ cursor: inout ChainCursor, _ values: borrowing LoadedValues) -> Int {
        if cursor.chain == chain, rule < cursor.scanEnd { return next }
        return find(chain, from: rule, &cursor, values)
    }

    @inline(never)
    private func find(_ number: Int32, from rule: Int32, _ cursor: inout ChainCursor, _ values: borrowing LoadedValues) -> Int {
        let chain = chains[Int(number)]
        if cursor.chain != number {
            cursor.chain = number
            cursor.scanEnd = 0
            for dimension in 0..<Int(chain.selectors.count) {
                let selector = selectors[Int(chain.selectors.first) &+ dimension]
                boxes.place(values[selector.slot].map { $0 & selector.mask }, at: dimension, of: chain.boxes, in: &cursor.point)
            }
        }
        let found = boxes.firstBox(from: Int(rule), holding: &cursor.point, in: chain.boxes)
        guard found >= 0 else { return Int(chain.end) }
        cursor.found = entries[Int(chain.entries.first) &+ found]
        let position = cursor.found.position
        cursor.scanEnd = position &- rule < Self.stride ? position &+ Self.stride : 0
        return Int(cursor.found.place)
    }
}

/// Where a frame stands in a chain with an index.
struct ChainCursor: BitwiseCopyable {
    /// The number of the index that `point` is of, or -1.
    fileprivate(set) var chain: Int32 = -1
    /// Rules before this one are tried one by one.
    fileprivate(set) var scanEnd: Int32 = 0
    /// The rule that the index named last.
    fileprivate(set) var found = RuleEntry(place: 0)
    fileprivate var point = BoxPoint()

    /// What was read from the frame no longer holds.
    @inline(__always)
    mutating func forget() { chain = -1 }
}
