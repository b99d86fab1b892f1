import Answers
import Classifier
import Decisions
import DescribedFrames
import Firewall
import Fragments
import FrameBuilder
import Ruleset
import Testing
import Wire

/// What the senders of rejected frames are told.
@Suite struct AnswerTests {
    private static let text = """
        table bridge t {
            chain forward {
                type filter hook forward priority 0; policy accept;
                tcp dport 22 reject with tcp reset
                udp dport 53 reject with icmpx admin-prohibited
                ip saddr 10.0.0.1 udp dport 54 reject with icmp host-unreachable
                udp dport 56 ip dscp set ef reject
                udp dport 55 drop
                icmp type echo-request reject
            }
        }

        """

    private static func firewall(_ mode: FragmentMode = .reassemble, rate: Int = 1_000) throws -> Firewall {
        let program = try Program(
            compiling: try Ruleset.read(SourceFile(name: "f", text: text)).ruleset, ports: ["near0", "far0"])
        return Firewall(
            program: program, counters: FirewallCounters(for: program), fragments: FragmentGatherer(mode: mode),
            answers: AnswerRate(perSecond: rate))
    }

    /// The answer's protocol, and of ICMP type and code.
    private static func answer(_ firewall: borrowing Firewall) -> [UInt8]? {
        let bytes = Array(firewall.answerBytes)
        guard !bytes.isEmpty else { return nil }
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        let number = frame.transportProtocol ?? 0
        return number == 6 ? [6] : [number] + bytes[frame.transportOffset..<frame.transportOffset + 2]
    }

    static let cases: [(frame: String, answer: [UInt8]?, outcome: AnswerWriter.Outcome, reason: Reason)] = [
        ("ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22", [6], .written, .reject),
        ("ip6 2001:db8::1 > 2001:db8::2 tcp 1 > 22", [6], .written, .reject),
        ("vlan 5 ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22", [6], .written, .reject),
        ("ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 rst", nil, .unanswerable, .reject),
        ("ip 10.0.0.1 > 10.0.0.2 tcp 1 > 23", nil, .none, .acceptByPolicy),
        ("ip 10.0.0.1 > 10.0.0.2 udp 1 > 53", [1, 3, 13], .written, .reject),
        ("ip6 2001:db8::1 > 2001:db8::2 udp 1 > 53", [58, 1, 1], .written, .reject),
        ("ip 10.0.0.1 > 10.0.0.2 udp 1 > 54", [1, 3, 1], .written, .reject),
        ("ip 10.0.0.1 > 10.0.0.2 udp 1 > 55", nil, .none, .rule),
        ("ip 10.0.0.1 > 10.0.0.2 udp 1 > 56", [1, 3, 3], .written, .reject),
        ("ip 10.0.0.1 > 10.0.0.2 icmp echo-request", [1, 3, 3], .written, .reject),
        ("ip 10.0.0.1 > 224.0.0.1 udp 1 > 53", nil, .unanswerable, .reject),
        ("ip 10.0.0.1 > 10.0.0.2 bad-checksum udp 1 > 53", nil, .unanswerable, .reject),
        ("ip 10.0.0.1 > 10.0.0.2 bad-checksum tcp 1 > 22", nil, .unanswerable, .reject),
        ("arp request", nil, .none, .acceptByPolicy),
    ]

    @Test("a frame, and what its sender is told", arguments: cases)
    func told(_ frame: String, _ answer: [UInt8]?, _ outcome: AnswerWriter.Outcome, _ reason: Reason) throws {
        var firewall = try Self.firewall()
        var bytes = try described(frame)
        let judgement = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
        #expect(judgement.reason == reason)
        #expect(judgement.verdict == (reason == .reject ? .reject : reason == .rule ? .drop : .accept))
        #expect(firewall.answerOutcome == outcome)
        #expect(Self.answer(firewall) == answer)
        // The next frame's answer is its own.
        var next = try described("arp request")
        _ = firewall.judge(&next, tag: nil, ingress: 0, at: noon)
        #expect(firewall.answerOutcome == .none && firewall.answerBytes.isEmpty)
    }

    @Test func `what a rule has changed is quoted as it is now`() throws {
        var firewall = try Self.firewall()
        var bytes = try described("ip 10.0.0.1 > 10.0.0.2 udp 1 > 56 payload 8")
        let judgement = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
        #expect(judgement.isChanged && judgement.verdict == .reject)
        #expect(Array(firewall.answerBytes[42...]) == Array(bytes[14...]))
        #expect(firewall.answerBytes[43] == 46 << 2)
    }

    @Test("a datagram in fragments is answered once", arguments: [FragmentMode.reassemble, .track])
    func fragments(_ mode: FragmentMode) throws {
        var firewall = try Self.firewall(mode)
        let parts = try (1...3).map { try described("ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment \($0) of 3") }
        var answers: [[UInt8]] = []
        for part in mode == .track ? parts : parts.reversed() {
            var bytes = part
            _ = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
            if let answer = Self.answer(firewall) { answers.append(answer) }
            for judgement in drain(&firewall) { #expect(judgement.verdict == .reject && judgement.reason == .reject) }
        }
        #expect(answers == [[1, 3, 13]])
    }

    @Test func `the rate is kept`() throws {
        var firewall = try Self.firewall(rate: 10)
        var outcomes: [AnswerWriter.Outcome] = []
        for _ in 0..<5 {
            var bytes = try described("ip 10.0.0.1 > 10.0.0.2 udp 1 > 53")
            _ = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
            outcomes.append(firewall.answerOutcome)
        }
        #expect(outcomes == [.written, .written, .overRate, .overRate, .overRate])
        var bytes = try described("ip 10.0.0.1 > 10.0.0.2 udp 1 > 53")
        _ = firewall.judge(&bytes, tag: nil, ingress: 1, at: noon)
        #expect(firewall.answerOutcome == .written, "the other port has a rate of its own")
    }

    @Test func `a connection that is rejected is not followed`() throws {
        let text = """
            table inet t {
                chain forward {
                    type filter hook forward priority 0; policy drop;
                    ct state established accept
                    tcp dport 22 reject with tcp reset
                }
            }

            """
        let program = try Program(compiling: try Ruleset.read(SourceFile(name: "f", text: text)).ruleset, ports: ["near0", "far0"])
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        for _ in 0..<3 {
            var bytes = try described("ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 syn")
            let judgement = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
            #expect(judgement.reason == .reject && firewall.answerOutcome == .written)
        }
        firewall.countFlows()
        #expect(counters.snapshot().flows[0] == 0)
    }
}
