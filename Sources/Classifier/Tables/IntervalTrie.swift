import Storage

/// Where the intervals of one large set lie in `IntervalTries`, and how a key becomes what is compared there.
///
/// The intervals' first numbers stand in ascending order. A node of a trie spans some of them and cuts the way from its lowest to its
/// highest into about half as many slots of equal size, a power of two. A slot says which of them comes first in it; where there are
/// no more than `window`, they are compared at once, without a branch that a frame could have mispredicted, and where there are more,
/// the slot has a node of its own. (S. Nilsson, G. Karlsson: IP-Address Lookup Using LC-Tries, 1999; here each node measures its own
/// ground, so that it needs neither prefixes nor paths to skip.) At `depth` nodes below each other what is left is halved.
///
/// What lies evenly is found by three reads that miss the caches, whatever the number of elements, and that is less than a tree that
/// halves or one of blocks takes. Only the rule file says how the elements lie. The worst that one can do is a fixed number of
/// nodes and then a binary search, and memory is bounded by the number of elements and not by their lengths: each belongs to less
/// than one slot for each node above it. Tables of fixed strides are bounded by neither, and a hash table knows no ranges.
///
/// Numbers are stored less the lowest one, without the bits at the end in which no bound differs from its neighbours: prefixes of IPv6
/// that are no longer than 64 bits are so compared as 64 bits, and those of one provider often as 32.
struct IntervalTrie: BitwiseCopyable, Sendable {
    /// Width of the numbers as they are stored.
    enum Width: UInt8, Sendable, CaseIterable {
        case bits32, bits64, bits128

        var octets: Int {
            switch self {
            case .bits32: 4
            case .bits64: 8
            case .bits128: 16
            }
        }
    }

    /// Some of the intervals.
    struct Node: BitwiseCopyable, Sendable {
        /// The first number of the first of them, as it is stored.
        var low: UInt128
        /// How many intervals come before them.
        var rank: Int32
        var count: Int32
        /// Slots less one; -1 for what is halved.
        var lastSlot: Int32
        /// The first of `slots`.
        var firstSlot: Int32
        /// Bits of a slot's size.
        var shift: UInt8
    }

    /// Numbers that are compared at once: two vectors of 32-bit numbers, or a cache line of 64-bit ones.
    static let window = 8
    /// Maximum depth in nodes.
    static let depth = 4

    /// The lowest number that an interval holds.
    var base: UInt128
    /// The highest one, less the lowest.
    var span: UInt128
    var width: Width
    /// Bits that are left out at the end.
    var shift: UInt8
    /// All intervals have a single number as it is stored: the last is the first.
    var arePoints: Bool
    var root: Int32
    /// The first interval's first number, of the array of that width; `window` numbers follow the last.
    var lows: Int32
    /// The first interval's last number, in the same array.
    var highs: Int32
    var count: Int32
}

