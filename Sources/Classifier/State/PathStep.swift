/// What counts a packet on its way through the rules.
public struct PathStep: Sendable, Hashable, BitwiseCopyable {
    enum Kind: UInt8 {
        case rule, statement, element, object
    }

    var kind: Kind
    /// Counts the bytes of packets, in chains of IP's families, not those of frames.
    var countsPackets: Bool
    var index: Int32

    /// For tests: what it is in the reference's words, and its index there.
    package var described: (kind: String, index: Int) {
        let kinds = ["rule", "counter", "element", "object"]
        return (kinds[Int(kind.rawValue)], Int(index))
    }
}
