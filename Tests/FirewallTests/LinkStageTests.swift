import Answers
import Classifier
import Decisions
import DescribedFrames
import Firewall
import Fragments
import FrameBuilder
import Ruleset
import Segmentation
import Storage
import Testing
import Wire

/// What becomes of packets that are too big for the other port.
@Suite struct LinkStageTests {
    private static func firewall(
        _ handling: TooBigHandling = .fragment, _ mode: FragmentMode = .reassemble, rules: String = "", rate: Int = 1_000
    ) throws -> Firewall {
        let text = "table bridge t {\n chain forward {\n type filter hook forward priority 0; policy accept;\n \(rules)\n }\n}\n"
        let program = try Program(compiling: try Ruleset.read(SourceFile(name: "f", text: text)).ruleset, ports: ["near0", "far0"])
        return Firewall(
            program: program, counters: FirewallCounters(for: program), fragments: FragmentGatherer(mode: mode),
            answers: AnswerRate(perSecond: rate), links: LinkLimits(mtus: (1_500, 1_000), handling: handling))
    }

    /// The MTU that the last frame's sender was told; nil if it was told nothing.
    private static func told(_ firewall: borrowing Firewall) -> UInt32? {
        let bytes = Array(firewall.answerBytes)
        guard !bytes.isEmpty else { return nil }
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        return UInt32(bytes[frame.transportOffset + 6]) << 8 | UInt32(bytes[frame.transportOffset + 7])
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var frame: String
        var handling: TooBigHandling
        var ingress: UInt8 = 0
        var reason = Reason.acceptByPolicy
        var inFragments = false
        var told: UInt32?
        var losesTrailer = false
        var testDescription: String { "\(handling), \(frame), by port \(ingress)" }
    }

    private static let free = "ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload "
    private static let fixed = "ip 10.0.0.1 > 10.0.0.2 df udp 1 > 2 payload "
    private static let six = "ip6 2001:db8::1 > 2001:db8::2 udp 1 > 2 payload "

    static let cases: [Case] = [
        Case(frame: free + "972", handling: .fragment), Case(frame: free + "973", handling: .fragment, inFragments: true),
        Case(frame: free + "1472", handling: .fragment, ingress: 1),
        Case(frame: free + "973", handling: .answer, reason: .tooBig), Case(frame: free + "973", handling: .drop, reason: .tooBig),
        Case(frame: fixed + "972", handling: .fragment), Case(frame: fixed + "973", handling: .fragment, reason: .tooBig, told: 1_000),
        Case(frame: fixed + "973", handling: .answer, reason: .tooBig, told: 1_000),
        Case(frame: fixed + "973", handling: .drop, reason: .tooBig),
        Case(frame: fixed + "1473", handling: .answer, ingress: 1, reason: .tooBig, told: 1_500),
        Case(frame: six + "952", handling: .fragment), Case(frame: six + "953", handling: .fragment, reason: .tooBig, told: 1_000),
        Case(frame: "vlan 5 " + free + "972", handling: .fragment),
        Case(frame: "vlan 5 vlan 6 " + free + "973", handling: .fragment, inFragments: true),
        Case(frame: "vlan 5 " + fixed + "973", handling: .fragment, reason: .tooBig, told: 1_000),
        Case(frame: "ip 10.0.0.1 > 224.0.0.9 udp 1 > 2 payload 973", handling: .fragment, inFragments: true),
        // A trailer makes no packet too big.
        Case(frame: fixed + "10 pad 1018", handling: .fragment), Case(frame: fixed + "972 pad 1018", handling: .drop),
        Case(frame: fixed + "10 pad 1019", handling: .fragment, losesTrailer: true),
        Case(frame: free + "972 pad 1200", handling: .fragment, losesTrailer: true),
        Case(frame: six + "952 pad 1200", handling: .answer, losesTrailer: true),
        Case(frame: "vlan 5 " + fixed + "10 pad 1018", handling: .fragment),
        Case(frame: "vlan 5 " + fixed + "10 pad 1019", handling: .fragment, losesTrailer: true),
        Case(frame: free + "973 pad 1200", handling: .fragment, inFragments: true),
        Case(frame: fixed + "973 pad 1200", handling: .fragment, reason: .tooBig, told: 1_000),
        // What isn't IP has the room that a bridge gives it.
        Case(frame: "ether type 0x88b5 payload 1004", handling: .fragment),
        Case(frame: "ether type 0x88b5 payload 1005", handling: .fragment, reason: .tooBig),
        Case(frame: "vlan 5 type 0x88b5 payload 1004", handling: .fragment),
        Case(frame: "vlan 5 type 0x88b5 payload 1005", handling: .fragment, reason: .tooBig),
        // A router takes neither.
        Case(frame: "ip 10.0.0.1 > 10.0.0.2 bad-checksum udp 1 > 2 payload 973", handling: .fragment, reason: .tooBig),
        Case(frame: "ip 10.0.0.1 > 10.0.0.2 df bad-checksum udp 1 > 2 payload 973", handling: .fragment, reason: .tooBig),
    ]