/// The tries of a program, to be searched.
package struct IntervalTries: ~Copyable, Sendable {
    let tries: FrozenArray<IntervalTrie>
    private let nodes: FrozenArray<IntervalTrie.Node>
    /// How many intervals come before those of the slot; or a node, less `Int32.min`.
    private let slots: FrozenArray<Int32>
    private let narrow: FrozenArray<Int32>
    private let middle: FrozenArray<UInt64>
    private let wide: FrozenArray<UInt128>

    init(_ layout: IntervalTrieLayout) {
        tries = FrozenArray(layout.tries)
        nodes = FrozenArray(layout.nodes)
        slots = FrozenArray(layout.slots)
        narrow = FrozenArray(layout.narrow)
        middle = FrozenArray(layout.middle)
        wide = FrozenArray(layout.wide)
    }

    /// A trie for each list of intervals, ascending and apart.
    package init(of sets: [[Interval]]) throws(ProgramError) {
        var layout = IntervalTrieLayout()
        for intervals in sets { _ = try layout.add(intervals) }
        self.init(layout)
    }

    /// Octets of all of them.
    package var byteCount: Int {
        tries.byteCount + nodes.byteCount + slots.byteCount + narrow.byteCount + middle.byteCount + wide.byteCount
    }

    /// Nodes that the search for a value comes to, and how often it halves what the last of them has.
    package func steps(toward value: UInt128, of number: Int) -> (nodes: Int, halvings: Int) {
        let trie = tries[number]
        let offset = value &- trie.base
        guard offset <= trie.span else { return (0, 0) }
        let key = offset >> UInt128(trie.shift)
        var node = nodes[Int(trie.root)]
        var count = 1
        while key >= node.low {
            if node.lastSlot < 0 { return (count, Int.bitWidth - Int(node.count).leadingZeroBitCount) }
            let slot = slots[Int(node.firstSlot) + Int(min((key - node.low) >> UInt128(node.shift), UInt128(node.lastSlot)))]
            guard slot < 0 else { break }
            node = nodes[Int(slot &- Int32.min)]
            count += 1
        }
        return (count, 0)
    }

    /// The interval of the trie that holds the value, or -1.
    @inline(__always)
    package func index(holding value: UInt128, of number: Int) -> Int {
        let trie = tries[number]
        let offset = value &- trie.base
        guard offset <= trie.span else { return -1 }
        switch trie.width {
        case .bits32:
            let key = UInt32(truncatingIfNeeded: offset &>> UInt128(trie.shift))
            return search(narrow, trie, key) { Int32(sortable: $0) }
        case .bits64: return search(middle, trie, UInt64(truncatingIfNeeded: offset &>> UInt128(trie.shift))) { $0 }
        case .bits128: return search(wide, trie, offset &>> UInt128(trie.shift)) { $0 }
        }
    }

    @inline(__always)
    private func search<Key: FixedWidthInteger & UnsignedInteger, Number: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ numbers: borrowing FrozenArray<Number>, _ trie: IntervalTrie, _ key: Key, as stored: (Key) -> Number
    ) -> Int {
        let sortable = stored(key)
        let lows = Int(trie.lows)
        var number = Int(trie.root)
        var place = 0
        while true {
            let node = nodes[number]
            let low = Key(truncatingIfNeeded: node.low)
            // The key may lie before what the node has: then the previous interval is the one.
            if key < low {
                place = Int(node.rank) &- 1
                break
            }
            if node.lastSlot < 0 {
                place = halved(numbers, from: lows &+ Int(node.rank), count: Int(node.count), for: sortable) &- lows
                break
            }
            let slot = slots[
                Int(node.firstSlot)
                    &+ Int(min((key &- low) &>> Key(truncatingIfNeeded: node.shift), Key(truncatingIfNeeded: node.lastSlot)))]
            if slot >= 0 {
                var below = 0
                for index in 0..<IntervalTrie.window { below &+= numbers[lows &+ Int(slot) &+ index] <= sortable ? 1 : 0 }
                // What follows the last interval may be counted, too.
                place = min(Int(slot) &+ below, Int(trie.count)) &- 1
                break
            }
            number = Int(slot &- Int32.min)
        }
        // Nothing lies before the first interval, since the base is its first number.
        let isInside = trie.arePoints ? numbers[lows &+ place] == sortable : sortable <= numbers[Int(trie.highs) &+ place]
        return isInside ? place : -1
    }

    /// The last of the numbers that is not above the key, if the first is not.
    private func halved<Number: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ numbers: borrowing FrozenArray<Number>, from first: Int, count: Int, for key: Number
    ) -> Int {
        var low = first
        var count = count
        while count > 1 {
            let half = count &>> 1
            if numbers[low &+ half] <= key { low &+= half }
            count &-= half
        }
        return low
    }
}

extension Int32 {
    /// In the order of the unsigned numbers: the instructions that every x86 processor has compare vectors of signed ones.
    @inline(__always)
    init(sortable number: UInt32) { self.init(bitPattern: number ^ 0x8000_0000) }
}
