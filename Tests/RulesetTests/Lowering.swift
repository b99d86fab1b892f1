import Ruleset

/// One step of a rule as the kernel is told it, in a form in which nft's debug output and the checked tree can be compared.
///
/// Equalities without a mask are cut into bytes, since nft joins loads of neighbouring fields into one.
enum Step: Equatable, Comparable, CustomStringConvertible {
    case byte(String, offset: Int, UInt8)
    case test(String)

    var description: String {
        switch self {
        case .byte(let base, let offset, let value): "\(base)+\(offset)=\(value)"
        case .test(let text): text
        }
    }

    static func < (first: Step, second: Step) -> Bool { first.description < second.description }
}

/// A load, and what has been done to the register since.
struct Load {
    var base: String
    var offset: Int
    var bytes: Int
    /// Masks and shifts, as text.
    var operations: [String] = []
    /// How many whole bytes from the first on are all that a mask has left.
    private var leadingBytes: Int?
    /// No value is above it.
    var top: UInt128
    /// Bits that are turned over in the end; nft may turn those of the value instead.
    var xor: UInt128 = 0

    init(base: String, offset: Int, bytes: Int) {
        (self.base, self.offset, self.bytes) = (base, offset, bytes)
        top = Self.all(bytes)
    }

    static func all(_ bytes: Int) -> UInt128 { bytes >= 16 ? .max : (1 << UInt128(bytes * 8)) - 1 }

    private var place: String { "\(base)+\(offset)/\(bytes)" + operations.joined() }

    /// With the bits that are turned over, where the value is no single one.
    var wholePlace: String { place + (xor == 0 ? "" : "^\(String(xor, radix: 16))") }

    /// A mask of ones does nothing.
    mutating func mask(_ mask: UInt128) {
        // Behind a shift nft's mask has ones where no bits are.
        let mask = operations.last?.hasPrefix(">>") == true ? mask & top : mask
        guard mask != Self.all(bytes) else { return }
        let ones = Self.all(bytes)
        let leading = (0..<bytes).first { mask == ones ^ Self.all(bytes - $0) }
        leadingBytes = operations.isEmpty ? leading : nil
        operations.append("&\(String(mask, radix: 16))")
        top = mask
    }

    mutating func shift(left bits: Int) {
        leadingBytes = nil
        keepTurned()
        operations.append("<<\(bits)")
        top = (top << UInt128(bits)) & Self.all(bytes)
    }

    /// What is turned over in front of a shift is part of the place.
    private mutating func keepTurned() {
        guard xor != 0 else { return }
        operations.append("^\(String(xor, radix: 16))")
        xor = 0
    }

    mutating func shift(right bits: Int) {
        leadingBytes = nil
        keepTurned()
        operations.append(">>\(bits)")
        top >>= UInt128(bits)
    }

    func equal(_ value: UInt128) -> [Step] {
        let value = value ^ xor
        guard operations.isEmpty || leadingBytes != nil else { return [.test("\(place) == \(value)")] }
        return (0..<(leadingBytes ?? bytes)).map { index in
            .byte(base, offset: offset + index, UInt8(truncatingIfNeeded: value >> UInt128((bytes - 1 - index) * 8)))
        }
    }

    func notEqual(_ value: UInt128) -> [Step] { [.test("\(place) != \(value ^ xor)")] }
    func outside(_ low: UInt128, _ high: UInt128) -> [Step] {
        low == top ? notEqual(top) : [.test("\(wholePlace) not in \(low)-\(max(low, min(high, top)))")]
    }

    /// Values are multiples of the mask's lowest bit. Bounds that every value keeps say nothing.
    func atLeast(_ low: UInt128) -> [Step] {
        let bound = low % unit == 0 ? low : low - low % unit + unit
        // No value is above the top.
        if !operations.isEmpty, bound == top { return [.test("\(wholePlace) == \(top)")] }
        return low == 0 ? [] : [.test("\(wholePlace) >= \(bound)")]
    }