    @Test("a frame, and what becomes of it", arguments: cases)
    func settled(_ test: Case) throws {
        var firewall = try Self.firewall(test.handling)
        var bytes = try described(test.frame)
        let judgement = firewall.judge(&bytes, tag: nil, ingress: test.ingress, at: noon)
        #expect(judgement.reason == test.reason && judgement.leavesInFragments == test.inFragments)
        #expect(judgement.losesTrailer == test.losesTrailer)
        #expect(judgement.verdict == (test.reason == .tooBig ? .drop : .accept))
        #expect(Self.told(firewall) == test.told)
    }

    @Test func `rules say first what becomes of it`() throws {
        var firewall = try Self.firewall(rules: "udp dport 2 drop")
        var bytes = try described(Self.fixed + "1200")
        #expect(firewall.judge(&bytes, tag: nil, ingress: 0, at: noon).reason == .rule)
        #expect(firewall.answerOutcome == .none)
    }

    private static let changing = "ip daddr set 10.0.0.9 ip dscp set ef udp dport set 9\n ip6 daddr set 2001:db8::9 udp dport set 9"

    @Test("the sender is told of the packet that it has sent", arguments: [fixed + "1200", six + "1200", "vlan 5 " + fixed + "9000"])
    func unchangedQuote(_ packet: String) throws {
        var firewall = try Self.firewall(rules: Self.changing)
        let before = try described(packet)
        var bytes = before
        let judgement = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
        #expect(judgement.reason == .tooBig && judgement.isChanged && bytes != before)
        try Self.expectQuote(of: before, Array(firewall.answerBytes))
    }

    private static func expectQuote(of packet: [UInt8], _ answer: [UInt8]) throws {
        let (sent, told) = (ParsedFrame.parse(packet.span.bytes, tag: nil), ParsedFrame.parse(answer.span.bytes, tag: nil))
        try #require(told.hasTransport)
        #expect(told.source == sent.destination && told.destination == sent.source)
        let quote = answer[(told.transportOffset + 8)..<told.networkEnd]
        #expect(quote.count > 500 && packet[sent.networkOffset...].starts(with: quote))
    }

    @Test("a datagram's sender is told of the fragment that it has sent", arguments: [FragmentMode.reassemble, .track])
    func unchangedFragment(_ mode: FragmentMode) throws {
        var firewall = try Self.firewall(.fragment, mode, rules: Self.changing)
        let parts = try (1...3).map { try described(Self.six + "3300 fragment \($0) of 3") }
        var answers: [[UInt8]] = []
        for part in parts {
            var bytes = part
            _ = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
            if Self.told(firewall) != nil { answers.append(Array(firewall.answerBytes)) }
            for judgement in drain(&firewall) { #expect(judgement.reason == .tooBig) }
        }
        #expect(answers.count == (mode == .track ? 3 : 1))
        for (part, answer) in zip(parts, answers) { try Self.expectQuote(of: part, answer) }
    }

    @Test func `too big is a reason of its own, and each frame has one`() throws {
        let program = try program(policy: .accept, [])
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters, links: LinkLimits(mtus: (1_000, 1_000)))
        var bytes = try described(Self.fixed + "1200")
        _ = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
        #expect(counters.snapshot()[.tooBig].frames == 1 && counters.snapshot()[.acceptByPolicy].frames == 0)
    }

