import FrameBuilder
import Ruleset

// What rules are made of that nft has from 1.1 on.

extension RuleSource {
    static let recentMatches: [Feature] = [
        // Elements of a set in the rule have statements of their own.
        { source in
            let field = source.field()
            let numbers = Set((0..<3).map { _ in source.number(of: field) }).sorted()
            let elements = numbers.map { text($0, of: field) + (source.random.oneIn(2) ? " " + source.elementStatement() : "") }
            return "\(field.words) \(source.random.pick(["", "!= "])){ \(elements.joined(separator: ", ")) }"
        },
        { source in
            let field = source.field()
            let numbers = Set((0..<3).map { _ in source.number(of: field) }).sorted()
            let elements = numbers.map { "\(text($0, of: field)) \(source.elementStatement()) : \(source.verdict())" }
            return "\(field.words) vmap { \(elements.joined(separator: ", ")), * counter : continue }"
        },
        // A constant stands in the key.
        { source in
            let sets = source.declared(.set).filter { $0.words.contains(" . ") }
            guard !sets.isEmpty else { return nil }
            let set = source.random.pick(sets)
            var parts = set.words.split(separator: " . ").map(String.init)
            let last = parts.removeLast()
            guard let field = named.first(where: { $0.words == last }) else { return nil }
            return "\((parts + [source.value(of: field)]).joined(separator: " . ")) @\(set.name)"
        },
        // Fields that end within an octet, and options, are keys.
        { source in
            let fields = [source.random.pick(named.filter { narrow.contains($0.words) }), source.random.pick(keys)]
            return "\(words(of: fields)) \(source.random.pick(["", "!= "])){ \(source.elements(of: fields)) }"
        },
        { source in
            source.random.pick([
                "tcp option mptcp subtype mp-capable", "tcp option mptcp subtype { mp-join, dss }",
                "tcp option maxseg size . ip saddr { 1460 . 10.0.0.1, 536-1400 . 10.0.0.0/8 }",
                "tcp option window count . tcp dport { 7 . 80, 0-8 . 0-1023 }", "ip6 dscp { 0, cs1, 3-7 }",
            ])
        },
        { _ in "last" },
    ]

    private static let narrow = ["ip6 dscp", "ip6 flowlabel", "ip ecn", "ip hdrlength", "vlan pcp", "ip frag-off", "tcp doff"]

    static let recentStatements: [Feature] = [
        { source in "meta mark set \(source.calculation(depth: 0))" },
        { source in "meta mark set \(source.calculation(depth: 0))" },
        { source in
            let selector = source.random.pick(["ip dscp", "ip ecn", "ip6 dscp", "ip6 flowlabel", "vlan pcp", "vlan id"])
            guard let field = named.first(where: { $0.words == selector }) else { return nil }
            let (sign, number) = (source.random.pick(["|", "^", "&"]), source.number(of: field))
            return "\(selector) set \(selector) \(sign) \(text(number, of: field))"
        },
        { source in
            let (first, second) = source.random.pick([
                ("ip saddr", "ip daddr"), ("ip saddr", "ip saddr"), ("tcp sport", "tcp dport"), ("udp dport", "udp sport"),
                ("ip id", "ip id"), ("tcp window", "tcp sport"), ("ip6 saddr", "ip6 daddr"),
            ])
            guard let field = named.first(where: { $0.words == first }) else { return nil }
            let (mask, bits) = (text(source.number(of: field), of: field), text(source.number(of: field), of: field))
            return source.random.pick([
                "\(first) set \(first) & \(mask)", "\(first) set \(first) & \(mask) | \(second) & \(bits)",
                "\(first) set \(second) ^ \(bits)", "\(first) set \(first) | \(second)",
            ])
        },
        { source in "reset tcp option \(source.random.pick(["maxseg", "sack-perm", "timestamp", "window", "nop", "8", "253"]))" },
        { source in
            let maps = source.declared(.changingMap)
            guard !maps.isEmpty else { return nil }
            let map = source.random.pick(maps)
            return source.random.pick([
                "add @\(map.name) { \(map.words) : \(source.random.pick(["meta mark", "1", "2"])) }",
                "update @\(map.name) { \(map.words) : \(source.random.pick(["meta mark", "3"])) }",
                "meta mark set \(map.words) map @\(map.name)",
            ])
        },
    ]

    /// Of marks, fields and constants.
    mutating func calculation(depth: Int) -> String {
        let constant = random.pick(["0x1", "0x3", "0xff", "0xffff0000", "0xf0f0f0f0", "0x80000000"])
        if depth == 3 || random.oneIn(3) { return random.oneIn(2) ? "meta mark" : short().words }
        let inner = calculation(depth: depth + 1)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return "(\(inner)) << \(random.pick([1, 4, 8, 31]))"
        case 1: return "(\(inner)) >> \(random.pick([1, 4, 8, 31]))"
        case 2: return "(\(inner)) \(random.pick(["&", "|", "^"])) \(constant)"
        default: return "(\(inner)) \(random.pick(["&", "|", "^"])) (\(calculation(depth: depth + 1)))"
        }
    }

    static let recentDeclarations: [Declaration] = [
        // Intervals with timeouts, which no round outlives.
        { source, name in
            let field = source.random.pick(usual)
            source.declared.append(Declared(name: name, kind: .set, words: field.words))
            return source.intervals(
                name, "typeof \(field.words)\nflags interval,timeout\n\(source.random.pick(["", "timeout 1h\n"]))", [field])
        },
        // Intervals with statements.
        { source, name in
            let fields = source.random.oneIn(2) ? [source.random.pick(usual)] : source.keyFields()
            source.declared.append(Declared(name: name, kind: .set, words: words(of: fields)))
            return source.intervals(name, "typeof \(words(of: fields))\nflags interval\n\(source.elementStatement())\n", fields)
        },
        // A map that rules change without its saying so.
        { source, name in
            let field = source.random.pick(updateFields)
            source.declared.append(Declared(name: name, kind: .changingMap, words: field.words))
            return "map \(name) {\ntypeof \(field.words) : meta mark\n\(source.random.pick(["", "flags dynamic\nsize 4\n"]))}\n"
        },
    ]

    private mutating func intervals(_ name: String, _ head: String, _ fields: [Field]) -> String {
        subject = frames.frame(from: Conformance.source(0))
        let times = random.pick(["", " timeout 2h", " timeout never"])
        let elements = elements(of: fields).split(separator: ", ").map(String.init).map { head.contains("timeout") ? $0 + times : $0 }
        return "set \(name) {\n\(head)elements = { \(elements.joined(separator: ", ")) }\n}\n"
    }
}
