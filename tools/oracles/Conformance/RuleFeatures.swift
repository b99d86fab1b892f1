import FrameBuilder
import Ruleset

// What rules are made of.

extension RuleSource {
    /// Forms of a match.
    static let matches: [Feature] = [
        { source in
            let field = source.field()
            return "\(field.words) \(source.negation())\(source.value(of: field))"
        },
        { source in
            let field = source.field()
            return "\(field.words) \(source.random.pick(["<", "<=", ">", ">="])) \(source.value(of: field))"
        },
        { source in
            let field = source.field()
            return "\(field.words) \(source.negation())\(source.range(of: field))"
        },
        { source in
            let field = source.field()
            return "\(field.words) \(source.negation()){ \(source.elements(of: [field])) }"
        },
        { source in
            let field = source.field()
            let (mask, number) = (source.number(of: field), source.number(of: field))
            return "\(field.words) & \(text(mask, of: field)) \(source.random.pick(["==", "!="])) \(text(mask & number, of: field))"
        },
        { source in
            let field = source.field()
            return "\(field.words) \(source.value(of: field))/\(Int.random(in: 1...field.bitWidth, using: &source.random))"
        },
        { source in
            let fields = source.keyFields()
            return "\(words(of: fields)) \(source.negation()){ \(source.elements(of: fields)) }"
        },
        { source in
            let fields = source.keyFields()
            return "\(words(of: fields)) \(source.negation()){ \(source.elements(of: fields)) }"
        },
        { source in
            source.random.pick([
                "tcp flags syn", "tcp flags syn,ack", "tcp flags ! fin,rst", "tcp flags syn / syn,ack", "tcp flags != 0x12",
                "tcp flags & (fin | syn | rst | ack) == syn", "tcp flags { syn, ack, fin | psh }",
            ])
        },
        { source in
            let header: Field.Header = source.random.pick([.link, .network, .transport])
            let field = Field.raw(
                header, bitOffset: Int.random(in: 0...200, using: &source.random), bitWidth: source.random.pick([1, 3, 8, 12, 16, 32, 48]))
            return field.map { "\($0.words) \(source.negation())\(source.value(of: $0))" }
        },
        { source in
            let sets = source.declared.filter {
                switch $0.kind {
                case .set, .changingSet, .verdictMap, .markMap: true
                case .changingMap, .counter, .quota, .limit: false
                }
            }
            guard !sets.isEmpty else { return nil }
            let set = source.random.pick(sets)
            return "\(set.words) \(source.negation())@\(set.name)"
        },
        { source in
            source.ports("iifname", ["eth1", "eth2", "\"eth*\"", "{ eth1, lo }", "!= eth1"])
        },
        { source in
            source.ports("oifname", ["eth1", "eth2", "\"e*\"", "!= { eth2, lo }"])
        },
        { source in source.ports(source.random.pick(["iif", "oif"]), ["eth1", "!= eth2", "{ eth1, lo }"]) },
        { source in "meta pkttype \(source.random.pick(["host", "broadcast", "multicast", "other", "!= other"]))" },
        { source in source.turn() },
        { source in "meta mark \(source.random.pick(["0", "1", "2-3", "!= 0", "{ 1, 3 }", "& 1 == 1", "| 1 == 3"]))" },
        { source in
            source.random.pick([
                "tcp option maxseg exists", "tcp option maxseg missing", "tcp option maxseg size 1460", "tcp option maxseg size < 1000",
                "tcp option window count 7", "tcp option sack-perm exists", "tcp option timestamp tsval 1", "tcp option nop exists",
                "tcp option eol exists", "tcp option 8 exists", "tcp option 253 exists", "tcp option maxseg size { 536, 1400-1500 }",
            ])
        },
        { source in
            source.random.pick([
                "ip option rr exists", "ip option rr missing", "ip option lsrr ptr 4", "ip option lsrr addr 10.0.0.2",
                "ip option ra value 0",
                "ip option ssrr exists", "ip option rr length > 4", "ip option ra exists", "ip option lsrr exists",
            ])
        },
        { source in
            source.random.pick([
                "exthdr hbh exists", "exthdr hbh missing", "exthdr frag exists", "exthdr rt exists", "exthdr dst exists",
                "exthdr mh missing",
                "hbh nexthdr tcp", "hbh hdrlength 0", "frag nexthdr { tcp, udp }", "frag id 0xfeedbeef", "frag frag-off 0", "rt type 0",
                "rt seg-left > 0", "dst hdrlength 0-1", "dst nexthdr != tcp", "mh type 1",
            ])
        },
    ]

    private mutating func negation() -> String { random.pick(["", "", "!= "]) }

    /// Elsewhere the kernel names the bridge and not its ports.
    private mutating func ports(_ selector: String, _ operands: [String]) -> String? {
        family == .bridge ? "\(selector) \(random.pick(operands))" : nil
    }

