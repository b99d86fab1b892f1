import Ruleset

/// A lookup of several registers at once, in a form in which nft's debug output and the checked tree can be compared.
enum ConcatenationStep {
    /// - Parameter elements: Lowest and highest number of each component; nil for names, which are not compared.
    static func step(_ loads: [Load], _ elements: [[ClosedRange<UInt128>]]?, hasAny: Bool, inverted: Bool) -> [Step] {
        let members = elements.map { elements in
            elements.map { element in element.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: " . ") }.joined(separator: ",")
        }
        let place = loads.map(\.wholePlace).joined(separator: " . ")
        return [.test("\(place) \(inverted ? "not in" : "in") {\(members ?? "names")\(hasAny ? ",*" : "")}")]
    }
}

extension Match {
    /// Each field is cut out and shifted to the end of its octets; numbers are compared as they are written.
    var concatenationSteps: [Step] {
        let loads = key.components.map { component in
            var load = component.field.load
            guard !component.field.isInterface else { return load }
            let all = component.field.allOnes
            if component.field.trailing > 0 {
                load.mask(all << UInt128(component.field.trailing))
                load.shift(right: component.field.trailing)
                if let mask = component.mask { load.mask(mask) }
            } else {
                load.mask((component.mask ?? all) & all)
            }
            load.xor = component.xor
            return load
        }
        guard case .set(let values) = operand else {
            if case .named(let name) = operand { return [.test("@\(name)")] }
            return [.test("no set")]
        }
        let widths = key.components.map(\.field.bitWidth)
        let hasNames = key.components.contains { $0.field.isInterface }
        let elements = values.filter { $0 != .any }.map { value -> [ClosedRange<UInt128>] in
            guard case .concatenation(let parts) = value else { return [] }
            return zip(parts, widths).map { $0.interval(width: $1) }
        }
        return ConcatenationStep.step(loads, hasNames ? nil : elements, hasAny: values.contains(.any), inverted: relation == .notEqual)
    }
}

extension Value {
    fileprivate func interval(width: Int) -> ClosedRange<UInt128> {
        switch self {
        case .number(let number): return number...number
        case .range(let low, let high): return low...high
        case .prefix(let base, let length):
            let host = UInt128(width - length)
            return base...(host >= 128 ? .max : base | ((1 << host) - 1))
        case .interface, .concatenation, .any: return 0...0
        }
    }
}
