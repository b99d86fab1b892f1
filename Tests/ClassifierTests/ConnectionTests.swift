import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Testing
import Wire

/// Rules of a chain at forward whose policy is drop, and whether they accept a packet of that connection.
private struct ConnectionCase: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var rules: String
    var connection: PacketConnection
    var isAccepted: Bool
    var family: Family
    /// What has become of the connection's mark.
    var mark: UInt32?

    init(
        _ description: String, _ rules: String, _ connection: PacketConnection, _ isAccepted: Bool, in family: Family = .inet,
        mark: UInt32? = nil
    ) {
        testDescription = description
        self.rules = rules
        self.connection = connection
        self.isAccepted = isAccepted
        self.family = family
        self.mark = mark
    }
}

/// A datagram's connection from 10.0.0.1 port 40000 to 10.0.0.2 port 53, in the state.
private func datagrams(
    _ state: PacketConnection.State, _ change: (inout PacketConnection) -> Void = { _ in }
) -> PacketConnection {
    var connection = PacketConnection(state: state)
    connection.isFollowed = true
    connection.networkProtocol = 2
    connection.transportProtocol = 17
    connection.original = .init(sourceAddress: 0x0a00_0001, destinationAddress: 0x0a00_0002, sourcePort: 40_000, destinationPort: 53)
    connection.reply = .init(sourceAddress: 0x0a00_0002, destinationAddress: 0x0a00_0001, sourcePort: 53, destinationPort: 40_000)
    connection.status = state == .new ? [] : [.seenReply, .confirmed]
    connection.expiration = 30_000
    connection.mark = 5
    connection.originalCounts = .init(packets: 3, bytes: 200)
    connection.replyCounts = .init(packets: 2, bytes: 1_000)
    change(&connection)
    return connection
}

private let new = datagrams(.new)
private let established = datagrams(.established)

/// As net/netfilter/nft_ct.c reads them.
private let cases: [ConnectionCase] = [
    ConnectionCase("the state", "ct state new accept", new, true),
    ConnectionCase("another state", "ct state established accept", new, false),
    ConnectionCase("one of several", "ct state established,related accept", established, true),
    ConnectionCase("none of several", "ct state established,related accept", new, false),
    ConnectionCase("by a map", "ct state vmap { established : accept, invalid : drop }", established, true),
    ConnectionCase("not the state", "ct state != invalid accept", new, true),
    ConnectionCase("what tracking found invalid", "ct state invalid accept", .invalid, true),
    ConnectionCase("what is not followed is not invalid", "ct state invalid accept", .untracked, false),
    ConnectionCase("what is not followed", "ct state untracked accept", .untracked, true),
    ConnectionCase("no connection has no direction", "ct direction original accept", .untracked, false),
    ConnectionCase("nor one that it is not", "ct direction != reply accept", .invalid, false),
    ConnectionCase("nor a mark", "ct mark 0 accept", .untracked, false),
    ConnectionCase("nor a mark that it is not", "ct mark != 1 accept", .invalid, false),
    ConnectionCase("nor bytes", "ct bytes 0 accept", .untracked, false),
    ConnectionCase("the way there", "ct direction original accept", new, true),
    ConnectionCase("the way back", "ct direction reply accept", datagrams(.established) { $0.direction = .reply }, true),
    ConnectionCase("a bit of the status", "ct status seen-reply accept", established, true),
    ConnectionCase("no bit of the status", "ct status assured,dying accept", established, false),
    ConnectionCase("the mark", "ct mark 5 accept", new, true),
    ConnectionCase("the mark's bits", "ct mark & 4 == 4 accept", new, true),
    ConnectionCase("the time that is left", "ct expiration 30s accept", new, true),
    ConnectionCase("less than a time", "ct expiration < 30s accept", new, false),
    ConnectionCase("where it comes from", "ct original ip saddr 10.0.0.1 accept", new, true),
    ConnectionCase("where answers come from", "ct reply ip saddr 10.0.0.2 accept", new, true),
    ConnectionCase("an address of the other family", "ct original ip6 saddr != fd77::1 accept", new, false),
    ConnectionCase("the short form", "ip saddr 10.0.0.1 ct original daddr 10.0.0.0/24 accept", new, true),
    ConnectionCase("a port", "meta l4proto udp ct original proto-dst 53 accept", new, true),
    ConnectionCase("the other port", "meta l4proto udp ct reply proto-dst 53 accept", new, false),
    ConnectionCase("the protocols", "ct l3proto ipv4 ct protocol udp accept", new, true),
    ConnectionCase("bytes of one way", "ct reply bytes 1000 accept", new, true),
    ConnectionCase("packets of both ways", "ct packets 5 accept", new, true),
    ConnectionCase("the average of both ways", "ct avgpkt 240 accept", new, true),
    ConnectionCase(
        "no average of no packets", "ct avgpkt 0 accept",
        datagrams(.new) {
            $0.originalCounts = .init(); $0.replyCounts = .init()
        }, true),
    ConnectionCase("on a bridge too", "ct state established accept", established, true, in: .bridge),
    ConnectionCase("in a set of several fields", "ct state . ip saddr { new . 10.0.0.1 } accept", new, true, in: .ip),
    ConnectionCase("a mark that is set", "ct mark set 7 ct mark 7 accept", new, true, mark: 7),
    ConnectionCase("bits of a mark", "ct mark set ct mark & 4 | 2 accept", new, true, mark: 6),
    ConnectionCase("the packet's mark", "meta mark set 9 ct mark set meta mark accept", new, true, mark: 9),
    ConnectionCase("and the other way round", "meta mark set ct mark meta mark 5 accept", new, true, mark: 5),
    ConnectionCase("a mark by a map", "ct mark set ct state map { new : 8 } accept", new, true, mark: 8),
    ConnectionCase("a map without the key ends the rule", "ct mark set ct state map { related : 8 } accept", new, false, mark: 5),
    ConnectionCase("no connection takes no mark, and the rule goes on", "ct mark set 7 accept", .untracked, true, mark: 0),
    ConnectionCase("no connection's mark can't be copied", "meta mark set ct mark accept", .invalid, false),
    ConnectionCase("an invalid packet can still be left alone", "notrack ct state untracked accept", .invalid, true),
    ConnectionCase("what is followed already stays so", "notrack ct state new accept", new, true),
]

