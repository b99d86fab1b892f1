/// A set, or a map to verdicts, that stands in a table under a name. What the file gives it is all that it holds, unless rules
/// change it or its elements have timeouts.
public struct NamedSet: Sendable, Equatable {
    public var name: String
    public var key: SetKey
    /// Whether this is a map: then each element has a verdict, else none has.
    public var isVerdictMap: Bool
    /// `flags constant`.
    public var isConstant: Bool
    /// `flags interval`: elements may be ranges, prefixes and wildcards.
    public var isInterval: Bool
    /// `auto-merge`: elements may overlap. Elsewhere none does.
    public var mergesElements: Bool
    /// What rules may change of it.
    public var dynamics: SetDynamics
    /// The most elements that are taken.
    public var size: UInt32?
    /// Sorted as nft lists them, none of them twice.
    public var elements: [SetElement]
    public var comment: String?
    public var location: SourceLocation

    public init(
        name: String, key: SetKey, isVerdictMap: Bool = false, isConstant: Bool = false, isInterval: Bool = false,
        mergesElements: Bool = false, dynamics: SetDynamics = SetDynamics(), size: UInt32? = nil, elements: [SetElement] = [],
        comment: String? = nil,
        location: SourceLocation
    ) {
        self.name = name
        self.key = key
        self.isVerdictMap = isVerdictMap
        self.isConstant = isConstant
        self.isInterval = isInterval
        self.mergesElements = mergesElements
        self.dynamics = dynamics
        self.size = size
        self.elements = elements
        self.comment = comment
        self.location = location
    }
}

/// What a set's elements are: values of a field's type.
public struct SetKey: Sendable, Equatable {
    /// A field of that type: the one behind `typeof`, or for `type` the first that has it.
    public var field: Field
    /// Written as `typeof ip saddr` and not as `type ipv4_addr`.
    public var isTypeof: Bool

    public init(field: Field, isTypeof: Bool) {
        self.field = field
        self.isTypeof = isTypeof
    }
}

/// An element of a named set or of a verdict map.
public struct SetElement: Sendable, Equatable {
    public var value: Value
    /// In a verdict map, and only there.
    public var verdict: Verdict?
    /// Milliseconds that it lives from the start on; nil for the set's own timeout.
    public var timeout: UInt64?
    public var location: SourceLocation

    public init(value: Value, verdict: Verdict? = nil, timeout: UInt64? = nil, location: SourceLocation) {
        self.value = value
        self.verdict = verdict
        self.timeout = timeout
        self.location = location
    }
}

/// `field vmap …`: the verdict of the element that holds `field & mask`. Without such an element, or where the field can't be read, the
/// rule does not match. The verdict `continue` goes on with the rule's next statement, all others end the rule.
public struct VerdictMap: Sendable, Equatable {
    /// Where the elements stand.
    public enum Elements: Sendable, Equatable {
        /// In the rule; none overlaps another.
        case anonymous([SetElement])
        /// In a map of the same table.
        case named(String)
    }

    public var field: Field
    /// Bits of the field that count; nil for all of them.
    public var mask: UInt128?
    public var elements: Elements
    public var location: SourceLocation

    public init(field: Field, mask: UInt128? = nil, elements: Elements, location: SourceLocation) {
        self.field = field
        self.mask = mask
        self.elements = elements
        self.location = location
    }
}
