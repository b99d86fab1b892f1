import Classifier
import Decisions
import FrameBuilder
import Ruleset
import Storage
import Testing
import Wire

/// Two rule sets, and whether the second keeps what the first had come to.
struct InheritanceCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var before: String
    var after: String
    /// Why the set begins again; nil if it goes on.
    var reason: String?

    init(_ description: String, _ before: String, _ after: String, _ reason: String?) {
        testDescription = description
        self.before = before
        self.after = after
        self.reason = reason
    }
}

private let set = "set s { type ipv4_addr; size 8; timeout 1h; }"
private let judging = "ip saddr @s drop\nadd @s { ip saddr }"
private let declared = "its declaration has changed"

private let cases: [InheritanceCase] = [
    InheritanceCase("the same", "\(set)\nchain c { HOOK; \(judging)\n}", "\(set)\nchain c { HOOK; \(judging)\n}", nil),
    InheritanceCase(
        "comments, places and other rules", "\(set)\nchain c { HOOK; \(judging)\n}",
        "set other { type mark; flags dynamic; }\n\(set) # a comment\n chain c { HOOK; udp dport 1 accept\n ip saddr @s drop comment \"x\"\n add @s { ip saddr }\n}",
        nil),
    InheritanceCase(
        "a rule's own timeout", "\(set)\nchain c { HOOK; \(judging)\n}",
        "\(set)\nchain c { HOOK; ip saddr @s drop\nadd @s { ip saddr timeout 1m }\n}",
        nil),
    InheritanceCase(
        "one more rule with no statements of its own", "\(set)\nchain c { HOOK; \(judging)\n}",
        "\(set)\nchain c { HOOK; \(judging)\n udp dport 9 update @s { ip daddr }\n}", nil),
    InheritanceCase(
        "what only says how to keep it", "\(set)\nchain c { HOOK; \(judging)\n}",
        "set s { type ipv4_addr; size 8; timeout 1h; policy memory; gc-interval 5s; comment \"x\"; }\nchain c { HOOK; \(judging)\n}", nil),
    InheritanceCase(
        "another key", "\(set)\nchain c { HOOK; \(judging)\n}",
        "set s { type ether_addr; size 8; timeout 1h; }\nchain c { HOOK; ether saddr @s drop\nadd @s { ether saddr }\n}", declared),
    InheritanceCase(
        "more flags", "\(set)\nchain c { HOOK; \(judging)\n}",
        "map s { type ipv4_addr : mark; size 8; timeout 1h; }\nchain c { HOOK; meta mark set ip saddr map @s\n}", declared),
    InheritanceCase(
        "another size", "\(set)\nchain c { HOOK; \(judging)\n}",
        "set s { type ipv4_addr; size 9; timeout 1h; }\nchain c { HOOK; \(judging)\n}",
        declared),
    InheritanceCase(
        "another timeout", "\(set)\nchain c { HOOK; \(judging)\n}",
        "set s { type ipv4_addr; size 8; timeout 2h; }\nchain c { HOOK; \(judging)\n}", declared),
    InheritanceCase(
        "other statements",
        "set s { type ipv4_addr; size 8; flags dynamic; }\nchain c { HOOK; add @s { ip saddr limit rate 1/day } drop\n}",
        "set s { type ipv4_addr; size 8; flags dynamic; }\nchain c { HOOK; add @s { ip saddr limit rate 2/day } drop\n}",
        "the statements of its elements have changed"),
    InheritanceCase("gone", "\(set)\nchain c { HOOK; \(judging)\n}", "chain c { HOOK;\n}", "the new rules don't have it"),
    InheritanceCase(
        "a meter", "chain c { HOOK; meter m size 8 { ip saddr limit rate 1/day } drop\n}",
        "chain c { HOOK; meter m size 8 { ip saddr limit rate 1/day } drop comment \"x\"\n}", nil),
    InheritanceCase(
        "another meter", "chain c { HOOK; meter m size 8 { ip saddr limit rate 1/day } drop\n}",
        "chain c { HOOK; meter m size 8 { ip daddr limit rate 1/day } drop\n}", declared),
]

private func rules(of text: String) throws -> Ruleset {
    let whole = "table bridge t {\n\(text.replacing("HOOK", with: "type filter hook forward priority 0"))\n}\n"
    return try Ruleset.read(SourceFile(name: "t", text: whole)).ruleset
}

private func frame(_ host: Int) -> [UInt8] { Frame.ethernet().ipv4("10.0.0.\(host)", "10.0.1.1").udp(1, 2).payload(18).bytes }

private func at(_ seconds: Double) -> Instant {
    Instant(monotonic: noon.monotonic + UInt64(seconds * 1e9), sinceEpoch: noon.sinceEpoch + UInt64(seconds * 1e9))
}