    @Test("super-frames go by their segments, and are never cut", arguments: [true, false])
    func superFrames(df: Bool) throws {
        let tcp = OffloadHeader(flags: 1, type: 1, segmentSize: 960, checksumStart: 34, checksumOffset: 16)
        var larger = tcp
        larger.segmentSize = 961
        for (offload, reason) in [(tcp, Reason.acceptByPolicy), (larger, .tooBig)] {
            var firewall = try Self.firewall()
            var bytes = try described("ip 10.0.0.1 > 10.0.0.2 \(df ? "df " : "")tcp 1 > 2 payload 9000")
            var span = bytes.mutableSpan
            var raw = span.mutableBytes
            let judgement = firewall.judge(
                &raw, tag: nil, isChecksumPartial: true, zeroLength: .superFrame, offload: offload, ingress: 0, at: noon)
            #expect(judgement.reason == reason && !judgement.leavesInFragments)
            #expect(Self.told(firewall) == (reason == .tooBig ? 1_000 : nil))
        }
    }

    /// Judges the parts of a datagram, and returns what became of them and how often the sender was told.
    private static func judge(
        _ text: String, _ handling: TooBigHandling, _ mode: FragmentMode = .reassemble, patch: (inout [[UInt8]]) -> Void = { _ in }
    ) throws -> (reasons: [Reason], inFragments: [Bool], told: Int) {
        var firewall = try Self.firewall(handling, mode)
        var parts = try (1...3).map { try described(text + " fragment \($0) of 3") }
        patch(&parts)
        var judgements: [Judgement] = []
        var told = 0
        for part in parts {
            var bytes = part
            let judgement = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
            if Self.told(firewall) != nil { told += 1 }
            if judgement.verdict != .hold { judgements.append(judgement) }
            judgements += drain(&firewall)
        }
        return (judgements.map(\.reason), judgements.map(\.leavesInFragments), told)
    }

    @Test("all fragments of a datagram leave, or none", arguments: [TooBigHandling.drop, .answer, .fragment])
    func datagrams(_ handling: TooBigHandling) throws {
        // Three fragments of which the last fits.
        let four = try Self.judge("ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload 3300", handling)
        let fits = handling == .fragment
        #expect(four.reasons == (fits ? [.acceptByPolicy, .acceptByPolicy, .acceptByPolicy] : [.tooBig, .tooBig, .tooBig]))
        #expect(four.inFragments == [fits, fits, fits])
        #expect(four.told == 0)
        let six = try Self.judge("ip6 2001:db8::1 > 2001:db8::2 udp 1 > 2 payload 3300", handling)
        #expect(six.reasons == [.tooBig, .tooBig, .tooBig] && six.told == (handling == .drop ? 0 : 1))
    }

    @Test func `one fragment with DF that doesn't fit keeps all back`() throws {
        let fixed = try described(Self.fixed + "3300 fragment 1 of 3")
        let result = try Self.judge("ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload 3300", .fragment) { $0[0] = fixed }
        #expect(result.reasons == [.tooBig, .tooBig, .tooBig] && result.told == 1)
    }

    @Test func `tracked fragments go each by itself`() throws {
        let four = try Self.judge("ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload 3300", .fragment, .track)
        #expect(four.reasons == [.acceptByPolicy, .acceptByPolicy, .acceptByPolicy] && four.inFragments == [true, true, true])
        let six = try Self.judge("ip6 2001:db8::1 > 2001:db8::2 udp 1 > 2 payload 3300", .fragment, .track)
        #expect(six.reasons == [.tooBig, .tooBig, .tooBig] && six.told == 3)
        // Fragments that came before the first are told of when they go.
        let late = try Self.judge("ip6 2001:db8::1 > 2001:db8::2 udp 1 > 2 payload 3300", .fragment, .track) { $0.reverse() }
        #expect(late.reasons == [.tooBig, .tooBig, .tooBig])
    }

    @Test func `the rate is kept`() throws {
        var firewall = try Self.firewall(rate: 10)
        var outcomes: [AnswerWriter.Outcome] = []
        for _ in 0..<4 {
            var bytes = try described(Self.fixed + "1200")
            _ = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
            outcomes.append(firewall.answerOutcome)
        }
        #expect(outcomes == [.written, .written, .overRate, .overRate])
    }

    @Test func `an MTU that changes counts from the next frame on`() throws {
        var firewall = try Self.firewall()
        for (mtu, reason) in [(1_000, Reason.tooBig), (1_400, .acceptByPolicy), (900, .tooBig)] {
            firewall.useMTUs(1_500, mtu)
            var bytes = try described(Self.fixed + "1200")
            #expect(firewall.judge(&bytes, tag: nil, ingress: 0, at: noon).reason == reason)
        }
    }
}
