/// A rule of a filter set of ClassBench's: intervals of the five fields, of which the first match wins.
public struct ClassBenchRule: Sendable, Equatable {
    public struct Prefix: Sendable, Equatable {
        public var address: UInt32
        public var length: Int

        /// The bits behind the prefix, as ones.
        var host: UInt32 { length == 0 ? .max : length >= 32 ? 0 : UInt32.max >> UInt32(length) }
        var first: UInt32 { address & ~host }
        var last: UInt32 { address | host }
        fileprivate var text: String { "\(dotted(first))/\(length)" }
    }

    public var source: Prefix
    public var destination: Prefix
    public var sourcePorts: ClosedRange<UInt16>
    public var destinationPorts: ClosedRange<UInt16>
    /// nil for any.
    public var transportProtocol: UInt8?

    /// - Returns: nil for what is no line of a filter set.
    public init?(line: some StringProtocol) {
        let words = line.split { $0 == "\t" || $0 == " " }
        guard words.count >= 9, words[0].first == "@", words[3] == ":", words[6] == ":",
            let source = prefix(words[0].dropFirst()), let destination = prefix(words[1]),
            let sourcePorts = range(words[2], words[4]), let destinationPorts = range(words[5], words[7])
        else { return nil }
        let number = words[8].split(separator: "/")
        guard number.count == 2, let value = UInt8(number[0].dropFirst(2), radix: 16) else { return nil }
        (self.source, self.destination) = (source, destination)
        (self.sourcePorts, self.destinationPorts) = (sourcePorts, destinationPorts)
        transportProtocol = number[1].lowercased() == "0x00" ? nil : value
    }

    /// The rules of a text, a line each.
    public static func rules(_ text: String) -> [ClassBenchRule] {
        text.split(separator: "\n").compactMap { ClassBenchRule(line: $0) }
    }

    /// More rules of the same kind: copies behind one another, the addresses of each in another place. Copy n has the bits of
    /// n times 0x9e3779b9 turned over in its prefixes, so that lengths and nesting stay.
    public static func multiplied(_ rules: [ClassBenchRule], by copies: Int) -> [ClassBenchRule] {
        (0..<copies).flatMap { copy in
            let turned = UInt32(truncatingIfNeeded: copy) &* 0x9e37_79b9
            return rules.map { rule in
                var rule = rule
                rule.source.address = (rule.source.address ^ turned) & ~rule.source.host
                rule.destination.address = (rule.destination.address ^ turned) & ~rule.destination.host
                return rule
            }
        }
    }

    /// The matches in nft's words; empty for a rule that matches everything.
    public var matches: String {
        var words: [String] = []
        if source.length > 0 { words.append("ip saddr \(source.text)") }
        if destination.length > 0 { words.append("ip daddr \(destination.text)") }
        if let transportProtocol { words.append("meta l4proto \(transportProtocol)") }
        for (name, ports) in [("sport", sourcePorts), ("dport", destinationPorts)] where ports != 0...65535 {
            words.append("th \(name) \(ports.lowerBound)\(ports.count > 1 ? "-\(ports.upperBound)" : "")")
        }
        return words.joined(separator: " ")
    }

    /// A table of one chain, in nft's language: each rule with a counter and, in turns, `accept` and `drop`.
    public static func table(of rules: [ClassBenchRule], family: String = "bridge") -> String {
        var text = "table \(family) classbench {\nchain forward {\ntype filter hook forward priority 0; policy accept;\n"
        for (number, rule) in rules.enumerated() {
            text += "\(rule.matches) counter \(number % 2 == 0 ? "accept" : "drop")\n"
        }
        return text + "}\n}\n"
    }
}

private func dotted(_ address: UInt32) -> String {
    (0..<4).map { String(address >> UInt32(24 - 8 * $0) & 0xff) }.joined(separator: ".")
}

private func prefix(_ text: some StringProtocol) -> ClassBenchRule.Prefix? {
    let parts = text.split { $0 == "." || $0 == "/" }
    guard parts.count == 5, let length = Int(parts[4]), (0...32).contains(length) else { return nil }
    var address: UInt32 = 0
    for part in parts.prefix(4) {
        guard let octet = UInt8(part) else { return nil }
        address = address << 8 | UInt32(octet)
    }
    return ClassBenchRule.Prefix(address: address, length: length)
}

private func range(_ first: some StringProtocol, _ last: some StringProtocol) -> ClosedRange<UInt16>? {
    guard let first = UInt16(first), let last = UInt16(last), first <= last else { return nil }
    return first...last
}
