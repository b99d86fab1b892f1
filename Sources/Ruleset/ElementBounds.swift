/// The first and the last number that a value holds.
struct ValueBounds: Hashable {
    var low: UInt128
    var high: UInt128

    func contains(_ number: UInt128) -> Bool { low <= number && number <= high }
}

extension Value {
    /// A number with these bits turned over; other values are left as they are.
    func turned(by bits: UInt128) -> Value {
        if case .number(let number) = self { .number(number ^ bits) } else { self }
    }

    /// Whether it is a wildcard of names, or has one among its parts.
    var isWildcard: Bool {
        switch self {
        case .interface(_, let isPrefix): isPrefix
        case .concatenation(let parts): parts.contains(where: \.isWildcard)
        case .number, .range, .prefix, .any: false
        }
    }

    /// For each component of a key of these widths; none for `*`.
    func bounds(bitWidths: [Int]) -> [ValueBounds] {
        switch self {
        case .any: []
        case .concatenation(let parts): zip(parts, bitWidths).map { $0.bounds(bitWidth: $1) }
        case .number, .range, .prefix, .interface: [bounds(bitWidth: bitWidths.first ?? 0)]
        }
    }

    /// Of a value that is no concatenation, and no `*`.
    func bounds(of field: Field) -> ValueBounds { bounds(bitWidth: field.bitWidth) }

    /// Names are their bytes, as nft compares them: a wildcard is the range of all that begin so.
    private func bounds(bitWidth: Int) -> ValueBounds {
        switch self {
        case .number(let number): return ValueBounds(low: number, high: number)
        case .range(let low, let high): return ValueBounds(low: low, high: high)
        case .prefix(let base, let length):
            let host = max(0, bitWidth - length)
            return ValueBounds(low: base, high: host >= 128 ? .max : base | ((1 << UInt128(host)) - 1))
        case .interface(let name, let isPrefix):
            let bytes = name.utf8.prefix(16)
            let base = bytes.reduce(0 as UInt128) { $0 << 8 | UInt128($1) } << UInt128((16 - bytes.count) * 8)
            guard isPrefix, bytes.count < 16 else { return ValueBounds(low: base, high: base) }
            return ValueBounds(low: base, high: base | (.max >> UInt128(bytes.count * 8)))
        case .concatenation, .any: return ValueBounds(low: 0, high: .max)
        }
    }
}

/// Which elements of a set of concatenations the kernel takes: `nft_pipapo_insert` refuses one whose first or last corner lies in an
/// element that is there, unless that is the same. An element around an older one, or across it, is taken.
enum BoxOverlap {
    /// Boxes that have this number alone in a component; by default those that have none.
    private struct Place: Hashable {
        var component = -1
        var number: UInt128 = 0
    }

    /// - Parameters:
    ///   - bounds: By element; empty for `*`.
    ///   - isKept: Becomes false for what is there twice.
    /// - Returns: The first element that is refused.
    static func conflict(in elements: [SetElement], _ bounds: [[ValueBounds]], _ isKept: inout [Bool]) -> Int? {
        // Points are found by what they are, boxes by a component that is a single number; only those without one are asked one by one.
        var points: [[UInt128]: Int] = [:]
        var boxes: [Place: [Int]] = [:]
        func oldest(holding corner: [UInt128]) -> Int? {
            var oldest = points[corner]
            let places = [Place()] + corner.indices.map { Place(component: $0, number: corner[$0]) }
            for place in places {
                guard let box = boxes[place]?.first(where: { index in zip(bounds[index], corner).allSatisfy { $0.contains($1) } }) else {
                    continue
                }
                oldest = min(oldest ?? box, box)
            }
            return oldest
        }
        /// Of several the one in which the fewest are.
        func place(of box: [ValueBounds]) -> Place {
            let singles = box.indices.filter { box[$0].low == box[$0].high }.map { Place(component: $0, number: box[$0].low) }
            return singles.min { (boxes[$0]?.count ?? 0) < (boxes[$1]?.count ?? 0) } ?? Place()
        }
        for index in elements.indices where !bounds[index].isEmpty {
            let (low, high) = (bounds[index].map(\.low), bounds[index].map(\.high))
            if let older = oldest(holding: low) {
                guard bounds[older] == bounds[index], elements[older].leadsToSame(as: elements[index]) else { return index }
                isKept[index] = false
                continue
            }
            if low == high {
                points[low] = index
            } else {
                if oldest(holding: high) != nil { return index }
                boxes[place(of: bounds[index]), default: []].append(index)
            }
        }
        return nil
    }
}
