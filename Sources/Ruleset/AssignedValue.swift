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
}