    func atMost(_ high: UInt128) -> [Step] { high >= top ? [] : [.test("\(wholePlace) <= \(high - high % unit)")] }

    private var unit: UInt128 { top == 0 ? 1 : top & (~top + 1) }

    /// A lookup, with the set as merged intervals; nil for sets of names, which are not compared. Of a set with one interval it
    /// says the same as a comparison does.
    func lookup(_ intervals: [ClosedRange<UInt128>]?, hasAny: Bool, inverted: Bool) -> [Step] {
        let turned = xor == 0 ? intervals : intervals.map { $0.map { $0.lowerBound ^ xor...$0.upperBound ^ xor } }
        // Above the mask there are no values: where an interval ends there says nothing.
        let intervals = turned.map(merged)?.map { $0.lowerBound > top || $0.upperBound <= top ? $0 : $0.lowerBound...top }
        if let only = intervals?.first, intervals?.count == 1, !hasAny {
            let (low, high) = (only.lowerBound ^ xor, only.upperBound ^ xor)
            if low == high { return inverted ? notEqual(low) : equal(low) }
            if xor == 0 { return inverted ? outside(low, high) : atLeast(low) + atMost(high) }
        }
        let members =
            intervals.map { $0.map { "\($0.lowerBound)-\(max($0.lowerBound, min($0.upperBound, top)))" }.joined(separator: ",") } ?? "names"
        return [.test("\(place) \(inverted ? "not in" : "in") {\(members)\(hasAny ? ",*" : "")}")]
    }
}

/// Sorted, with neighbours and overlaps joined, as nft does it with anonymous sets of intervals.
func merged(_ intervals: [ClosedRange<UInt128>]) -> [ClosedRange<UInt128>] {
    var result: [ClosedRange<UInt128>] = []
    for interval in intervals.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
        if let last = result.last, last.upperBound == .max || interval.lowerBound <= last.upperBound + 1 {
            result[result.count - 1] = last.lowerBound...max(last.upperBound, interval.upperBound)
        } else {
            result.append(interval)
        }
    }
    return result
}

extension Rule {
    /// What the kernel would be told of the rule.
    var steps: [Step] {
        statements.flatMap { statement -> [Step] in
            switch statement {
            case .counter(let packets, let bytes, _): [.test("counter \(packets) \(bytes)")]
            case .verdict(let verdict, _): [.test(verdict.netlinkText)]
            case .match(let match): match.steps
            case .verdictMap: [.test("map")]
            case .limit(let limit, _): [.test(limit.netlinkText)]
            case .quota(let quota, _): [.test("quota bytes \(quota.bytes) consumed \(quota.used) flags \(quota.isOver ? 1 : 0)")]
            case .object(let object, _): [.test("objref type \(object.kind.netlinkNumber) name \(object.name)")]
            case .log(let log, _): [.test(log.netlinkText)]
            case .update(let update): update.steps
            case .objectMap(let map): map.steps
            case .assignment(let assignment): assignment.steps
            case .notrack: [.test("notrack")]
            case .last: [.test("last")]
            case .hostSetting(let setting, _): setting.steps
            case .connectionCount(let count, _): [.test(count.netlinkText)]
            }
        }
    }
}

extension Verdict {
    fileprivate var netlinkText: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .reject(let rejection): rejection.netlinkText
        case .return: "return"
        case .continue: "continue"
        case .jump(let chain): "jump -> \(chain)"
        case .goto(let chain): "goto -> \(chain)"
        }
    }
}

