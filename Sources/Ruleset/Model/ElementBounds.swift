/// The first and the last number that a value holds.
package struct ValueBounds: Hashable, Sendable {
    package var low: UInt128
    package var high: UInt128

    package init(low: UInt128, high: UInt128) {
        self.low = low
        self.high = high
    }

    func contains(_ number: UInt128) -> Bool { low <= number && number <= high }
}

extension Value {
    /// A number with these bits turned over; other values are left as they are.
    func turned(by bits: UInt128) -> Value {
        if case .number(let number) = self { .number(number ^ bits) } else { self }
    }

    /// True if it is a wildcard of names, or has one among its parts.
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

    /// Bounds of a value that is no concatenation, and no `*`.
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

extension NamedSet {
    /// Pairs that the search for overlaps may look at.
    private static let overlapWork = 50_000_000

    /// The first element of concatenations that overlaps one before it, in the order of one component; nil if none does. Where to see
    /// that takes too long, it is the last.
    package var firstOverlap: SourceLocation? {
        let widths = key.fields.map(\.bitWidth)
        let boxes = elements.filter { $0.value != .any }.map { (bounds: $0.value.bounds(bitWidths: widths), location: $0.location) }
        guard let first = boxes.first, let last = boxes.last else { return nil }
        // By the component with the most beginnings few are open at a time.
        let component = first.bounds.indices.max { left, right in
            Set(boxes.lazy.map { $0.bounds[left].low }).count < Set(boxes.lazy.map { $0.bounds[right].low }).count
        }
        guard let component else { return nil }
        var open: [[ValueBounds]] = []
        var work = 0
        for box in boxes.sorted(by: { $0.bounds[component].low < $1.bounds[component].low }) {
            open.removeAll { $0[component].high < box.bounds[component].low }
            work += open.count
            if work > Self.overlapWork { return last.location }
            let isOverlapping = open.contains { other in
                zip(other, box.bounds).allSatisfy { $0.low <= $1.high && $1.low <= $0.high }
            }
            if isOverlapping { return box.location }
            open.append(box.bounds)
        }
        return nil
    }
}
