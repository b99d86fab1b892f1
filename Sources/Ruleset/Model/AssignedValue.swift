/// `field set value`: writes something into a field of the frame, or into what is known of it.
public struct Assignment: Sendable, Equatable {
    public var field: Field
    public var value: AssignedValue
    public var location: SourceLocation

    public init(field: Field, value: AssignedValue, location: SourceLocation) {
        self.field = field
        self.value = value
        self.location = location
    }
}

/// What a statement writes.
public enum AssignedValue: Sendable, Equatable {
    case constant(UInt128)
    /// What stands in another field of the frame, or in the same; as many whole octets. Where it can't be read the rule does not
    /// match (NFT_BREAK).
    case field(Field)
    /// One of the two marks, with what is done to its bits, for one of the two marks. Where it can't be read the rule does not match.
    case bits(MatchKey.Component)
    /// What is made of fields: bits that are moved to other places, and put together. Where one of them can't be read the rule does not
    /// match.
    case shifted(ShiftedBits)
    /// What a map has for the frame, for a mark or a field of whole octets. Without such an element the rule does not match (NFT_BREAK).
    case mapped(ValueMap)
    /// Nothing: an option of TCP gives way to as many octets that say nothing. A packet without it goes on, and one in which it goes
    /// beyond the header is dropped (net/netfilter/nft_exthdr.c, `nft_exthdr_tcp_strip_eval`).
    case removed
}

/// `key map …`: the data of the element that holds the key.
public struct ValueMap: Sendable, Equatable {
    public var key: MatchKey
    /// Each element has data.
    public var elements: VerdictMap.Elements
    public var location: SourceLocation

    public init(key: MatchKey, elements: VerdictMap.Elements, location: SourceLocation) {
        self.key = key
        self.elements = elements
        self.location = location
    }
}
