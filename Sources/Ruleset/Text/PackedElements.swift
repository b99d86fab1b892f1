/// Elements of a set of addresses that are nothing but their values: 16 octets each for IPv4, where an element of the tree takes hundreds.
package struct PackedElements: Sendable, Equatable {
    /// The lowest and the highest address of one element, and where it is written.
    package struct Element<Number: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable, Equatable {
        package var low: Number
        package var high: Number
        var place: Place

        /// By the numbers, and of equal ones by the place.
        static func isBefore(_ left: Element, _ right: Element) -> Bool {
            if left.low != right.low { return left.low < right.low }
            if left.high != right.high { return left.high < right.high }
            return left.place < right.place
        }
    }

    /// A line, a column and a length in one number: in one file it ascends with the text. Columns from 2²⁴ on and lengths from 2⁸ on are
    /// given as the last that there is room for.
    struct Place: Sendable, Equatable, Comparable {
        private let bits: UInt64

        init(line: Int, column: Int, length: Int) {
            bits = UInt64(UInt32(clamping: line)) << 32 | UInt64(min(column, 0xff_ffff)) << 8 | UInt64(UInt8(clamping: length))
        }

        func location(in file: Int) -> SourceLocation {
            SourceLocation(file: file, line: Int(bits >> 32), column: Int(bits >> 8 & 0xff_ffff), length: Int(bits & 0xff))
        }

        static func < (left: Place, right: Place) -> Bool { left.bits < right.bits }
    }

    /// The elements by the width of their addresses.
    package enum Content: Sendable, Equatable {
        case ipv4([Element<UInt32>])
        case ipv6([Element<UInt128>])
    }

    package internal(set) var content: Content
    /// Index of the text that all of them stand in.
    let file: Int

    init(_ content: Content, file: Int) {
        self.content = content
        self.file = file
    }

    package var count: Int {
        switch content {
        case .ipv4(let elements): elements.count
        case .ipv6(let elements): elements.count
        }
    }

    /// Bits of an address.
    package var bitWidth: Int {
        switch content {
        case .ipv4: 32
        case .ipv6: 128
        }
    }

    func location(at index: Int) -> SourceLocation {
        switch content {
        case .ipv4(let elements): elements[index].place.location(in: file)
        case .ipv6(let elements): elements[index].place.location(in: file)
        }
    }

    /// Puts the other's elements after these.
    /// - Returns: False, with nothing done, if they are of another text or width.
    mutating func append(_ other: PackedElements) -> Bool {
        guard file == other.file else { return false }
        switch (content, other.content) {
        case (.ipv4(var elements), .ipv4(let more)):
            content = .ipv4([])
            elements += more
            content = .ipv4(elements)
        case (.ipv6(var elements), .ipv6(let more)):
            content = .ipv6([])
            elements += more
            content = .ipv6(elements)
        case (.ipv4, .ipv6), (.ipv6, .ipv4): return false
        }
        return true
    }

    /// Sorts the elements and leaves out those that are there twice.
    /// - Parameters:
    ///   - mayOverlap: Elements may hold addresses of another.
    ///   - joins: Elements that overlap or touch become one.
    /// - Returns: Where the first element is written that overlaps an earlier one, if none may.
    mutating func settle(mayOverlap: Bool, joins: Bool) -> SourceLocation? {
        var conflict: Place?
        switch content {
        case .ipv4(var elements):
            // The only reference, or sorting would copy.
            content = .ipv4([])
            conflict = Self.settle(&elements, mayOverlap: mayOverlap, joins: joins)
            content = .ipv4(elements)
        case .ipv6(var elements):
            content = .ipv6([])
            conflict = Self.settle(&elements, mayOverlap: mayOverlap, joins: joins)
            content = .ipv6(elements)
        }
        return conflict?.location(in: file)
    }

    private static func settle<Number>(_ elements: inout [Element<Number>], mayOverlap: Bool, joins: Bool) -> Place? {
        if !zip(elements, elements.dropFirst()).allSatisfy({ Element.isBefore($0, $1) }) { elements.sort(by: Element.isBefore) }
        var conflict: Place?
        var count = 0
        // The element that reaches furthest of those before.
        var furthest = 0
        for index in elements.indices {
            let element = elements[index]
            guard count > 0 else {
                count = 1
                continue
            }
            let before = elements[furthest]
            if element.low <= before.high {
                if element.low == before.low, element.high == before.high { continue }
                if !mayOverlap {
                    let later = max(element.place, before.place)
                    conflict = min(conflict ?? later, later)
                }
            }
            if joins {
                let last = elements[count - 1]
                if last.high == .max || element.low <= last.high + 1 {
                    elements[count - 1].high = max(last.high, element.high)
                    if element.low == last.low { elements[count - 1].place = min(last.place, element.place) }
                    continue
                }
            }
            elements[count] = element
            if element.high > before.high || joins { furthest = count }
            count += 1
        }
        elements.removeSubrange(count...)
        return conflict
    }
}