/// A program, and those that follow it.
private struct Succession {
    var program: Program
    var kept = KeptState()
    private var handovers: [(StateHandover, Program, Program)] = []

    init(_ text: String) throws { program = try Program(compiling: rules(of: text), ports: ports, start: noon) }

    init(_ ruleset: Ruleset) throws { program = try Program(compiling: ruleset, ports: ports, start: noon) }

    mutating func follow(_ text: String, reset: StateInheritance.Reset? = nil, at seconds: Double = 0) throws {
        try follow(rules(of: text), reset: reset, at: seconds)
    }

    mutating func follow(_ ruleset: Ruleset, reset: StateInheritance.Reset? = nil, at seconds: Double = 0) throws {
        let inheritance = StateInheritance(from: program, reset: reset)
        let next = try Program(compiling: ruleset, ports: ports, start: at(seconds), inheriting: inheritance)
        next.commit()
        while inheritance.needsMerge { inheritance.merge(2, at: at(seconds)) }
        handovers.append((inheritance.handOver(to: next), program, next))
        kept = inheritance.outcome(at: at(seconds))
        program = next
    }

    /// No worker goes by the earlier ones any more.
    mutating func settle() {
        for (handover, older, newer) in handovers { handover.finish(from: older, to: newer) }
        handovers = []
    }

    func drops(_ bytes: [UInt8], at seconds: Double = 0) -> Bool {
        let parsed = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        return program.classify(bytes, parsed, ingress: 0, at: at(seconds), hits: HitCounters(for: program)).decision.verdict == .drop
    }

    /// Elements of the set, sorted.
    func elements(at seconds: Double = 0) -> [String] {
        let part = SetElementPart(capacity: 3)
        var elements: [String] = []
        repeat {
            program.read(part, ofSet: 0, at: at(seconds))
            elements += program.texts(of: part, ofSet: 0).map(\.element)
        } while part.place != nil
        return elements.sorted()
    }

    /// The same, with the nanoseconds that each has left.
    func lives(at seconds: Double) -> [String] {
        let part = SetElementPart(capacity: 100)
        program.read(part, ofSet: 0, at: at(seconds))
        return program.texts(of: part, ofSet: 0).map { "\($0.element) \($0.left ?? .max)" }.sorted()
    }

    func put(_ elements: String, isRemoval: Bool = false, at seconds: Double = 0) throws {
        let change = try program.change(ofSet: 0, elements: elements, isRemoval: isRemoval)
        var outcome = SetChangeOutcome()
        while outcome.place != nil { program.apply(change, &outcome, count: 2, at: at(seconds)) }
    }
}

@Suite struct InheritanceTests {
    @Test("a set goes on where its declaration is the same", arguments: cases)
    func sets(_ test: InheritanceCase) throws {
        var succession = try Succession(test.before)
        _ = succession.drops(frame(1))
        try succession.follow(test.after)
        if let reason = test.reason {
            #expect(succession.kept.keptSets.isEmpty)
            #expect(succession.kept.droppedSets.map(\.reason) == [reason])
        } else {
            #expect(succession.kept.droppedSets.isEmpty)
            #expect(succession.kept.keptSets.first?.elements == 1 && succession.kept.keptSets.count == 1)
        }
    }

    @Test("a ban outlives rules of which only a comment changes, with the time that is left to it; not a reset")
    func ban() throws {
        let text = "\(set)\nchain c { HOOK; \(judging)\n}"
        var succession = try Succession(text)
        #expect(!succession.drops(frame(1)) && succession.drops(frame(1)))
        try succession.follow(text + "# another comment", at: 3000)
        #expect(succession.drops(frame(1), at: 3000) && !succession.drops(frame(1), at: 3601))
        #expect(succession.drops(frame(1), at: 3602))
        try succession.follow(text, reset: .asked, at: 3603)
        #expect(succession.kept.droppedSets.map(\.reason) == ["it was asked for"])
        #expect(!succession.drops(frame(1), at: 3603))
    }