/// The datagram of those connections.
private let bytes = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(40_000, 53).payload(18).bytes

@Suite struct ConnectionTests {
    private let live = HalfLive()

    private func read(_ text: String) throws -> (program: Program, interpreter: Interpreter) {
        let ruleset = try Ruleset.read(SourceFile(name: "rules", text: text)).ruleset
        return (try Program(compiling: ruleset, ports: ports), Interpreter(ruleset, ports: ports))
    }

    /// - Parameter connection: As rules have left it, afterwards.
    private func run(
        _ program: Program, section: PathSection = .whole, after before: Classification = .none, _ connection: inout PacketConnection,
        _ hits: HitCounters? = nil
    ) -> Classification {
        var frame = bytes
        var parsed = ParsedFrame.parse(frame.span.bytes, tag: nil)
        return run(program, section: section, after: before, &connection, hits ?? HitCounters(for: program), &frame, &parsed)
    }

    private func run(
        _ program: Program, section: PathSection = .whole, after before: Classification = .none, _ connection: inout PacketConnection,
        _ hits: HitCounters, _ frame: inout [UInt8], _ parsed: inout ParsedFrame
    ) -> Classification {
        var span = frame.mutableSpan
        var raw = span.mutableBytes
        return program.classify(
            &raw, &parsed, ingress: 0, at: noon, section: section, after: before, connection: &connection, live: live, hits: hits)
    }

