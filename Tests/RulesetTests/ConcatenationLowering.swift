import Ruleset

/// A lookup of several registers at once, in a form in which nft's debug output and the checked tree can be compared.
enum ConcatenationStep {
    /// A named set that takes the key, and what it is mapped to, or gives it up, or is asked for it.
    static func change(_ loads: [Load], _ text: String) -> Step {
        .test("\(loads.map(\.wholePlace).joined(separator: " . ")) \(text)")
    }

    /// - Parameter elements: Lowest and highest number of each component; nil for names, which are not compared.
    static func step(_ loads: [Load], _ elements: [[ClosedRange<UInt128>]]?, hasAny: Bool, inverted: Bool) -> [Step] {
        let members = elements.map { elements in
            elements.map { element in element.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: " . ") }.joined(separator: ",")
        }
        let place = loads.map(\.wholePlace).joined(separator: " . ")
        return [.test("\(place) \(inverted ? "not in" : "in") {\(members ?? "names")\(hasAny ? ",*" : "")}")]
    }
}

extension MatchKey.Component {
    /// The field is cut out and shifted to the end of its octets; numbers are compared as they are written.
    var load: Load {
        var load = field.load
        guard !field.isInterface else { return load }
        let all = field.allOnes
        if field.trailing > 0 {
            load.mask(all << UInt128(field.trailing))
            load.shift(right: field.trailing)
            if let mask { load.mask(mask) }
        } else {
            load.mask((mask ?? all) & all)
        }
        load.xor = xor
        return load
    }
}

extension SetUpdate {
    /// Statements that the set has of itself are not repeated.
    var steps: [Step] {
        var loads = key.components.map(\.load)
        var words = ["dynset \(operation.rawValue) reg_key 1 set \(set)"]
        var constant: [Step] = []
        switch data {
        case nil: break
        case .constant(let number, let field): constant = [.test("data \(number.registers(of: field))")]
        case .field(let component): loads.append(component.load)
        }
        if data != nil { words.append("sreg_data 2") }
        if let timeout { words.append("timeout \(timeout)ms") }
        for statement in statements {
            switch statement {
            case .counter(let packets, let bytes): words.append("expr [ counter pkts \(packets) bytes \(bytes) ]")
            case .limit(let limit): words.append("expr [ \(limit.netlinkText) ]")
            case .connectionCount(let count): words.append("expr [ \(count.netlinkText) ]")
            // nft 1.0.6 has none of elements.
            case .last: words.append("expr [ last ]")
            case .quota(let quota):
                words.append("expr [ quota bytes \(quota.bytes) consumed \(quota.used) flags \(quota.isOver ? 1 : 0) ]")
            }
        }
        return constant + [ConcatenationStep.change(loads, words.joined(separator: " "))]
    }
}

extension ObjectMap {
    var steps: [Step] {
        let name = if case .named(let name) = elements { name } else { "__objmap%d" }
        return [ConcatenationStep.change(key.components.map(\.load), "objref sreg 1 set \(name)")]
    }
}

extension UInt128 {
    /// As nft prints a register: in words as a little-endian machine reads them.
    fileprivate func registers(of field: Field) -> String {
        let count = field.load.bytes
        let octets = (0..<count).map { UInt8(truncatingIfNeeded: self >> UInt128(8 * (count - 1 - $0))) }
        let bytes = field == .metaMark || field == .metaLength || field == .ctMark ? octets.reversed() : octets
        return stride(from: 0, to: count, by: 4).map { start in
            let word = bytes[start..<Swift.min(start + 4, count)].reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
            let digits = String(word, radix: 16)
            return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
        }.joined(separator: " ")
    }
}

extension Match {
    /// A lookup in a set of the table.
    func namedSteps(_ name: String) -> [Step] {
        [ConcatenationStep.change(key.components.map(\.load), "\(relation == .notEqual ? "not in" : "in") @\(name)")]
    }

    var concatenationSteps: [Step] {
        let loads = key.components.map(\.load)
        guard case .set(let values) = operand else {
            if case .named(let name) = operand { return namedSteps(name) }
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
