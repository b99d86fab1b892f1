public import Ruleset

/// Why a tree does not compile. Most of these a tree that the parser has checked can't have, and are a defect in whatever built the tree;
/// what takes too much room, `connections`, `setSize` and `tooLarge`, can be written in a file, and `weir check` says it too. How much
/// `memory` there is, only a run knows.
public struct ProgramError: Error, Equatable, CustomStringConvertible {
    public enum Reason: Sendable, Equatable {
        /// There are two ports, and each has a name.
        case portCount(Int)
        /// A jump to a chain that its table does not have.
        case unknownChain(String)
        /// A jump to a chain that is hooked into the path.
        case baseChain(String)
        /// A set or map that its table does not have.
        case unknownSet(String)
        /// A named counter, quota, limit or timeout that its table does not have.
        case unknownObject(ObjectReference)
        /// A limit that the kernel would refuse.
        case limit
        /// Elements of a verdict map that overlap.
        case overlap(Field)
        /// Elements of a concatenation that overlap, in a set whose elements have timeouts.
        case expiringOverlap(String)
        /// Jumps lead back to where they began, or deeper than `Program.deepestChain`.
        case jumpsTooDeep(String)
        /// A number for an interface's name or the other way round, a range that ends before it begins, a prefix that is longer
        /// than its field.
        case value(Field)
        /// A field that no frame can be changed in.
        case unchangeable(Field)
        /// Room for that many 64-bit words in each of that many elements: connections that `ct count` keeps.
        case connections(words: Int, elements: Int)
        /// What rules remember would take more bytes than the limit.
        case memory(bytes: Int, limit: Int)
        /// Room for that many elements, in a set that rules change.
        case setSize(Int)
        /// More instructions or intervals than 31 bits count.
        case tooLarge
    }

    public var reason: Reason
    /// The place in the rule set, where there is one.
    public var location: SourceLocation?

    public var description: String {
        switch reason {
        case .portCount(let count): "a program needs the names of 2 ports, and got \(count)"
        case .unknownChain(let name): "there is no chain \(name) in this table"
        case .baseChain(let name): "chain \(name) is a base chain: it can't be jumped to"
        case .unknownSet(let name): "there is no set or map \(name) in this table"
        case .unknownObject(let object): "there is no \(object.kind.rawValue) \(object.name) in this table"
        case .limit: "a limit's rate is 0, or its bucket holds more than 2^64 nanoseconds"
        case .overlap(let field): "elements of a verdict map of the field \(field) overlap"
        case .expiringOverlap(let name):
            "elements of \(name), which have timeouts, overlap: write them so that none holds a part of another"
        case .jumpsTooDeep(let name): "jumps to chain \(name) lead back to it, or more than \(Program.deepestChain) chains deep"
        case .value(let field): "the value does not fit the field \(field.words)"
        case .unchangeable(let field): "the field \(field.words) can't be changed"
        case .connections(let words, let elements):
            """
            \(elements) elements that keep \(words - 1) connections each for 'ct count' would take more than \
            \(ConnectionBound.mostWords / 131_072) MiB: write a smaller size of the set, or a smaller number of connections
            """
        case .memory(let bytes, let limit):
            "what the rules remember would take \(bytes >> 20) MiB of memory, and \(limit >> 20) MiB may be taken; write smaller sizes of "
                + "the sets"
        case .setSize(let size):
            "a set that rules change has room for at most \(DynamicSets.largest) elements, and this one is to have \(size)"
        case .tooLarge: "the rule set has more than 2^31 steps"
        }
    }
}
