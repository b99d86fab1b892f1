import FrameBuilder
import Ruleset
import Testing

/// Long lists of addresses are read straight into packed arrays. The general way is the reference: the same text, read without packing,
/// is the same rule set with the same places, or has the same mistakes.
struct PackedElementTests {
    private enum Outcome: Equatable {
        case accepted([Table], [Diagnostic])
        case refused([Diagnostic])
    }

    private static func read(_ text: String, packingFrom threshold: Int) -> Outcome {
        do throws(RejectedRuleset) {
            let (ruleset, warnings) = try Ruleset.read(SourceFile(name: "f", text: text), packingFrom: threshold)
            return .accepted(ruleset.tables, warnings)
        } catch {
            return .refused(error.diagnostics)
        }
    }

    private static func isPacked(_ text: String) throws -> Bool {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: text), packingFrom: 1).ruleset
        return ruleset.tables[0].sets[0].elements.packed != nil
    }

    private static func set(_ declaration: String, _ elements: String) -> String {
        "table bridge t {\n\tset s {\n\t\t\(declaration)\n\t\telements = {\(elements)}\n\t}\n}\n"
    }

    /// Elements, and if a set of IPv4 intervals holds them packed.
    static let lists: [(elements: String, isPacked: Bool)] = [
        (" 10.0.0.1, 10.0.0.2 ", true), ("10.0.0.1,10.0.0.2,", true), ("\n10.0.0.1,\n10.0.0.2\n", true),
        ("\n\t10.0.0.1, # first\n# a line\n\t10.0.0.2 # läst\n", true), (" 10.0.0.0/8, 11.0.0.0-11.0.0.9 ", true),
        ("0.0.0.0-255.255.255.255", true), ("0.0.0.0/0", true), ("10.0.0.1/32, 10.0.0.2-10.0.0.2", true),
        ("10.0.0.0-10.255.255.255, 12.0.0.0-12.0.0.2", true), ("1.1.1.1, 1.1.1.1, 1.1.1.1/32", true),
        ("10.0.0.1 comment \"x\"", false), ("10.0.0.1 - 10.0.0.2", false), ("10.0.0.7/8", false), ("10.0.0.1, *", false),
        ("10, 11", false),
    ]

    @Test("the plain form is packed, and means the same", arguments: lists.indices)
    func plain(_ index: Int) throws {
        let (elements, isPacked) = Self.lists[index]
        let text = Self.set("type ipv4_addr; flags interval", elements)
        #expect(try Self.isPacked(text) == isPacked)
        #expect(Self.read(text, packingFrom: 1) == Self.read(text, packingFrom: .max))
    }

    static let refused = [
        "\n\n10.0.0.1", "10.0.0.1 10.0.0.2", "10.0.0.256", "010.0.0.1", "10.0.0.1/33", "10.0.0.1/08", "10.0.0.9-10.0.0.1", ",10.0.0.1",
        "10.0.0.1,,10.0.0.2", "10.0.0.0/8, 10.1.0.0/16", "10.0.0.1, ::1", "::1", "10.0.0.1\r\n", "10.0.0.1x", "", "10.0.0.1/8s",
        "10.0.0.1 : accept", "10.0.0.1 timeout 5s", "{ }",
    ]

    @Test("mistakes are found at the same places", arguments: refused)
    func mistakes(_ elements: String) {
        let text = Self.set("type ipv4_addr; flags interval", elements)
        let general = Self.read(text, packingFrom: .max)
        if case .accepted = general { Issue.record("\(elements) is accepted") }
        #expect(Self.read(text, packingFrom: 1) == general)
    }

    /// Where addresses go that the lexer has packed: sets of every kind, and what takes none.
    static let places = [
        Self.set("type ipv4_addr", "{ 10.0.0.1 }"), Self.set("type ipv4_addr", "10.0.0.1, 10.0.0.2, 10.0.0.1"),
        Self.set("type ipv4_addr", "10.0.0.0/8"),
        Self.set("type ipv4_addr; size 1", "10.0.0.1, 10.0.0.2"), Self.set("type ipv4_addr; size 2", "10.0.0.1, 10.0.0.1, 10.0.0.2"),
        Self.set("type ipv4_addr; flags interval; auto-merge", "10.0.0.0/9, 10.128.0.0/9, 9.9.9.9, 10.0.0.0/10"),
        Self.set("type ipv4_addr; timeout 5s", "10.0.0.1, 10.0.0.2"), Self.set("type ipv4_addr; counter", "10.0.0.1, 10.0.0.2"),
        Self.set("type ipv4_addr; flags dynamic; size 9", "10.0.0.1, 10.0.0.2"), Self.set("type ipv6_addr", "::1, 2001:db8::, ::"),
        Self.set("type ipv6_addr", "10.0.0.1"), Self.set("type inet_service", "10.0.0.1, 10.0.0.2"),
        Self.set("type ether_addr", "10.0.0.1"), Self.set("typeof ip saddr; flags interval", "10.0.0.0/8, 11.0.0.1"),
        Self.set("type ipv4_addr . ipv4_addr", "10.0.0.1, 10.0.0.2"), Self.set("flags interval", "10.0.0.1"),
        "table ip t {\n set s {\n elements = { 1.1.1.1, 2.2.2.2 }\n type ipv4_addr\n elements = { 3.3.3.3, 1.1.1.1 }\n }\n}\n",
        "table ip t {\n set s {\n type ipv4_addr\n elements = { 1.1.1.1 comment \"a\" }\n elements = { 3.3.3.3, 1.1.1.1 }\n }\n}\n",
        "define x = { 1.1.1.1, 2.2.2.2 }\ntable ip t {\n set s {\n type ipv4_addr\n elements = $x\n }\n chain c { ip saddr $x drop\n }\n}\n",
        "define x = { 1.1.1.1, 2.2.2.2 }\ntable ip t {\n set s {\n type ipv4_addr\n elements = { $x, 3.3.3.3 }\n }\n}\n",
        "add table ip t\nadd set ip t s { type ipv4_addr; }\nadd element ip t s { 1.1.1.1, 2.2.2.2 }\nadd element t s { 3.3.3.3 }\n",
        "table ip t { set s { type ipv4_addr; }\n }\nadd element t s { 1.1.1.1, 2.2.2.2 }\ndelete element t s { 1.1.1.1 }\n",
        "table ip t { set s { type ipv4_addr; }\n }\nadd element t s { 1.1.1.1 }\ncreate element t s { 1.1.1.1, 2.2.2.2 }\n",
        "table ip t {\n map m {\n type ipv4_addr : verdict\n elements = { 1.1.1.1 }\n }\n}\n",
        "table ip t {\n set s { type ipv4_addr; elements = { 1.1.1.1, 2.2.2.2 }; }\n chain c { ip saddr != @s drop\n }\n}\n",
        "table ip n {\n chain c { type nat hook prerouting priority 0; }\n set s { type mark : x; elements = { 1.1.1.1, ::1 }\n }\n}\n",
        "table ip t {\n set s { type ipv4_addr; flags constant; elements = { 1.1.1.1 }\n }\n}\nadd element t s { 2.2.2.2 }\n",
    ]

    @Test("sets of every kind take packed addresses as they take others", arguments: places)
    func kinds(_ text: String) {
        #expect(Self.read(text, packingFrom: 1) == Self.read(text, packingFrom: .max), "\(text)")
    }

    @Test("random lists", arguments: 0..<300 as Range<UInt64>)
    func random(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let isWide = seed % 3 == 0
        func address() -> String {
            let last = Int.random(in: 0...40, using: &generator)
            guard isWide else { return "10.0.\(Int.random(in: 0...1, using: &generator)).\(last)" }
            return ["2001:db8::\(String(last, radix: 16))", "::\(last)", "2001:DB8:0:0:1:2:3:\(last)", "1::", "::"]
                .randomElement(using: &generator) ?? "::"
        }
        func element() -> String {
            switch Int.random(in: 0..<12, using: &generator) {
            case 0: "\(address())/\(isWide ? Int.random(in: 100...128, using: &generator) : Int.random(in: 20...32, using: &generator))"
            case 1: "\(address())-\(address())"
            case 2: isWide ? "fe80::/10" : "192.168.0.0/16"
            case 3 where seed % 5 == 0: ["10.0.0.1 .", "1.2.3", "x", "*", "a:b::c:d:e:f:1:2:3"].randomElement(using: &generator) ?? ""
            default: address()
            }
        }
        var elements = ""
        for index in 0..<Int.random(in: 1...30, using: &generator) {
            if index > 0 { elements += [",", ", ", ",\n", " ,\n\t\t", ", # c\n", ",\n# line\n"].randomElement(using: &generator) ?? "," }
            elements += element()
        }
        let declaration = "type \(isWide ? "ipv6_addr" : "ipv4_addr")"
        for flags in ["", "; flags interval", "; flags interval; auto-merge"] {
            let text = Self.set(declaration + flags, elements)
            #expect(Self.read(text, packingFrom: 1) == Self.read(text, packingFrom: .max), "\(text)")
        }
    }
}