    @Test(
        "elements of the file come and go with it, and all others stay",
        arguments: [
            // The elements of the two files, what was put in and taken out between them, and what is there then.
            ("1, 2", "1, 3", "4", "", ["1", "3", "4"]), ("", "1", "2", "", ["1", "2"]), ("1", "", "2", "", ["2"]),
            ("1, 2", "1, 2", "", "1", ["1", "2"]), ("1", "2, 3", "2", "1", ["2", "3"]),
            // There is room for five.
            ("1, 2, 3", "7, 8, 9", "4, 5", "", ["4", "5", "7", "8", "9"]),
        ] as [(String, String, String, String, [String])])
    func fileElements(_ before: String, _ after: String, _ put: String, _ taken: String, _ expected: [String]) throws {
        func text(_ elements: String) -> String {
            "set s { type inet_service; flags dynamic; size 5;" + (elements.isEmpty ? "" : " elements = { \(elements) }")
                + " }\nchain c { HOOK;\n}"
        }
        var succession = try Succession(text(before))
        if !put.isEmpty { try succession.put(put) }
        if !taken.isEmpty { try succession.put(taken, isRemoval: true) }
        try succession.follow(text(after))
        #expect(succession.elements() == expected && succession.kept.refusedElements == 0)
        // The file's are still known as such.
        try succession.follow(text(""))
        let own = put.isEmpty ? [] : put.split(separator: ", ").map(String.init)
        #expect(succession.elements() == own.filter { !after.contains($0) })
    }

    @Test("an element of the file has what the file says of it")
    func changedElements() throws {
        func text(_ element: String) -> String {
            "set s { type inet_service; flags timeout; size 5; elements = { \(element) } }\nchain c { HOOK;\n}"
        }
        var succession = try Succession(text("1 timeout 10s"))
        try succession.follow(text("1 timeout 10s"), at: 6)
        #expect(succession.elements(at: 9) == ["1"] && succession.elements(at: 10).isEmpty)
        // One whose time is over begins again, and one that is to stay for ever stays.
        try succession.follow(text("1 timeout 10s"), at: 11)
        #expect(succession.elements(at: 20) == ["1"])
        try succession.follow(text("1"), at: 20)
        #expect(succession.elements(at: 99) == ["1"])
        try succession.follow(text("1 timeout 10s"), at: 100)
        #expect(succession.elements(at: 109) == ["1"] && succession.elements(at: 110).isEmpty)
    }

    @Test("what has no room is said")
    func refusedElements() throws {
        func text(_ elements: String) -> String {
            "set s { type inet_service; flags dynamic; size 3; elements = { \(elements) } }\nchain c { HOOK;\n}"
        }
        var succession = try Succession(text("1"))
        try succession.put("2, 3")
        try succession.follow(text("4, 5"))
        #expect(succession.kept.refusedElements == 1)
    }

