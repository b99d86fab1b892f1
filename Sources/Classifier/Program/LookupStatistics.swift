public import Ruleset

/// How a set or map of a program is held, and what that takes.
public struct LookupStatistics: Sendable, Equatable {
    /// Raw values are what people and machines read.
    public enum Structure: String, Sendable, CaseIterable {
        /// Few intervals beside each other, which are halved.
        case intervals
        /// Many intervals, of a single field: `IntervalTrie`.
        case trie
        /// Elements of several fields without intervals.
        case hash
        /// Elements of several fields with intervals, few of them, which are asked one by one; the others by their hash.
        case boxes
        /// Many of them, in a `BoxIndex`; the others by their hash.
        case boxIndex = "box index"
        /// One that rules change: a hash table with chains.
        case changing
    }

    /// The set that it stands for; nil for a large one, or a meter, that stands in a rule. The same set may be laid out for rules of
    /// several ways to read its key.
    public var set: SetName?
    public var structure: Structure
    /// Elements; of a set that changes those that it has room for.
    public var elements: Int
    /// What it takes of memory, without what its elements lead to. Of a set that changes with it, and the kernel gives it as it is filled.
    public var bytes: Int
    /// Nodes, buckets, boxes and halvings that one lookup comes to, whatever the frame; nil for a set that changes, whose chains have a
    /// handful of elements by a secret hash.
    public var steps: Int?

    /// Where a set stands.
    public struct SetName: Sendable, Hashable {
        public var family: Family
        public var table: String
        public var name: String

        public init(family: Family, table: String, name: String) {
            self.family = family
            self.table = table
            self.name = name
        }
    }
}

extension LookupStatistics {
    init(_ set: SetName?, _ structure: Structure, elements: Int, bytes: Int, steps: Int?) {
        self.set = set
        self.structure = structure
        self.elements = elements
        self.bytes = bytes
        self.steps = steps
    }

    /// How often a list of that many is halved.
    static func halvings(_ count: Int) -> Int { Int.bitWidth - count.leadingZeroBitCount }
}