    @Test("a rule reads a connection as the kernel does", arguments: cases)
    private func reading(_ testCase: ConnectionCase) throws {
        let text = "table \(testCase.family) t {\nchain c { type filter hook forward priority 0; policy drop; \(testCase.rules); }\n}\n"
        let (program, interpreter) = try read(text)
        var connection = testCase.connection
        let found = run(program, &connection)
        #expect((found.verdict == .accept) == testCase.isAccepted)
        if let mark = testCase.mark { #expect(connection.mark == mark) }
        let walked = interpreter.classify(
            bytes.span.bytes, ParsedFrame.parse(bytes.span.bytes, tag: nil), ingress: 0, at: noon, connection: testCase.connection)
        #expect(walked.classification == found && walked.connection == connection)
    }

    @Test(
        "as much is to be followed as rules read",
        arguments: [
            ("udp dport 53", []), ("ct state new", .state), ("notrack", .state), ("ct original ip saddr 10.0.0.1", [.state, .tuples]),
            ("ct bytes > 5", [.state, .accounting]), ("ct expiration > 5s", [.state, .expiration]), ("ct mark set 1", [.state, .mark]),
            ("ct timeout set \"a\"", [.state, .timeouts]), ("meta mark set ct mark", [.state, .mark]),
        ] as [(String, ConnectionNeeds)])
    func needs(rule: String, needs: ConnectionNeeds) throws {
        let timeout = "ct timeout a {\nprotocol udp;\n}\n"
        let (program, _) = try read("table inet t {\n\(timeout)chain c { type filter hook forward priority 0; \(rule); }\n}\n")
        #expect(program.connectionNeeds == needs)
    }

    @Test(
        "chains in front of tracking",
        arguments: [
            ("inet", -300, "prerouting", 1), ("inet", -200, "prerouting", 0), ("inet", -201, "prerouting", 1),
            ("bridge", -300, "prerouting", 1),
            ("inet", -300, "forward", 0),
        ])
    func sections(family: String, priority: Int, hook: String, count: Int) throws {
        let text = """
            table \(family) t {
            chain a { type filter hook \(hook) priority \(priority); notrack; meta mark set 3; }
            chain b { type filter hook forward priority 0; ct state untracked meta mark 3 drop; }
            }

            """
        let (program, interpreter) = try read(text)
        #expect(program.chainsBeforeTracking == count)
        var connection = PacketConnection.invalid
        let before = run(program, section: .beforeTracking, &connection)
        #expect(before.verdict == .accept)
        #expect(connection.state == (count == 1 ? .untracked : .invalid))
        let walked = interpreter.classify(
            bytes.span.bytes, ParsedFrame.parse(bytes.span.bytes, tag: nil), ingress: 0, at: noon, section: .beforeTracking,
            connection: .invalid)
        #expect(walked.connection == connection)
        #expect(run(program, section: .afterTracking, after: before, &connection).verdict == .drop)
    }

    @Test func `a chain of a bridge behind tracking has it take place before those of the packet`() throws {
        let text = """
            table bridge b {
            chain c { type filter hook prerouting priority -150; counter; }
            }
            table inet t {
            chain c { type filter hook prerouting priority -300; notrack; }
            }

            """
        #expect(try read(text).program.chainsBeforeTracking == 0)
    }

    @Test func `timeouts are given to new connections of their protocol`() throws {
        let text = """
            table inet t {
            ct timeout a {
            protocol tcp;
            }
            ct timeout b {
            protocol udp;
            policy = { unreplied : 5 };
            }
            chain c { type filter hook forward priority 0; ct timeout set "b"; ct timeout set "a"; }
            }

            """
        let (program, _) = try read(text)
        #expect(program.connectionTimeouts.map(\.name) == ["a", "b"])
        #expect(program.connectionTimeouts[1].timeout.policy == [.unreplied: 5])
        for (before, given) in [(new, 1), (established, nil), (PacketConnection.untracked, nil)] as [(PacketConnection, Int?)] {
            var connection = before
            #expect(run(program, &connection).verdict == .accept)
            #expect(connection.timeoutPolicy == given)
        }
    }

    @Test("a program reads and writes connections as the interpreter does, in one go and in two", arguments: 1...8 as ClosedRange<UInt64>)
    func equivalence(_ seed: UInt64) throws {
        var source = RandomRulesets(random: SeededGenerator(seed: seed))
        var connections = RandomConnections(random: SeededGenerator(seed: seed &+ 100))
        var seen: [String: Int] = [:]
        for _ in 0..<200 {
            let ruleset = connections.speaking(source.ruleset())
            let program = try Program(compiling: ruleset, ports: ports)
            let interpreter = Interpreter(ruleset, ports: ports)
            for _ in 0..<20 {
                let frame = source.frame()
                let given = connections.connection()
                let parsed = ParsedFrame.parse(frame.span.bytes, tag: nil)
                let hits = HitCounters(for: program)
                var connection = given
                var (changed, reparsed) = (frame, parsed)
                let found = run(program, &connection, hits, &changed, &reparsed)
                let walked = interpreter.classify(frame.span.bytes, parsed, ingress: 0, at: noon, connection: given, live: live)
                try #require(found == walked.classification, "\(frame) \(given) \(ruleset)")
                try #require(connection == walked.connection, "\(frame) \(given) \(ruleset)")
                let matched = program.rules.indices.filter { hits.rule($0).frames > 0 }
                try #require(matched == Set(walked.matchedRules).sorted(), "\(frame) \(given) \(ruleset)")
                if connection != given { seen["written", default: 0] += 1 }
                if found.mark != 0 { seen["marked", default: 0] += 1 }
                seen["\(found.verdict)", default: 0] += 1

                // Two sections say what the whole says.
                let parts = HitCounters(for: program)
                var passed = given
                (changed, reparsed) = (frame, parsed)
                var result = run(program, section: .beforeTracking, &passed, parts, &changed, &reparsed)
                if result.verdict == .accept {
                    result = run(program, section: .afterTracking, after: result, &passed, parts, &changed, &reparsed)
                    if program.chainsBeforeTracking > 0 { seen["in two", default: 0] += 1 }
                }
                try #require(result == found && passed == connection, "\(frame) \(given) \(ruleset)")
                try #require(program.rules.indices.allSatisfy { parts.rule($0) == hits.rule($0) })
            }
        }
        #expect(seen.count == 6 && seen.values.allSatisfy { $0 > 50 }, "\(seen)")
    }
}