    @Test("limits, quotas and last uses go on where their rule is the same, and count what the earlier rules still see")
    func cells() throws {
        let text = """
            limit l { rate 1/day burst 3 packets; }
            chain c { HOOK; limit name "l" udp dport 2 drop
            udp dport 2 last
            udp dport 2 quota 200 bytes drop
            }
            """
        var succession = try Succession(text)
        let older = succession
        for _ in 0..<2 { #expect(succession.drops(frame(1))) }
        try succession.follow(
            "chain other { }\n" + text.replacing("quota 200 bytes drop", with: "quota 200 bytes drop comment \"x\""), at: 1)
        #expect(succession.kept.kept.limits == 1 && succession.kept.kept.quotas == 1 && succession.kept.kept.lastUses == 1)
        #expect(succession.kept.dropped.isEmpty)
        // A worker that comes late: the bucket's last packet there, then 138 of 200 bytes.
        for second in 1...4 { _ = older.drops(frame(1), at: Double(second)) }
        succession.settle()
        #expect(succession.program.lastUses(at: at(10)).map { $0.last.used } == [6000])
        // One packet of the bucket is left, and one of the quota.
        #expect([11.0, 12, 13].map { succession.drops(frame(1), at: $0) } == [true, true, false])
        try succession.follow(text.replacing("burst 3", with: "burst 4"), at: 14)
        #expect(succession.kept.kept.limits == 0 && succession.kept.dropped.limits == 1 && succession.kept.kept.quotas == 1)
        for _ in 0..<4 { #expect(succession.drops(frame(1), at: 14)) }
    }

    @Test("the way back takes along what has come since")
    func wayBack() throws {
        let text = "quota q { over 100 bytes; }\nchain c { HOOK; quota name \"q\" drop\n}"
        let older = try Program(compiling: rules(of: text), ports: ports, start: noon)
        let inheritance = StateInheritance(from: older)
        let newer = try Program(compiling: rules(of: text + "\nchain d { }"), ports: ports, start: noon, inheriting: inheritance)
        let handover = inheritance.handOver(to: newer)
        let bytes = frame(1)
        let parsed = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        for _ in 0..<2 { _ = newer.classify(bytes, parsed, ingress: 0, at: noon, hits: HitCounters(for: newer)) }
        #expect(older.bytesUsed(ofQuota: 0) == 0)
        _ = handover.reversed(from: newer, to: older)
        #expect(older.bytesUsed(ofQuota: 0) == 92)
    }

    @Test(
        "what a merge has changed is taken back, wherever it is, and what came meanwhile stays",
        arguments: [0, 1, 3, 5, 100])
    func takenBack(_ steps: Int) throws {
        func text(_ elements: String) -> String {
            "set s { type ipv4_addr; size 16; flags timeout; quota over 100 bytes; elements = { \(elements) } }\nchain c { HOOK; ip saddr @s drop\n}"
        }
        let before = "10.0.0.1, 10.0.0.2 timeout 9s, 10.0.0.3, 10.0.0.4 timeout 20s"
        let succession = try Succession(text(before))
        for _ in 0..<2 { #expect(!succession.drops(frame(1))) }
        try succession.put("10.0.0.7")
        let there = succession.lives(at: 5)
        let inheritance = StateInheritance(from: succession.program)
        // Without the first, the second for ever, the third, a new one.
        let next = try rules(of: text("10.0.0.2, 10.0.0.3, 10.0.0.8"))
        let program = try Program(compiling: next, ports: ports, start: at(1), inheriting: inheritance)
        inheritance.recordMerge()
        for _ in 0..<steps where inheritance.needsMerge { inheritance.merge(2, at: at(2)) }
        if steps == 100 { #expect(succession.elements(at: 5) == ["10.0.0.2", "10.0.0.3", "10.0.0.7", "10.0.0.8"]) }
        inheritance.takeBackMerge()
        while inheritance.needsMerge { inheritance.merge(2, at: at(3)) }
        #expect(succession.lives(at: 5) == there && there.count == 5)
        // What the first has come to came back with it.
        #expect(succession.drops(frame(1), at: 5) && !succession.drops(frame(4), at: 5))
        // The next file has its own say.
        var after = succession
        try after.follow(text("10.0.0.8"), at: 6)
        #expect(after.elements(at: 6) == ["10.0.0.7", "10.0.0.8"])
        withExtendedLifetime(program) {}
    }

    @Test("elements of a set that rules don't change begin again, since those that expire alike share what knows when")
    func guards() throws {
        let text =
            "set s { type ipv4_addr; flags interval,timeout; elements = { 10.0.0.0/24 timeout 10s } }\nchain c { HOOK; ip saddr @s drop\n}"
        var succession = try Succession(text)
        try succession.follow(text, at: 6)
        #expect(succession.drops(frame(1), at: 15.9) && !succession.drops(frame(1), at: 16))
        try succession.follow(text, at: 17)
        #expect(succession.drops(frame(1), at: 26) && !succession.drops(frame(1), at: 27))
    }

    @Test("rules that are read again and again judge as if they had not been", arguments: 1...6 as ClosedRange<UInt64>)
    func equivalence(_ seed: UInt64) throws {
        var source = RandomRulesets(random: SeededGenerator(seed: seed), remembers: true)
        var (reloads, remembered) = (0, 0)
        for _ in 0..<150 {
            let ruleset = source.ruleset().onlyWhatGoesOn
            // What draws a number begins again.
            guard !["numgen", "meta random"].contains(where: ruleset.printed().contains) else { continue }
            let steady = try Program(compiling: ruleset, ports: ports, start: noon)
            var succession = try Succession(ruleset)
            var now = noon
            let frames = (0..<3).map { _ in source.frame() }
            for step in 0..<40 {
                now = source.later(than: now)
                let bytes = frames[source.random.pick([0, 1, 2])]
                if step % 4 == 3 {
                    try succession.follow(ruleset, at: Double(now.monotonic - noon.monotonic) / 1e9)
                    reloads += 1
                    remembered += succession.kept.keptSets.reduce(0) { $0 + $1.elements }
                }
                let parsed = ParsedFrame.parse(bytes.span.bytes, tag: nil)
                let (left, right) = (HitCounters(for: steady), HitCounters(for: succession.program))
                let expected = steady.classify(bytes, parsed, ingress: 0, at: now, hits: left)
                let found = succession.program.classify(bytes, parsed, ingress: 0, at: now, hits: right)
                try #require(found == expected, "\(ruleset.printed())")
            }
        }
        #expect(reloads > 50 && remembered > 5, "\(reloads) reloads, \(remembered) elements")
    }
}

extension Ruleset {
    /// Without what a reload brings back: elements of the file that are taken out or whose time is over, and the statements in maps to verdicts.
    fileprivate var onlyWhatGoesOn: Ruleset {
        var ruleset = self
        for table in ruleset.tables.indices {
            for index in ruleset.tables[table].sets.indices {
                var set = ruleset.tables[table].sets[index]
                if set.contents == .verdicts, set.changes {
                    set.dynamics.statements = []
                } else {
                    let isEmptied = set.changes
                    set.elements = SetElements(set.elements.filter { !isEmptied && set.lifetime(of: $0) == nil })
                }
                ruleset.tables[table].sets[index] = set
            }
        }
        return ruleset
    }
}
