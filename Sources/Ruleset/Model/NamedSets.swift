/// A set, or a map to verdicts or values, that stands in a table under a name. What the file gives it is all that it holds, unless rules
/// change it or its elements have timeouts.
public struct NamedSet: Sendable, Equatable {
    public var name: String
    public var key: SetKey
    public var contents: Contents
    /// `flags constant`.
    public var isConstant = false
    /// `flags interval`: elements may be ranges, prefixes and wildcards.
    public var isInterval = false
    /// `auto-merge`: elements may overlap. Elsewhere none does.
    public var mergesElements = false
    /// What rules may change of it.
    public var dynamics = SetDynamics()
    /// The most elements that are taken, `*` not counted.
    public var size: UInt32?
    /// What the kernel is asked to save when it chooses how to hold the set; here it changes nothing.
    public var policy = Policy.performance
    /// `counter`: each element counts the frames for which it was found.
    public var hasCounters = false
    /// Sorted as nft lists them, none of them twice.
    public var elements: SetElements
    public var comment: String?
    public var location: SourceLocation

    public init(name: String, key: SetKey, contents: Contents = .keys, elements: [SetElement] = [], location: SourceLocation) {
        self.name = name
        self.key = key
        self.contents = contents
        self.elements = SetElements(elements)
        self.location = location
    }

    /// What is kept for a key. Every element of a set is mapped to the same kind of thing.
    public enum Contents: Sendable, Equatable {
        /// The keys are all: a set, and no map.
        case keys
        case verdicts
        /// Values of this field's type.
        case values(SetKey)
        /// Names of objects of this kind.
        case objects(NamedObject.Kind)
    }

    /// True if it is a map, to verdicts, to values or to objects.
    public var isMap: Bool { contents != .keys }

    /// The type of a map's values; nil for every other set.
    public var data: SetKey? { if case .values(let key) = contents { key } else { nil } }

    /// The kind of a map's objects; nil for every other set.
    public var objectKind: NamedObject.Kind? { if case .objects(let kind) = contents { kind } else { nil } }

    /// The size as it is listed. A map that has a size and does not say that it changes could not be read back.
    var listedSize: UInt32? { dynamics.isChanged && !dynamics.saysThatItChanges ? nil : size }

    /// Whether rules may change it, or its elements come and go by themselves.
    public var changes: Bool { dynamics.changes && !isInterval }

    /// Whether its elements are intervals, which only the file adds, and have timeouts or statements.
    public var isGuarded: Bool { dynamics.changes && isInterval }

    /// Statements that an element has, of its own or as all have them.
    public func statements(of element: SetElement) -> [ElementStatement] {
        element.statements.isEmpty ? dynamics.statements : element.statements
    }

    /// Milliseconds that an element lives from the start on; nil if it stays.
    public func lifetime(of element: SetElement) -> UInt64? {
        let lifetime = element.expires ?? element.timeout ?? dynamics.timeout ?? 0
        return lifetime == 0 ? nil : lifetime
    }

    /// `policy performance` or `policy memory`.
    public enum Policy: String, Sendable, CaseIterable {
        case performance, memory
    }
}

/// What a set's elements are: values of a field's type, or of several one after the other.
public struct SetKey: Sendable, Equatable {
    /// A field of that type: the one after `typeof`, or for `type` the first that has it.
    public var field: Field
    /// The fields that follow in a concatenation.
    public var rest: [Field]
    /// Written as `typeof ip saddr` and not as `type ipv4_addr`.
    public var isTypeof: Bool

    public init(field: Field, rest: [Field] = [], isTypeof: Bool) {
        self.field = field
        self.rest = rest
        self.isTypeof = isTypeof
    }

    public var fields: [Field] { [field] + rest }
}

/// An element of a named set or of a map.
public struct SetElement: Sendable, Equatable {
    public var value: Value
    public var mapped: Mapped
    /// What the element's counter starts from, in a set with counters and only there.
    public var counter: Counter?
    public var comment: String?
    /// Milliseconds that it lives; nil for the set's own timeout, 0 for ever.
    public var timeout: UInt64?
    /// Milliseconds that are left of them at the start; nil for all.
    public var expires: UInt64?
    /// What this element has in place of the set's own statements, if anything.
    public var statements: [ElementStatement] = []
    public var location: SourceLocation

    public init(value: Value, mapped: Mapped = .nothing, location: SourceLocation) {
        self.value = value
        self.mapped = mapped
        self.location = location
    }

    /// What the element leads to, as the contents of its set say.
    public enum Mapped: Sendable, Equatable {
        case nothing
        case verdict(Verdict)
        /// A number or an interface's name.
        case value(Value)
        /// An object of the table, by its name.
        case object(String)
    }

    public var verdict: Verdict? { if case .verdict(let verdict) = mapped { verdict } else { nil } }
    public var data: Value? { if case .value(let value) = mapped { value } else { nil } }
    public var object: String? { if case .object(let name) = mapped { name } else { nil } }

    /// Frames and their bytes, as a `counter` statement counts them.
    public struct Counter: Sendable, Equatable {
        public var packets: UInt64
        public var bytes: UInt64

        public init(packets: UInt64 = 0, bytes: UInt64 = 0) {
            self.packets = packets
            self.bytes = bytes
        }
    }
}

/// `key vmap …`: the verdict of the element that holds the key. Without such an element, or where the key can't be read, the rule
/// does not match. If elements overlap, which those of concatenations may, the first of them is found. The verdict `continue` goes on with the rule's next statement, all others end the rule.
public struct VerdictMap: Sendable, Equatable {
    /// Where the elements stand.
    public enum Elements: Sendable, Equatable {
        /// In the rule.
        case anonymous([SetElement])
        /// In a map of the same table.
        case named(String)
    }

    public var key: MatchKey
    public var elements: Elements
    public var location: SourceLocation

    public init(key: MatchKey, elements: Elements, location: SourceLocation) {
        self.key = key
        self.elements = elements
        self.location = location
    }

    /// With a single field.
    public init(field: Field, mask: UInt128? = nil, elements: Elements, location: SourceLocation) {
        self.init(key: MatchKey(MatchKey.Component(field, mask: mask)), elements: elements, location: location)
    }

    /// The field, or the first of a concatenation.
    public var field: Field { key.first.field }
    /// Its bits that count; nil for all of them.
    public var mask: UInt128? { key.first.mask }
}
