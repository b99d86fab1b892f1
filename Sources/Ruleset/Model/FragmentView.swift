/// What rules see of a datagram that comes in fragments.
public enum FragmentView: Sendable {
    /// The whole datagram, without a sign that it was in fragments.
    case whole
    /// Its first fragment.
    case first
    /// Nothing: fragments are dropped, which is as good as any rule.
    case nothing

    /// What can be done about it.
    static let remedy = "'weir run --fragments drop' drops every fragment"

    /// What `ip frag-off` may have: the offset, and the flags before it (RFC 791 3.1). The first bit and "don't fragment" may be set.
    var ipv4Offsets: [UInt128] {
        let whole: [UInt128] = [0, 0x4000, 0x8000, 0xc000]
        return self == .first ? whole + whole.map { $0 | 0x2000 } : whole
    }

    /// What a field of IPv6's fragment header may have; nil where that is any number. Whole packets may have a header that says nothing
    /// (RFC 6946).
    func numbers(of field: Field) -> [UInt128]? {
        switch field.words {
        case "frag frag-off": [0]
        case "frag more-fragments": self == .first ? [0, 1] : [0]
        default: nil
        }
    }

    /// What is wrong with a match that only fragments meet.
    func message(for field: Field) -> String {
        self != .first
            ? "'\(field.words)' never matches this: rules see whole datagrams, and no fragments"
            : "'\(field.words)' never matches this: rules see first fragments only"
    }
}