extension Field {
    var load: Load {
        switch source {
        case .connection(let key): return Load(base: "ct \(key.netlinkName)", offset: 0, bytes: (bitWidth + 7) / 8)
        case .searched(let header, _): return Load(base: header.base, offset: octets.lowerBound, bytes: octets.count)
        case .presence(let header): return Load(base: header.base + " present", offset: 0, bytes: 1)
        case .meta(.iifname): return Load(base: "iifname", offset: 0, bytes: 16)
        case .meta(.oifname): return Load(base: "oifname", offset: 0, bytes: 16)
        case .meta(.iif): return Load(base: "iif", offset: 0, bytes: 4)
        case .meta(.oif): return Load(base: "oif", offset: 0, bytes: 4)
        case .meta(.protocol): return Load(base: "protocol", offset: 0, bytes: 2)
        case .meta(.l4proto): return Load(base: "l4proto", offset: 0, bytes: 1)
        case .meta(.length): return Load(base: "len", offset: 0, bytes: 4)
        case .meta(.nfproto): return Load(base: "nfproto", offset: 0, bytes: 1)
        case .meta(.iiftype): return Load(base: "iiftype", offset: 0, bytes: 2)
        case .meta(.oiftype): return Load(base: "oiftype", offset: 0, bytes: 2)
        case .meta(.iifgroup): return Load(base: "iifgroup", offset: 0, bytes: 4)
        case .meta(.oifgroup): return Load(base: "oifgroup", offset: 0, bytes: 4)
        case .meta(.priority): return Load(base: "priority", offset: 0, bytes: 4)
        case .meta(.mark): return Load(base: "mark", offset: 0, bytes: 4)
        case .meta(.pkttype): return Load(base: "pkttype", offset: 0, bytes: 1)
        case .meta(.time): return Load(base: "time", offset: 0, bytes: 8)
        case .meta(.day): return Load(base: "day", offset: 0, bytes: 1)
        case .meta(.pathSegment): return Load(base: "tcpmss", offset: 0, bytes: 2)
        case .meta(.random): return Load(base: "prandom", offset: 0, bytes: 4)
        // nft 1.0.6 has none.
        case .constant: return Load(base: "constant", offset: 0, bytes: 4)
        case .generated(let generator):
            let offset = generator.offset == 0 ? "" : " offset \(generator.offset)"
            return Load(base: "numgen \(generator.mode) mod \(generator.modulus)\(offset)", offset: 0, bytes: 4)
        case .meta(.hour): return Load(base: "hour", offset: 0, bytes: 4)
        case .payload(let header, let bitOffset):
            let end = bitOffset + bitWidth
            return Load(base: "\(header)", offset: bitOffset / 8, bytes: (end + 7) / 8 - bitOffset / 8)
        }
    }

    /// Bits of the load behind the field.
    var trailing: Int {
        trailingBits
    }
}

extension Match {
    fileprivate var steps: [Step] {
        var load = field.load
        if key.isConcatenation { return concatenationSteps }
        let isNumber = field.bitWidth > 0
        let all: UInt128 = isNumber ? field.allOnes << UInt128(field.trailing) : 0
        // nft folds the mask that cuts the field out into the one that is written, unless it has to shift between them.
        if let mask, field.trailing == 0 {
            load.mask(mask & all)
        } else if isNumber {
            load.mask(all)
            if let mask {
                load.shift(right: field.trailing)
                load.mask(mask)
            }
        }
        load.xor = key.first.xor << UInt128(mask == nil ? field.trailing : 0)
        switch operand {
        case .single(let value): return single(placed(value), load)
        case .named(let name): return namedSteps(name)
        case .set(let values): return load.lookup(intervals(values), hasAny: values.contains(.any), inverted: relation == .notEqual)
        }
    }

    /// The value as it is compared: where the field stands in the load.
    private func placed(_ value: Value) -> Value {
        let shift = UInt128(mask == nil ? field.trailing : 0)
        switch value {
        case .number(let number): return .number(number << shift)
        case .range(let low, let high): return .range(low << shift, high << shift)
        // The loopback interface is the only one that every machine has, under the index 1.
        case .interface("lo", false) where field == .metaIif || field == .metaOif: return .number(1)
        case .prefix, .interface, .concatenation, .any: return value
        }
    }

