import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Storage
import Testing
import Wire

/// What is recorded of one packet has to hold for all packets of its flow.
@Suite struct PathPropertyTests {
    /// One direction of a flow, and packets of it that differ in all that may.
    private struct Traffic {
        var random: SeededGenerator
        var isIPv6: Bool
        var number: UInt8
        var source: String
        var destination: String
        var ports: (UInt16, UInt16)
        var tag: UInt16?

        init(_ random: inout SeededGenerator) {
            self.random = SeededGenerator(seed: random.next())
            isIPv6 = random.oneIn(3)
            number = random.pick([6, 17, 17, 1, 136, 47])
            if isIPv6, number == 1 { number = 58 }
            source = random.pick(isIPv6 ? RandomRulesets.addresses6 : RandomRulesets.addresses)
            destination = random.pick(isIPv6 ? RandomRulesets.addresses6 : RandomRulesets.addresses)
            ports = (random.pick(RandomRulesets.ports), random.pick(RandomRulesets.ports))
            tag = random.oneIn(3) ? random.pick([5, 6, 4095]) : nil
        }

        /// - Parameter keepsAddresses: The MAC addresses are always the same.
        mutating func packet(keepsAddresses: Bool) -> (bytes: [UInt8], tag: VLANTag?) {
            let macs: [UInt64] = keepsAddresses ? [0x0200_0000_0002, 0x0200_0000_0001] : [random.next() >> 16, random.next() >> 16]
            let link = Frame.ethernet(to: macs[0], from: macs[1])
            let noise = UInt8(truncatingIfNeeded: random.next())
            var frame =
                isIPv6
                ? link.ipv6(source, destination, trafficClass: noise)
                : link.ipv4(source, destination, tos: noise, identification: UInt16(noise) &* 257, doNotFragment: noise & 1 == 1)
            let start = isIPv6 ? 54 : 34
            let length = Int(random.next() % 200)
            switch number {
            case 6: frame = frame.tcp(ports.0, ports.1, flags: [0x10, 0x18, 0x50, 0x90][Int(noise & 3)])
            case 17: frame = frame.udp(ports.0, ports.1)
            case 136: frame = frame.ports(ports.0, ports.1, of: 136)
            case 47: frame = frame.ipPayload(47, [0, 0, 8, 0])
            case 58: frame = frame.icmpv6(128)
            default: frame = frame.icmp(8)
            }
            frame = frame.payload(length)
            var patches: [(Int, [UInt8])] = [(isIPv6 ? 21 : 22, [noise])]
            let octets = (0..<20).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            switch number {
            case 6:
                patches.append((start + 4, Array(octets[..<8])))
                patches.append((start + 14, Array(octets[..<6])))
            case 1, 58:
                patches.append((start + 2, Array(octets[..<2])))
                patches.append((start + 6, Array(octets[..<2])))
            case 17, 136: patches.append((start + 6, Array(octets[..<2])))
            default: break
            }
            for (place, octets) in patches { frame = frame.patched(place, octets) }
            if isIPv6 { frame = frame.patched(16, Array(octets[..<2])) }
            let bytes = frame.bytes + [UInt8](repeating: noise, count: random.oneIn(3) ? 5 : 0)
            return (bytes, tag.map { VLANTag(tpid: 0x8100, tci: $0 | UInt16(noise & 7) << 13) })
        }

        /// What tracking knows of the connection: all the same but its age and its counts.
        mutating func connection(_ isReply: Bool) -> PacketConnection {
            var connection = PacketConnection(state: .established)
            connection.isFollowed = true
            connection.direction = isReply ? .reply : .original
            connection.networkProtocol = isIPv6 ? PacketConnection.ipv6 : PacketConnection.ipv4
            connection.transportProtocol = number
            connection.status = [.seenReply, .assured, .confirmed]
            connection.expiration = UInt32(truncatingIfNeeded: random.next())
            connection.originalCounts = PacketConnection.Counts(packets: random.next() % 1000, bytes: random.next() % 100_000)
            connection.replyCounts = PacketConnection.Counts(packets: random.next() % 1000, bytes: random.next() % 100_000)
            return connection
        }
    }

