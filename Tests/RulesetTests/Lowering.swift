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
    var masks: [UInt128] = []

    var all: UInt128 { bytes >= 16 ? .max : (1 << UInt128(bytes * 8)) - 1 }

    private var place: String { "\(base)+\(offset)/\(bytes)" + masks.map { "&\(String($0, radix: 16))" }.joined() }

    /// A mask of ones does nothing.
    mutating func mask(_ mask: UInt128) {
        if mask != all { masks.append(mask) }
    }

    func equal(_ value: UInt128) -> [Step] {
        guard masks.isEmpty else { return [.test("\(place) == \(value)")] }
        return (0..<bytes).map { index in
            .byte(base, offset: offset + index, UInt8(truncatingIfNeeded: value >> UInt128((bytes - 1 - index) * 8)))
        }
    }

    func notEqual(_ value: UInt128) -> [Step] { [.test("\(place) != \(value)")] }
    func outside(_ low: UInt128, _ high: UInt128) -> [Step] { [.test("\(place) not in \(low)-\(high)")] }

    /// Bounds that every value keeps say nothing.
    func atLeast(_ low: UInt128) -> [Step] { low == 0 ? [] : [.test("\(place) >= \(low)")] }
    func atMost(_ high: UInt128) -> [Step] {
        // The VLAN identifier is 12 bits of the 16 that are loaded.
        let top = base == "link" && offset == 14 ? 0x0fff : all
        return high >= top ? [] : [.test("\(place) <= \(high)")]
    }

    /// A lookup, with the set as merged intervals; nil for sets of names, which are not compared.
    func lookup(_ intervals: [ClosedRange<UInt128>]?, inverted: Bool) -> [Step] {
        let members = intervals.map { $0.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",") } ?? "names"
        return [.test("\(place) \(inverted ? "not in" : "in") {\(members)}")]
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
            }
        }
    }
}

extension Verdict {
    fileprivate var netlinkText: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .return: "return"
        case .continue: "continue"
        case .jump(let chain): "jump -> \(chain)"
        case .goto(let chain): "goto -> \(chain)"
        }
    }
}

extension Field {
    /// Where nft loads the field from: written down from the RFCs' header diagrams, apart from the code under test.
    fileprivate var load: Load {
        switch self {
        case .metaIifname: Load(base: "iifname", offset: 0, bytes: 16)
        case .metaOifname: Load(base: "oifname", offset: 0, bytes: 16)
        case .metaProtocol: Load(base: "protocol", offset: 0, bytes: 2)
        case .metaL4proto: Load(base: "l4proto", offset: 0, bytes: 1)
        case .etherDaddr: Load(base: "link", offset: 0, bytes: 6)
        case .etherSaddr: Load(base: "link", offset: 6, bytes: 6)
        case .etherType: Load(base: "link", offset: 12, bytes: 2)
        case .vlanId: Load(base: "link", offset: 14, bytes: 2, masks: [0x0fff])
        case .vlanType: Load(base: "link", offset: 16, bytes: 2)
        case .arpOperation: Load(base: "network", offset: 6, bytes: 2)
        case .ipProtocol: Load(base: "network", offset: 9, bytes: 1)
        case .ipSaddr: Load(base: "network", offset: 12, bytes: 4)
        case .ipDaddr: Load(base: "network", offset: 16, bytes: 4)
        case .ip6Nexthdr: Load(base: "network", offset: 6, bytes: 1)
        case .ip6Saddr: Load(base: "network", offset: 8, bytes: 16)
        case .ip6Daddr: Load(base: "network", offset: 24, bytes: 16)
        case .tcpSport, .udpSport, .sctpSport, .thSport: Load(base: "transport", offset: 0, bytes: 2)
        case .tcpDport, .udpDport, .sctpDport, .thDport: Load(base: "transport", offset: 2, bytes: 2)
        case .tcpFlags: Load(base: "transport", offset: 13, bytes: 1)
        case .icmpType, .icmpv6Type: Load(base: "transport", offset: 0, bytes: 1)
        }
    }
}

extension Match {
    fileprivate var steps: [Step] {
        var load = field.load
        if let mask {
            // nft folds the mask that cuts the VLAN identifier out into the one that is written.
            load.masks = []
            load.mask(field == .vlanId ? mask & 0x0fff : mask)
        }
        switch operand {
        case .single(let value): return single(value, load)
        case .named(let name): return [.test("@\(name)")]
        case .set(let values): return load.lookup(intervals(values), inverted: relation == .notEqual)
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
        }
    }

    /// A prefix of whole bytes is a shorter load of a header, and a mask in all other cases.
    private func prefix(_ base: UInt128, _ length: Int, _ load: Load) -> [Step] {
        var load = load
        let hostBits = UInt128(field.bitWidth - length)
        if length > 0, length % 8 == 0, ["link", "network", "transport"].contains(load.base), field != .vlanId {
            load.bytes = length / 8
            return relation == .equal ? load.equal(base >> hostBits) : load.notEqual(base >> hostBits)
        }
        let all: UInt128 = field == .vlanId ? 0x0fff : load.all
        load.mask(hostBits >= 128 ? 0 : (all >> hostBits) << hostBits)
        return relation == .equal ? load.equal(base) : load.notEqual(base)
    }

    private func intervals(_ values: [Value]) -> [ClosedRange<UInt128>]? {
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
            case .interface: return nil
            }
        }
        return hasIntervals ? merged(intervals) : intervals.sorted { $0.lowerBound < $1.lowerBound }
    }
}
