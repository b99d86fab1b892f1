import FrameBuilder
import Ruleset

// Concatenations, maps to values, marks, and what remembers.

extension RandomFiles {
    /// What rules may name.
    static let objects = """
        counter c1 {
        packets 3 bytes 200
        }
        counter c2 {
        comment "second"
        }
        quota q1 {
        over 10 mbytes used 100 bytes
        }
        limit l1 {
        rate 5/second burst 7 packets
        }
        limit l2 {
        rate over 10 kbytes/minute burst 2 kbytes
        }
        set d1 {
        type ipv4_addr
        size 100
        flags dynamic,timeout
        timeout 90m
        }
        set d2 {
        type inet_service
        flags dynamic
        counter
        }

        """

    /// Statements that do not decide.
    private static let statements = [
        "limit rate 5/second", "limit rate over 5/minute burst 1 packets", "limit rate 10 kbytes/hour",
        "limit rate over 100 kbytes/day burst 1 kbytes",
        "quota 5 mbytes", "quota over 500 bytes", "quota 10 kbytes used 1 kbytes", "counter name \"c1\"", "counter name \"c2\"",
        "quota name \"q1\"", "limit name \"l1\"", "limit name \"l2\"", "log", "log prefix \"in: \" level warn", "log prefix \"x\" group 3",
        "log level debug flags ip options", "meta mark set 5", "meta mark set 0xffffffff", "meta mark 5-7", "meta mark & 0xff == 3",
        "meta mark { 1, 0x10 }", "meta mark != 0",
    ]

    /// Such as read IPv4 or TCP by themselves.
    private static let statementsOfIPv4 = [
        "add @d1 { ip saddr }", "update @d1 { ip daddr timeout 5s }", "update @d1 { ip saddr limit rate 3/hour burst 2 packets }",
        "delete @d1 { ip saddr }", "add @d2 { tcp dport }", "update @d2 { udp dport }",
    ]

    /// Such as speak of connections, which only these families have everywhere.
    private static let statementsOfConnections = [
        "notrack", "ct mark set 5", "ct mark set meta mark", "meta mark set ct mark & 0xff", "ct mark set ct mark | 0x10",
        "ct mark set ct state map { new : 1, established : 2 }", "ct state established,related", "ct state ! new,invalid",
        "ct state new / new,invalid", "ct state != new | related", "ct direction . ct mark { original . 1 }",
    ]

    mutating func statement() -> String {
        switch Int.random(in: 0..<8, using: &random) {
        case 4 where [.inet, .ip, .ip6].contains(family): return random.pick(Self.statementsOfConnections)
        case 0: return family == .ip6 || family == .arp ? random.pick(Self.statements) : random.pick(Self.statementsOfIPv4)
        case 1:
            guard let kinds = keyKinds() else { return random.pick(Self.statements) }
            return "meta mark set \(words(kinds)) map { \(pairs(kinds) { "\($0)" }) }"
        case 2:
            guard let kinds = keyKinds() else { return random.pick(Self.statements) }
            return "\(words(kinds)) \(random.pick(["", "!= "])){ \(tuples(kinds).joined(separator: ", ")) }"
        case 3:
            guard let kinds = keyKinds() else { return random.pick(Self.statements) }
            return "\(words(kinds)) vmap { \(pairs(kinds) { $0 % 2 == 0 ? "accept" : "continue" }) }"
        default: return random.pick(Self.statements)
        }
    }

    /// Two or three fields that nft lists behind each other as they were written: of whole octets, and each of another header's layer or of
    /// one protocol.
    private mutating func keyKinds() -> [Kind]? {
        let groups = [
            ["ip saddr", "ip daddr"], ["ip saddr", "tcp dport"], ["ip daddr", "udp sport"], ["ip6 saddr", "ip6 daddr"],
            ["ip6 saddr", "tcp dport"],
            ["ip saddr", "ip daddr", "tcp dport"],
        ]
        let known = Self.kinds(in: family)
        let kinds = groups.map { group in group.compactMap { words in known.first { $0.words == words } } }
        let whole = zip(groups, kinds).filter { $0.count == $1.count }.map(\.1)
        return whole.isEmpty ? nil : random.pick(whole)
    }

    private func words(_ kinds: [Kind]) -> String { kinds.map(\.words).joined(separator: " . ") }

    /// One: several nft sorts by their octets, from the last on.
    private mutating func tuples(_ kinds: [Kind]) -> [String] {
        [kinds.map { random.pick($0.values) }.joined(separator: " . ")]
    }

    private mutating func pairs(_ kinds: [Kind], _ data: (Int) -> String) -> String {
        tuples(kinds).enumerated().map { "\($1) : \(data($0 + 1))" }.joined(separator: ", ")
    }

    /// A set or a map of concatenations, with what its elements may have.
    mutating func keyedSet(_ name: String) -> (declaration: String, use: String)? {
        guard let kinds = keyKinds() else { return nil }
        let types = kinds.map { $0.type ?? "" }.joined(separator: " . ")
        let type = random.oneIn(2) ? "type \(types)" : "typeof \(words(kinds))"
        let counter = random.oneIn(2) ? "counter\n" : ""
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            let declaration = "set \(name) {\n\(type)\n\(counter)elements = { \(tuples(kinds).joined(separator: ", ")) }\n}\n"
            return (declaration, "\(words(kinds)) \(random.pick(["", "!= "]))@\(name)")
        case 1:
            let elements = pairs(kinds) { $0 % 2 == 0 ? "drop" : "return" }
            return ("map \(name) {\n\(type) : verdict\n\(counter)elements = { \(elements) }\n}\n", "\(words(kinds)) vmap @\(name)")
        default:
            let data = type.hasPrefix("typeof") ? "meta mark" : "mark"
            let elements = pairs(kinds) { "\($0)" }
            return (
                "map \(name) {\n\(type) : \(data)\nelements = { \(elements) }\n}\n", "meta mark set \(words(kinds)) map @\(name)"
            )
        }
    }
}
