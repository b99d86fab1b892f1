import Ruleset
import Testing

@Suite struct ReadingCostTests {
    /// Texts that cost the same but for their octets, of which each costs 4.
    private static let pairs: [(description: String, text: String, same: String)] = [
        ("comments cost their octets", "accept\n", "accept # elements = { a, b, c }\n"),
        ("blanks cost their octets", "ip saddr 10.0.0.1 drop\n", "   ip\tsaddr   10.0.0.1 drop  \n\n\n"),
        ("a string is one", "log prefix \"a\"\n", "log prefix \"a, b; elements = { # c }\"\n"),
        ("lines of a set are no statements", "elements = { a, b }\n", "elements = { a,\nb }\n"),
    ]

    @Test(arguments: pairs.indices)
    func costsTheSame(_ index: Int) {
        let pair = Self.pairs[index]
        func cost(_ text: String) -> Int {
            var cost = ReadingCost()
            cost.add(text)
            return cost.bytes - 4 * text.utf8.count
        }
        #expect(cost(pair.text) == cost(pair.same), "\(pair.description)")
    }

    private static func bytes(_ text: String) -> Int {
        var cost = ReadingCost()
        cost.add(text)
        return cost.bytes
    }

    /// Lists of a thousand elements each, and whether they stay packed. `LIST` stands for a thousand addresses.
    private static let lists: [(text: String, isPacked: Bool)] = [
        ("set s { type ipv4_addr; elements = { LIST } }", true),
        ("set s { type ipv6_addr; elements = { WIDE } }", true),
        ("set s { typeof ip saddr; elements = { LIST } }", true),
        ("set s { type ipv4_addr; flags interval; elements = { LIST/32 } }", true),
        ("set s { elements = { LIST-10.0.0.9 }; type ipv4_addr; flags interval; }", true),
        // What is like them costs as much as any other element.
        ("set s { type ipv4_addr; elements = { LIST/32 } }", false),
        ("set s { type ipv4_addr; elements = { LIST, 80 } }", false),
        ("set s { type ipv4_addr; flags interval; elements = { LIST, 10.0.0.1/8 } }", false),
        ("set s { type ipv4_addr; elements = { LIST, ::1 } }", false),
        ("set s { type ipv4_addr . inet_service; elements = { LIST . 5 } }", false),
        ("set s { type ipv4_addr . inet_service; elements = { LIST } }", false),
        ("set s { type inet_service; elements = { LIST } }", false),
        ("set s { type ipv6_addr; elements = { LIST } }", false),
        ("set s { type ipv4_addr; elements = { LIST comment \"a\" } }", false),
        ("map m { type ipv4_addr : verdict; elements = { LIST : drop } }", false),
        ("map m { type ipv4_addr : mark; elements = { LIST : 5 } }", false),
        // What elements have beside their keys, also where it is written after them.
        ("set s { type ipv4_addr; flags timeout; elements = { LIST } }", false),
        ("set s { type ipv4_addr; elements = { LIST }; timeout 1h; }", false),
        ("set s { type ipv4_addr; flags dynamic; elements = { LIST } }", false),
        ("set s { type ipv4_addr; counter; elements = { LIST } }", false),
        ("set s { type ipv4_addr; elements = { LIST }; counter; }", false),
        ("set s { type ipv4_addr; limit rate 5/second; elements = { LIST } }", false),
        ("set s { type ipv4_addr; quota 5 mbytes; elements = { LIST } }", false),
        ("set s { type ipv4_addr; last; elements = { LIST } }", false),
        ("set s { type ipv4_addr; ct count over 5; elements = { LIST } }", false),
        // One set says nothing of the next.
        ("set a { type ipv4_addr; counter; }; set s { type ipv4_addr; elements = { LIST } }", true),
        ("set s { type ipv4_addr; elements = { LIST } }; set a { type ipv4_addr; counter; }", true),
        ("counter c { packets 5 bytes 6; }; set s { type ipv4_addr; elements = { LIST } }", true),
        // Commands name the set.
        ("set s { type ipv4_addr; }; };\nadd element inet t s { LIST };", true),
        ("set s { type ipv4_addr; flags timeout; }; };\nadd element inet t s { LIST };", false),
        ("set s { type ipv4_addr; }; set s { flags timeout; }; };\nadd element inet t s { LIST };", false),
        ("};\nadd set inet t s { type ipv4_addr; flags timeout; };\nadd element inet t s { LIST };", false),
        ("};\nadd element inet t s { LIST };", false),
        // Definitions cost by what they stand in.
        ("};\ndefine d = { LIST };", true),
        ("};\ndefine d = { LIST };\ntable inet t { set s { type ipv4_addr; elements = $d; };", true),
        ("};\ndefine d = { LIST };\ntable inet t { set s { type ipv4_addr; elements = $d; flags timeout; };", false),
        ("};\ndefine d = { LIST };\ntable inet t { chain c { ip saddr $d drop; };", false),
        ("};\ndefine d = { LIST };\ndefine e = { $d, $d };\ntable inet t { set s { type ipv4_addr; elements = $e; };", false),
        ("set s { type ipv4_addr; }; };\ndefine d = { LIST };\nadd element inet t s $d;", true),
        ("set s { type ipv4_addr; counter; }; };\ndefine d = { LIST };\nadd element inet t s $d;", false),
    ]

    @Test("lists of addresses that stay packed cost little, and others do not", arguments: lists)
    func packed(_ text: String, _ isPacked: Bool) {
        var body = text
        for (word, address) in [("LIST", "10.0.0.1"), ("WIDE", "2001:db8::1")] {
            guard let range = body.firstRange(of: word) else { continue }
            // What follows the word belongs to each of the elements.
            let tail = body[range.upperBound...].prefix { !",}".contains($0) }
            let list = Array(repeating: address + tail, count: 1000).joined(separator: ", ")
            body.replaceSubrange(range.lowerBound..<tail.endIndex, with: list)
        }
        let bytes = Self.bytes("table inet t { \(body); }\n")
        #expect((bytes < 1000 * 450) == isPacked, "\(bytes)")
        #expect(isPacked || bytes > 1000 * 1000, "\(bytes)")
    }

    @Test("definitions that double cost no more than what is read of them")
    func doubling() {
        let text = (1...64).map { "define d\($0) = { $d\($0 - 1), $d\($0 - 1) }\n" }.joined()
        #expect(Self.bytes("define d0 = { 1, 2 }\n" + text) < 4 << 30)
    }

    @Test("what one file declares holds for the next")
    func files() {
        let list = "add element inet t s { " + Array(repeating: "10.0.0.1", count: 1000).joined(separator: ", ") + " }\n"
        func bytes(_ flags: String) -> Int {
            var cost = ReadingCost()
            cost.add("table inet t { set s { type ipv4_addr; \(flags) }; }\n")
            cost.add(list)
            return cost.bytes
        }
        #expect(bytes("") < 1000 * 300)
        #expect(bytes("flags timeout;") > 1000 * 1000)
    }

    @Test(
        "elements of named sets, words and statements cost",
        arguments: [
            ("", 0), ("a\n", 220 + 3400 + 2 * 4), ("a;b\n", 3 * 220 + 2 * 3400 + 4 * 4),
            ("elements={a,b}\n", 7 * 220 + 2 * 1200 + 3400 + 15 * 4),
            ("{a,b}", 5 * 220 + 250 + 5 * 4), ("elementsx={a}", 5 * 220 + 13 * 4), ("}}}\n", 3 * 220 + 4 * 4),
        ])
    func costs(_ text: String, _ bytes: Int) { #expect(Self.bytes(text) == bytes) }
}