    /// What stands between matches and the counter: marks, and what remembers. Rates are so slow that the time which a round takes makes
    /// no difference.
    static let statements: [Feature] = [
        { source in "meta mark set \(source.random.pick(["0", "1", "2", "3", "0xffffffff"]))" },
        { source in
            let fields = source.random.oneIn(2) ? [source.field()] : source.keyFields()
            return "meta mark set \(words(of: fields)) map { \(source.mapElements(of: fields) { $0.random.pick(["1", "2", "3"]) }) }"
        },
        { source in
            let maps = source.declared(.markMap)
            guard !maps.isEmpty else { return nil }
            let map = source.random.pick(maps)
            return "meta mark set \(map.words) map @\(map.name)"
        },
        { source in "meta mark set numgen inc mod \(source.random.pick([2, 3, 4]))\(source.random.pick(["", " offset 1", " & 1", " | 1"]))"
        },
        { source in "limit rate \(source.limit())" },
        { source in "quota \(source.quota())" },
        { source in
            let objects = source.declared(.counter) + source.declared(.quota) + source.declared(.limit)
            guard !objects.isEmpty else { return nil }
            let object = source.random.pick(objects)
            return "\(object.kind) name \"\(object.name)\""
        },
        { source in source.update() },
        { source in source.update() },
        { source in
            let field = source.random.pick(updateFields)
            let number = UInt32.random(in: 0...UInt32.max, using: &source.random)
            return "meter m\(number) size \(source.random.pick([2, 4, 1000])) { \(field.words) \(source.elementStatement()) }"
        },
        { source in source.change() },
        { source in source.change() },
        { _ in "log group 7" },
    ]

    /// Of numbers that are drawn in turn; those that are drawn by lot are the kernel's own.
    private mutating func turn() -> String {
        let (modulus, offset) = (random.pick([1, 2, 3, 5]), random.pick([0, 0, 7]))
        let turns = "numgen inc mod \(modulus)\(offset == 0 ? "" : " offset \(offset)")"
        let (first, last) = (Int.random(in: 0..<modulus, using: &random) + offset, modulus - 1 + offset)
        return random.pick([
            "\(turns) \(first)", "\(turns) != \(first)", "\(turns) \(first)-\(last)", "\(turns) >= \(first)",
            "\(turns) { \(first), \(last) }", "\(turns) vmap { \(first) : continue, * : return }",
        ])
    }

    mutating func limit() -> String {
        let (over, unit) = (random.pick(["", "over "]), random.pick(["hour", "day", "week"]))
        return random.oneIn(2)
            ? "\(over)\(random.pick([1, 2, 3]))/\(unit)\(random.pick(["", " burst 1 packets", " burst 20 packets"]))"
            : "\(over)\(random.pick([1, 2])) bytes/\(unit) burst \(random.pick([60, 300, 5000])) bytes"
    }

    mutating func quota() -> String {
        "\(random.pick(["", "over "]))\(random.pick([0, 60, 500, 10_000])) bytes"
    }

    mutating func elementStatement() -> String {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: "counter"
        case 1: "limit rate \(limit())"
        default: "quota \(quota())"
        }
    }

    private mutating func update() -> String? {
        let sets = declared(.changingSet(isRoomy: true)) + declared(.changingSet(isRoomy: false))
        guard !sets.isEmpty else { return nil }
        let set = random.pick(sets)
        // What becomes of a full set's deleted element is the kernel's own affair.
        let operation = random.pick(set.kind == .changingSet(isRoomy: true) ? ["add", "update", "delete"] : ["add", "update"])
        let mask = random.oneIn(4) && set.words.hasPrefix("ip ") ? " & 255.255.255.0" : ""
        return "\(operation) @\(set.name) { \(set.words)\(mask)\(random.oneIn(4) ? " " + elementStatement() : "") }"
    }

    /// Header fields that are written to. By its source address a frame is known, and another destination makes the bridge a router.
    private static let changes = [
        "ip ttl", "ip dscp", "ip ecn", "ip id", "ip saddr", "ip6 hoplimit", "ip6 dscp", "ip6 saddr", "ip6 flowlabel", "tcp sport",
        "tcp dport", "tcp window", "udp sport", "udp dport", "icmp code", "icmpv6 code", "vlan pcp", "vlan id", "tcp option maxseg size",
    ]

    private mutating func change() -> String? {
        let selector = random.pick(Self.changes)
        // nft 1.0.6 writes less than a tag's word, which the kernel does not carry out.
        if selector == "vlan pcp", !isRecent { return nil }
        guard let field = Self.named.first(where: { $0.words == selector }) else { return "\(selector) set \(random.pick([536, 1400]))" }
        if random.oneIn(4) {
            let key = self.field()
            let numbers = Set((0..<2).map { _ in number(of: field) }).sorted()
            let elements = mapElements(of: [key]) { Self.text($0.random.pick(numbers), of: field) }
            return "\(selector) set \(key.words) map { \(elements) }"
        }
        return "\(selector) set \(value(of: field))"
    }

    /// What ends a rule, behind its counter.
    static let endings: [Feature] = [
        { _ in "" },
        { _ in "" },
        { _ in "" },
        { _ in "accept" },
        { _ in "drop" },
        { _ in "return" },
        { _ in "continue" },
        { source in source.targets.isEmpty ? nil : "jump \(source.random.pick(source.targets))" },
        { source in source.targets.isEmpty ? nil : "goto \(source.random.pick(source.targets))" },
        { source in
            let maps = source.declared(.verdictMap)
            guard !maps.isEmpty else { return nil }
            let map = source.random.pick(maps)
            return "\(map.words) vmap @\(map.name)"
        },
        { source in
            let fields = source.random.oneIn(2) ? [source.field()] : source.keyFields()
            return "\(words(of: fields)) vmap { \(source.mapElements(of: fields) { $0.verdict() }) }"
        },
    ]

    mutating func verdict() -> String {
        random.pick(["accept", "drop", "return", "continue", "continue"] + targets.flatMap { ["jump \($0)", "goto \($0)"] })
    }
}