    private func single(_ value: Value, _ load: Load) -> [Step] {
        switch value {
        case .number(let number):
            return relation == .equal ? load.equal(number) : load.notEqual(number)
        case .range(let low, let high):
            return relation == .equal ? load.atLeast(low) + load.atMost(high) : load.outside(low, high)
        case .prefix(let base, let length):
            return prefix(base, length, load)
        case .interface(let name, let isPrefix):
            let text = "\(load.base) \(relation == .equal ? "==" : "!=") \(name)"
            // A wildcard is compared over its own length, which nft prints in words of four bytes.
            return [.test(text + "/\(isPrefix ? (name.utf8.count + 3) / 4 : 4)")]
        case .concatenation, .any:
            return [.test("no single value")]
        }
    }

    /// A prefix of whole bytes is a shorter load of a header, and a mask in all other cases.
    private func prefix(_ base: UInt128, _ length: Int, _ load: Load) -> [Step] {
        var load = load
        let hostBits = UInt128(field.bitWidth - length)
        if length > 0, length % 8 == 0, field.isConnectionAddress {
            // Compared over that many octets, which nft prints in words of four.
            load.bytes = (length / 8 + 3) / 4 * 4
            let rest = UInt128(field.bitWidth - load.bytes * 8)
            return relation == .equal ? load.equal(base >> rest) : load.notEqual(base >> rest)
        }
        if length > 0, length % 8 == 0, !field.octets.isEmpty {
            load.bytes = length / 8
            return relation == .equal ? load.equal(base >> hostBits) : load.notEqual(base >> hostBits)
        }
        load.mask(hostBits >= 128 ? 0 : (Load.all(load.bytes) >> hostBits) << hostBits)
        return relation == .equal ? load.equal(base) : load.notEqual(base)
    }

    private func intervals(_ values: [Value]) -> [ClosedRange<UInt128>]? {
        let shift = UInt128(mask == nil ? field.trailing : 0)
        var intervals: [ClosedRange<UInt128>] = []
        var hasIntervals = false
        for value in values {
            switch value {
            case .number(let number): intervals.append(number...number)
            case .range(let low, let high):
                intervals.append(low...high)
                hasIntervals = true
            case .prefix(let base, let length):
                let hostBits = UInt128(field.bitWidth - length)
                intervals.append(base...(hostBits >= 128 ? .max : base | ((1 << hostBits) - 1)))
                hasIntervals = true
            case .interface:
                guard case .number(let index) = placed(value) else { return nil }
                intervals.append(index...index)
            case .any: break
            case .concatenation: return nil
            }
        }
        let sorted = hasIntervals ? merged(intervals) : intervals.sorted { $0.lowerBound < $1.lowerBound }
        // nft joins what touches before it moves it to its place.
        return sorted.map { $0.lowerBound << shift...$0.upperBound << shift }
    }
}

extension Limit {
    var netlinkText: String {
        let kind = measure == .packets ? "packets" : "bytes"
        return "limit rate \(rate)/\(unit.name) burst \(burst) type \(kind) flags 0x\(isOver ? 1 : 0)"
    }
}

extension ConnectionCount {
    var netlinkText: String { "connlimit count \(limit) flags \(isOver ? 1 : 0)" }
}

extension NamedObject.Kind {
    /// `NFT_OBJECT_COUNTER` and its like.
    fileprivate var netlinkNumber: Int {
        switch self {
        case .counter: 1
        case .quota: 2
        case .limit: 4
        case .timeout: 7
        }
    }
}

extension LogStatement {
    fileprivate var netlinkText: String {
        var words = ["log"]
        if let prefix { words.append("prefix \(prefix)") }
        if let group { words.append("group \(group) snaplen \(snaplen) qthreshold \(queueThreshold)") }
        if level != .warn, let number = Level.allCases.firstIndex(of: level) { words.append("level \(number)") }
        for (flag, word) in [
            (Flags.tcpSequence, "tcpseq"), (.tcpOptions, "tcpopt"), (.ipOptions, "ipopt"), (.skuid, "uid"), (.ether, "macdecode"),
        ]
        where flags.contains(flag) {
            words.append(word)
        }
        // nft's line is cut into words as well.
        return words.joined(separator: " ").split(separator: " ").joined(separator: " ")
    }
}
