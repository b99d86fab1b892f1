import Classifier
import Ruleset
import Storage
import Testing

/// Elements that are put into sets, and taken out, while a program runs.
@Suite struct LiveSetTests {
    private static let second: UInt64 = 1_000_000_000

    private func program(_ sets: String) throws -> Program {
        let text = "table bridge t {\n\(sets)\n chain c {\n type filter hook forward priority 0;\n }\n}\n"
        return try Program(compiling: Ruleset.read(SourceFile(name: "t", text: text)).ruleset, ports: ["eth1", "eth2"])
    }

    private func at(_ seconds: UInt64) -> Instant { Instant(monotonic: seconds * Self.second, sinceEpoch: seconds * Self.second) }

    private func change(_ program: Program, _ elements: String, isRemoval: Bool = false, at now: UInt64 = 0) throws -> SetChangeOutcome {
        let index = try program.changingSet(named: "s").get()
        let change = try program.change(ofSet: index, elements: elements, isRemoval: isRemoval)
        var outcome = SetChangeOutcome()
        while outcome.place != nil { program.apply(change, &outcome, count: 2, at: at(now)) }
        return outcome
    }

    private func list(_ program: Program, at now: UInt64 = 0) -> [String] {
        let part = SetElementPart(capacity: 2)
        var elements: [String] = []
        repeat {
            program.read(part, ofSet: 0, at: at(now))
            elements += program.texts(of: part, ofSet: 0).map(\.element)
        } while part.place != nil
        return elements.sorted()
    }

    @Test(
        "elements of every type of key come back as they were written",
        arguments: [
            ("ipv4_addr", ["10.0.0.1", "192.0.2.255"]), ("ipv6_addr", ["::1", "fd77::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
            ("ether_addr", ["02:77:00:00:00:01"]), ("inet_service", ["53", "65535"]), ("mark", ["0x00000007"]),
            ("ifname", ["\"eth1\"", "\"eth2\""]), ("ipv4_addr . inet_service", ["10.0.0.1 . 80", "10.0.0.1 . 81"]),
            ("ipv6_addr . ipv6_addr . inet_service", ["::1 . fd77::2 . 9", "fd77::2 . ::1 . 9"]),
            ("ether_addr . ipv6_addr . ifname . ipv4_addr", ["02:77:00:00:00:01 . fd77::1 . \"eth2\" . 10.0.0.1"]),
        ] as [(String, [String])])
    func keys(_ type: String, _ elements: [String]) throws {
        let program = try program(" set s { type \(type); flags dynamic; size 100; }")
        let outcome = try change(program, elements.joined(separator: ", "))
        #expect(outcome.changed == elements.count && outcome.unchanged == 0 && outcome.refused == 0)
        #expect(list(program) == elements.sorted())
        #expect(try change(program, elements[0]).unchanged == 1)
        #expect(try change(program, elements[0], isRemoval: true).changed == 1)
        #expect(list(program) == elements.dropFirst().sorted())
        #expect(try change(program, elements[0], isRemoval: true).unchanged == 1)
    }

    @Test("timeouts are the element's, else the set's; what is full takes no more")
    func limits() throws {
        let program = try program(" set s { type inet_service; flags dynamic,timeout; timeout 10s; size 3; elements = { 1 } }")
        #expect(try change(program, "2 timeout 20s, 3, 4").refused == 1)
        #expect(list(program, at: 9) == ["1", "2", "3"] && list(program, at: 11) == ["2"] && list(program, at: 21).isEmpty)
        #expect(try change(program, "5, 6", at: 12).changed == 2)
    }

    @Test(
        "what is no element is refused",
        arguments: [
            "", "x", "1.2.3", "10.0.0.0/8", "10.0.0.1-10.0.0.9", "10.0.0.1 . 5", "10.0.0.1 }\nadd rule bridge t c drop #",
            "10.0.0.1 }\nadd set bridge t u { type mark; } ; add element bridge t u { 1", "10.0.0.1 : drop",
            "$x", "@s", "10.0.0.1 timeout 1s",
        ])
    func refused(_ text: String) throws {
        let program = try program(" set s { type ipv4_addr; flags dynamic; size 100; }")
        #expect(throws: SetChangeError.self) { try change(program, text) }
        #expect(list(program).isEmpty)
    }

    @Test("sets are found by name, and by table where there are several")
    func names() throws {
        let text = """
            table bridge a { set s { type mark; flags dynamic; }; }
            table inet b { set s { type mark; flags dynamic; }; set u { type mark; flags dynamic; }; set fixed { type mark; }; }
            """
        let program = try Program(compiling: Ruleset.read(SourceFile(name: "t", text: text)).ruleset, ports: ["eth1", "eth2"])
        #expect(try program.changingSet(named: "u").get() == 2 && program.changingSet(named: "inet b s").get() == 1)
        for name in ["s", "fixed", "", "a s"] { #expect(throws: SetChangeError.self) { try program.changingSet(named: name).get() } }
    }
}
