/// Where what is let through is not what a Linux host by itself makes of the sequence, and why; in the words of `linux_host`.
public struct Difference: Sendable {
    /// What Weir puts together and judges.
    public var judged: String
    /// What a Linux host behind Weir delivers.
    public var delivered: String
    public var why: String

    init(_ judged: String, delivered: String? = nil, _ why: String) {
        self.judged = judged
        self.delivered = delivered ?? judged
        self.why = why
    }
}

extension FragmentCase {
    private static let text = "full:48445268647230304142434445464748494a4b4c4d4e4f50"
    private static let within = "any overlap kills the datagram, one that lies within another too"
    private static let empty = "a fragment without payload dies alone: the host doesn't get to see it"

    /// By the cases' names.
    public static let differences: [String: Difference] = [
        "obsd4/frag_overhead1": Difference("none", within),
        "obsd4/frag_overtail1": Difference("none", within),
        "obsd6/frag6_overhead1": Difference("none", within),
        "obsd6/frag6_overtail1": Difference("none", within),
        "obsd6/frag6_mf1end": Difference("none", within),
        "obsd4/frag_zerosecond": Difference(text, empty),
        "obsd6/frag6_zerosecond": Difference(text, empty),
        "obsd6/frag6_ext2long": Difference(
            text, delivered: "none", "headers in front of later fragments are not looked at; the host may refuse them"),
        "obsd6/frag6_hop": Difference(
            text, delivered: "none", "hop-by-hop options behind another header are for the host to refuse (RFC 8200, section 4.1)"),
    ]

    /// Of this case; nil if Weir makes of it what a Linux host does.
    public var difference: Difference? { Self.differences[id] }
}
