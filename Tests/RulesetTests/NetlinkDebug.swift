import Foundation
import Ruleset

/// Reads what `nft --debug=netlink` prints of the rules that it sends to the kernel.
struct NetlinkDebug {
    /// By chain, which holds one rule each.
    private(set) var steps: [String: [Step]] = [:]
    private var load: Load? {
        get { registers.last?.load }
        set { if let newValue { registers = [(1, newValue, false)] } else { registers = [] } }
    }
    /// What has been loaded since the first register was last, for a lookup of all of them.
    private var registers: [(number: Int, load: Load, isHostOrder: Bool)] = []
    /// What a register was set to, and what the last operation put into the bits that it cut out.
    private var constant: [String]?
    private var inserted: UInt128 = 0
    /// Whether the register holds the machine's own byte order, in which it is printed as a number.
    private var isHostOrder = false
    private var chain = ""
    /// Printed in front of their rule, in the order of its lookups.
    private var sets: [ElementSet] = []

    /// The elements of an anonymous set, whose keys are as long as what is looked up.
    private struct ElementSet {
        var isInterval = false
        var elements: [(words: [String], isEnd: Bool)] = []
        /// Whether `*` is among them, which has no key.
        var hasAny = false
    }

    init(_ text: String, table: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if line.hasPrefix("__set%d \(table) "), words.count >= 3 {
                // NFT_SET_INTERVAL is 4.
                if words.count > 3 { sets.append(ElementSet(isInterval: (Int(words[2], radix: 16) ?? 0) & 4 != 0)) }
            } else if line.contains("element ") {
                let elements = Self.elements(line)
                if !sets.isEmpty {
                    sets[sets.count - 1].elements = elements.filter { !$0.words.isEmpty }
                    sets[sets.count - 1].hasAny = elements.contains { $0.words.isEmpty }
                }
            } else if words.count == 3, Family(rawValue: words[0]) != nil, words[1] == table {
                chain = words[2]
                steps[chain, default: []] += []
                load = nil
            } else if words.first == "[" {
                read(Array(words.dropFirst().dropLast()))
            }
        }
    }

    /// One expression, without its brackets. Whatever is not known becomes a step that no rule of ours has.
    private mutating func read(_ words: [String]) {
        let text = words.joined(separator: " ")
        let values = words.filter { $0.hasPrefix("0x") }
        var new: [Step] = []
        switch words.first {
        case "meta" where words.prefix(3) == ["meta", "set", "mark"]:
            // What comes from a map has been said of the map.
            new = markStep("mark")
        case "ct" where words.prefix(3) == ["ct", "set", "mark"]:
            new = markStep("ct mark")
        case "ct" where words.prefix(3) == ["ct", "set", "event"]: new = markStep("event")
        case "meta" where words.prefix(2) == ["meta", "set"] && words.count > 2 && ["priority", "nftrace"].contains(words[2]):
            new = markStep(words[2])
        case "ct" where words.count > 5 && words[1] == "load":
            constant = nil
            let key = words[2]
            let direction = words.count > 8 && !key.hasSuffix("protocol") ? " \(words[8])" : ""
            let bytes = ConnectionKey.octets[key] ?? 0
            isHostOrder = bytes > 2 && !key.hasPrefix("src") && !key.hasPrefix("dst")
            add(Load(base: "ct \(ConnectionKey.withoutFamily(key))\(direction)", offset: 0, bytes: bytes), Array(words.prefix(6)))
        case "meta" where words.count > 2:
            let sizes = [
                "iifname": 16, "oifname": 16, "protocol": 2, "l4proto": 1, "pkttype": 1, "time": 8, "day": 1, "nfproto": 1, "iiftype": 2,
                "oiftype": 2, "iifgroup": 4, "oifgroup": 4, "priority": 4,
            ]
            let bytes = sizes[words[2]] ?? 4
            isHostOrder = (bytes == 4 && words[2] != "prandom") || bytes == 8 || bytes == 2 && words[2] != "protocol"
            constant = nil
            add(Load(base: words[2], offset: 0, bytes: bytes), words)
        case "rt" where words.count > 5 && words[1] == "load":
            isHostOrder = true
            constant = nil
            add(Load(base: words[2], offset: 0, bytes: 2), words)
        case "numgen" where words.count > 6:
            isHostOrder = true
            constant = nil
            add(Load(base: "numgen \(words[4...].joined(separator: " "))", offset: 0, bytes: 4), [words[2]])
        case "payload" where words.count > 16 && words[1] == "write":
            let bytes = Int(words[5].dropLast()) ?? 0
            let checksum = "checksum \(words[12]) at \(words[14]) pseudo \(words[16])"
            new = [write("\(words[7])+\(words[10])/\(bytes)", bytes: bytes, checksum)]
        case "exthdr" where words.count > 10 && words[1] == "write":
            let bytes = Int(words[6].dropLast()) ?? 0
            new = [write("exthdr \(words[2]) \(words[8])+\(words[10])/\(bytes)", bytes: bytes, "")]
        case "exthdr" where words.count > 8 && words[1] == "load":
            isHostOrder = false
            constant = nil
            // SCTP has no name there.
            let named = words[3] == "@" ? [words[0], words[1], "sctp"] + words[2...] : words
            let base = "exthdr \(named[2]) \(named[5])" + (named[8] == "present" ? " present" : "")
            add(Load(base: base, offset: Int(named[7]) ?? -1, bytes: Int(named[3].dropLast()) ?? 0), words)
        case "immediate" where words[2] == "1":
            constant = values
            load = nil
        case "payload" where words.count > 6:
            isHostOrder = false
            constant = nil
            add(Load(base: words[4], offset: Int(words[7]) ?? -1, bytes: Int(words[2].dropLast()) ?? 0), words)
        case "byteorder":
            isHostOrder = text.contains("ntoh")
            if !registers.isEmpty { registers[registers.count - 1].isHostOrder = false }
        case "bitwise" where words.contains(">>"):
            registers[registers.count - 1].load.shift(right: Int(Self.number(values.map { $0 }, bytes: 4, isHostOrder: true)))
        case "bitwise" where words.contains("<<"):
            registers[registers.count - 1].load.shift(left: Int(Self.number(values.map { $0 }, bytes: 4, isHostOrder: true)))
        case "bitwise":
            let half = values.prefix(values.count / 2)
            let bytes = load?.bytes ?? 0
            let mask = number(Array(half), bytes: bytes)
            guard !registers.isEmpty else { break }
            registers[registers.count - 1].load.mask(mask)
            registers[registers.count - 1].load.xor = number(Array(values.suffix(values.count / 2)), bytes: bytes)
            inserted = number(Array(values.suffix(values.count / 2)), bytes: bytes)
        case "cmp" where load?.base.hasSuffix("ifname") == true:
            new = [.test("\(load?.base ?? "") \(words[1] == "eq" ? "==" : "!=") \(Self.string(values))/\(values.count)")]
        case "cmp", "range", "lookup":
            new = comparison(words, values)
        case "counter" where words.count == 5:
            new = [.test("counter \(words[2]) \(words[4])")]
        case "dynset":
            new = [ConcatenationStep.change(registers.map(\.load), text)]
        case "objref" where words[1] == "sreg":
            new = [ConcatenationStep.change(registers.map(\.load), text)]
        case "immediate" where words[2] == "2":
            new = [.test("data \(values.joined(separator: " "))")]
        case "log":
            // A level that is written and one that is not are the same if it is the default.
            new = [.test(text.replacingOccurrences(of: " level 4", with: ""))]
        case "immediate":
            new = [.test(words.dropFirst(3).joined(separator: " "))]
        default:
            new = [.test(text)]
        }
        steps[chain, default: []] += new
    }

    /// What comes from a map has been said of the map.
    private func markStep(_ name: String) -> [Step] {
        if let constant { return [.test("\(name) \(Self.number(constant, bytes: 4, isHostOrder: true))")] }
        return load.map { [.test("\(name) = \($0.wholePlace)")] } ?? []
    }

    private mutating func add(_ load: Load, _ words: [String]) {
        let register = words.last.flatMap { Int($0) } ?? 1
        if register == 1 { registers = [] }
        registers.append((register, load, isHostOrder))
    }

    private mutating func concatenation(inverted: Bool) -> [Step] {
        let set = sets.isEmpty ? ElementSet() : sets.removeFirst()
        let hasNames = registers.contains { ["iif", "oif", "iifname", "oifname"].contains($0.load.base) }
        var elements = set.elements.map { element -> [ClosedRange<UInt128>] in
            let halves = element.words.split(separator: "0x-").map(Array.init)
            let (low, high) = (numbers(halves.first ?? []), numbers(halves.last ?? []))
            return zip(low, high).map { min($0, $1)...max($0, $1) }
        }
        // nft sends twice what is written twice.
        elements = elements.enumerated().filter { index, element in !elements[..<index].contains(element) }.map(\.element)
        return ConcatenationStep.step(registers.map(\.load), hasNames ? nil : elements, hasAny: set.hasAny, inverted: inverted)
    }

    /// Each register begins with a word of its own.
    private func numbers(_ words: [String]) -> [UInt128] {
        var rest = words[...]
        return registers.map { register in
            let count = (register.load.bytes + 3) / 4
            defer { rest = rest.dropFirst(count) }
            return Self.number(Array(rest.prefix(count)), bytes: register.load.bytes, isHostOrder: register.isHostOrder)
        }
    }

    /// A constant, what the frame had with some bits replaced, or another field.
    private func write(_ place: String, bytes: Int, _ checksum: String) -> Step {
        let value =
            if let constant {
                "= \(Self.number(constant, bytes: bytes, isHostOrder: false))"
            } else if let load, load.operations.isEmpty {
                "= \(load.base)+\(load.offset)/\(load.bytes)"
            } else {
                "\(load?.operations.joined() ?? "") | \(inserted)"
            }
        return .test("\(place) \(value) \(checksum)")
    }

    private mutating func comparison(_ words: [String], _ values: [String]) -> [Step] {
        guard var load else { return [.test("no load")] }
        // Of an address as much is compared as is written.
        if words[0] == "cmp", load.operations.isEmpty, load.base.hasPrefix("ct src ") || load.base.hasPrefix("ct dst ") {
            load = Load(base: load.base, offset: 0, bytes: values.count * 4)
        }
        if words[0] == "lookup", !words[4].hasPrefix("__") {
            return [ConcatenationStep.change(registers.map(\.load), "\(words.last == "0x1" ? "not in" : "in") @\(words[4])")]
        }
        if words[0] == "lookup", registers.count > 1 { return concatenation(inverted: words.last == "0x1") }
        if words[0] == "lookup" {
            let set = sets.isEmpty ? ElementSet() : sets.removeFirst()
            let isName = load.base.hasSuffix("ifname")
            return load.lookup(isName ? nil : intervals(of: set, for: load), hasAny: set.hasAny, inverted: words.last == "0x1")
        }
        let value = number(values, bytes: load.bytes)
        if words[0] == "range" {
            let half = values.count / 2
            return load.outside(
                number(Array(values.prefix(half)), bytes: load.bytes), number(Array(values.suffix(half)), bytes: load.bytes))
        }
        switch words[1] {
        case "eq": return load.equal(value)
        case "neq": return load.notEqual(value)
        case "gte": return load.atLeast(value)
        case "lte": return load.atMost(value)
        case "gt": return load.atLeast(value + 1)
        case "lt": return value == 0 ? [.test("never")] : load.atMost(value - 1)
        default: return [.test(words.joined(separator: " "))]
        }
    }

    /// `element KEY : FLAGS [end]`, one after the other.
    private static func elements(_ line: Substring) -> [(words: [String], isEnd: Bool)] {
        line.split(separator: "[").compactMap { part in
            guard let start = part.range(of: "element "), let colon = part.range(of: " : ") else { return nil }
            let words = part[start.upperBound..<colon.lowerBound].split(separator: " ").map { "0x" + $0 }
            return (words, part[colon.upperBound...].hasPrefix("1"))
        }
    }

    /// Of an interval set the elements are starts and, marked with 1, the values behind the ends.
    private func intervals(of set: ElementSet, for load: Load) -> [ClosedRange<UInt128>] {
        let points = set.elements.map { (value: number($0.words, bytes: load.bytes), isEnd: $0.isEnd) }
        guard set.isInterval else { return points.map { $0.value...$0.value }.sorted { $0.lowerBound < $1.lowerBound } }
        var intervals: [ClosedRange<UInt128>] = []
        var open: UInt128?
        for point in points.sorted(by: { ($0.value, $0.isEnd ? 0 : 1) < ($1.value, $1.isEnd ? 0 : 1) }) {
            if let start = open, point.isEnd {
                intervals.append(start...(point.value - 1))
                open = nil
            } else if !point.isEnd, open == nil {
                open = point.value
            }
        }
        if let open { intervals.append(open...Load.all(load.bytes)) }
        return intervals
    }

    /// Registers are printed in words as a little-endian machine reads them; their bytes are in network order.
    private static func bytes(_ words: [String]) -> [UInt8] {
        words.flatMap { word -> [UInt8] in
            let value = UInt32(word.dropFirst(2), radix: 16) ?? 0
            return (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
    }

    private func number(_ words: [String], bytes count: Int) -> UInt128 {
        Self.number(words, bytes: count, isHostOrder: isHostOrder)
    }

    private static func number(_ words: [String], bytes count: Int, isHostOrder: Bool) -> UInt128 {
        let bytes = bytes(words).prefix(count)
        return (isHostOrder ? bytes.reversed() : Array(bytes)).reduce(0) { $0 << 8 | UInt128($1) }
    }

    private static func string(_ words: [String]) -> String {
        String(decoding: bytes(words).prefix { $0 != 0 }, as: UTF8.self)
    }
}
