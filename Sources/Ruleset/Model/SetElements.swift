/// The elements of a named set: a list, or packed where they are nothing but addresses. A packed one becomes a `SetElement` when it is
/// asked for; walking over a million of them allocates nothing.
public struct SetElements: Sendable {
    private enum Storage: Sendable {
        case list([SetElement])
        case packed(PackedElements)
    }

    private var storage = Storage.list([])

    public init() {}

    package init(_ packed: PackedElements) { storage = .packed(packed) }

    /// The packed elements, if they are.
    package var packed: PackedElements? { if case .packed(let packed) = storage { packed } else { nil } }

    /// Puts packed elements after those that are there.
    mutating func append(_ more: PackedElements) {
        switch storage {
        case .list(let elements) where elements.isEmpty: storage = .packed(more)
        case .packed(var packed):
            storage = .list([])
            if packed.append(more) {
                storage = .packed(packed)
            } else {
                storage = .list((0..<packed.count).map(packed.element) + (0..<more.count).map(more.element))
            }
        case .list(var elements):
            storage = .list([])
            elements += (0..<more.count).map(more.element)
            storage = .list(elements)
        }
    }

    /// Sorts what is packed and leaves out what is there twice; a list stays as it is. See `PackedElements.settle`.
    mutating func settlePacked(mayOverlap: Bool, joins: Bool) -> SourceLocation? {
        guard case .packed(var packed) = storage else { return nil }
        storage = .list([])
        let conflict = packed.settle(mayOverlap: mayOverlap, joins: joins)
        storage = .packed(packed)
        return conflict
    }

    /// Makes a list of what is packed.
    mutating func unpack() { self = SetElements(Array(self)) }
}

extension SetElements: Equatable {
    public static func == (left: SetElements, right: SetElements) -> Bool {
        switch (left.storage, right.storage) {
        case (.list(let left), .list(let right)): left == right
        case (.packed(let left), .packed(let right)): left == right
        case (.list, .packed), (.packed, .list): left.elementsEqual(right)
        }
    }
}

extension SetElements: RandomAccessCollection, RangeReplaceableCollection, ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: SetElement...) { storage = .list(elements) }

    public init(_ elements: some Sequence<SetElement>) { storage = .list(Array(elements)) }

    public var startIndex: Int { 0 }

    public var endIndex: Int {
        switch storage {
        case .list(let elements): elements.count
        case .packed(let packed): packed.count
        }
    }

    public subscript(position: Int) -> SetElement {
        switch storage {
        case .list(let elements): elements[position]
        case .packed(let packed): packed.element(at: position)
        }
    }

    /// Makes a list of what is packed.
    public mutating func replaceSubrange(_ range: Range<Int>, with more: some Collection<SetElement>) {
        var elements: [SetElement]
        switch storage {
        case .list(let list): elements = list
        case .packed(let packed): elements = (0..<packed.count).map(packed.element)
        }
        storage = .list([])
        elements.replaceSubrange(range, with: more)
        storage = .list(elements)
    }
}

extension PackedElements {
    /// The lowest and the highest address of an element.
    private func bounds(at index: Int) -> ValueBounds {
        switch content {
        case .ipv4(let elements): ValueBounds(low: UInt128(elements[index].low), high: UInt128(elements[index].high))
        case .ipv6(let elements): ValueBounds(low: elements[index].low, high: elements[index].high)
        }
    }

    /// The element as nft lists it: a number, a prefix where the addresses are one, else a range.
    func element(at index: Int) -> SetElement {
        let bounds = bounds(at: index)
        return SetElement(value: Value.canonicalAddresses(bounds.low, bounds.high, bitWidth: bitWidth), location: location(at: index))
    }
}
