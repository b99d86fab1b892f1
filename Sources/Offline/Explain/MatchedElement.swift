import Interpreter
import Ruleset

extension SeenKey {
    /// The first of a set's elements that holds what the frame has, if it is more than that: a range, a prefix, a wildcard or `*`.
    func element(among elements: [Value]) -> Value? {
        let seen = values.compactMap { $0 }
        guard seen.count == values.count, let element = elements.first(where: { holds(seen, $0) }) else { return nil }
        if case .concatenation(let parts) = element { return parts == seen ? nil : element }
        return seen == [element] ? nil : element
    }

    private func holds(_ seen: [Value], _ element: Value) -> Bool {
        switch element {
        case .any: true
        case .concatenation(let parts):
            parts.count == seen.count && zip(zip(seen, parts), key.components).allSatisfy { Self.holds($0.0, $0.1, $1.field.bitWidth) }
        default: seen.count == 1 && Self.holds(seen[0], element, key.first.field.bitWidth)
        }
    }

    private static func holds(_ seen: Value, _ element: Value, _ width: Int) -> Bool {
        switch (seen, element) {
        case (.number(let number), .number(let other)): number == other
        case (.number(let number), .range(let low, let high)): low <= number && number <= high
        case (.number(let number), .prefix(let start, let length)):
            length >= width ? number == start : number >> UInt128(width - length) == start >> UInt128(width - length)
        case (.interface(let name, _), .interface(let other, let isPrefix)): isPrefix ? name.hasPrefix(other) : name == other
        default: false
        }
    }
}