    @Test(
        "elements with timeouts or statements keep a flow back; what a negated match finds counts nothing",
        arguments: [
            ("ip saddr { 10.0.0.1 limit rate 1/hour burst 1 packets }", .set), ("ip saddr { 10.0.0.1 counter, 10.0.0.3 }", .set),
            ("ip saddr @timed", .set), ("ip saddr != @timed", .set), ("ip saddr { 10.0.0.3 counter, 10.0.0.1 }", nil),
            ("ip saddr != @counting", nil), ("ct zone 0", nil),
        ] as [(String, KeptBackCause?)])
    func elements(_ match: String, _ cause: KeptBackCause?) throws {
        let text = """
            table bridge t {
            set timed { type ipv4_addr; flags interval,timeout; elements = { 10.0.0.0/8 timeout 5s }; }
            set counting { type ipv4_addr; counter; elements = { 10.0.0.1 }; }
            chain c { type filter hook forward priority 0; \(match) accept
            accept
            }
            }

            """
        let program = try Program(compiling: Ruleset.read(SourceFile(name: "t", text: text)).ruleset, ports: ports)
        let bytes = Frame.ethernet(to: 2, from: 4).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).bytes
        let recorder = PathRecorder()
        recorder.begin()
        _ = program.record(
            bytes.span.bytes, ParsedFrame.parse(bytes.span.bytes, tag: nil), ingress: 0, at: Instant(monotonic: 0, sinceEpoch: 0),
            connection: .untracked, into: recorder)
        #expect(recorder.cause == cause && recorder.steps.allSatisfy { $0.described.kind == "rule" })
    }

    @Test(
        "whatever is carried gets the verdict and the counters that each of its packets would get", arguments: 1...4 as ClosedRange<UInt64>)
    func carried(seed: UInt64) throws {
        var source = RandomRulesets(random: SeededGenerator(seed: seed), remembers: seed % 2 == 0)
        let recorder = PathRecorder()
        var (carried, kept) = (0, Set<KeptBackCause>())
        for _ in 0..<80 {
            let ruleset = source.ruleset()
            let program = try Program(compiling: ruleset, ports: ports, indexing: source.random.oneIn(2) ? .always : .never)
            let interpreter = Interpreter(ruleset, ports: ports)
            for _ in 0..<12 {
                var traffic = Traffic(&source.random)
                let isReply = source.random.oneIn(2)
                let ingress = UInt8(source.random.pick([0, 1]))
                let (bytes, tag) = traffic.packet(keepsAddresses: true)
                let connection = traffic.connection(isReply)
                recorder.begin()
                let recorded = program.record(
                    bytes.span.bytes, ParsedFrame.parse(bytes.span.bytes, tag: tag), ingress: ingress,
                    at: Instant(monotonic: 0, sinceEpoch: 0),
                    connection: connection, into: recorder)
                if let cause = recorder.cause {
                    kept.insert(cause)
                    continue
                }
                carried += 1
                for number in 0..<4 as Range<UInt64> {
                    let (bytes, tag) = traffic.packet(keepsAddresses: recorder.readsAddresses)
                    let frame = ParsedFrame.parse(bytes.span.bytes, tag: tag)
                    try #require(frame.malformation == nil)
                    let now = Instant(monotonic: number * 3_000_000_000, sinceEpoch: number * 40_000_000_000_000)
                    let found = interpreter.classify(
                        bytes.span.bytes, frame, ingress: ingress, at: now, connection: traffic.connection(isReply))
                    let steps = recorder.steps.map(\.described)
                    func indices(_ kind: String) -> [Int] { steps.filter { $0.kind == kind }.map(\.index) }
                    let place: Comment = "frame \(bytes), tag \(String(describing: tag)), ingress \(ingress), \(ruleset)"
                    try #require(found.classification.verdict == .accept && found.classification.rule == recorded.rule, place)
                    try #require(found.matchedRules == indices("rule"), place)
                    try #require(found.counters == indices("counter"), place)
                    try #require(found.elements == indices("element"), place)
                    try #require(found.namedCounters == indices("object"), place)
                    try #require(found.events.isEmpty && found.lastUses.isEmpty && !found.classification.isChanged, place)
                }
            }
        }
        #expect(carried > 30)
        #expect(kept.count >= (seed % 2 == 0 ? 4 : 3), "\(kept)")
    }
}
