import Classifier
import Decisions
import DescribedFrames
import Firewall
import FrameBuilder
import Ruleset
import Storage
import Testing
import Wire

/// Frames that pass and are not sent: dropped then, under one reason, and never counted twice or less than before.
@Suite struct UnsentFramesTests {
    private static let frames: [(frame: String, reason: Reason)] = [
        ("ip 10.0.0.1 > 10.0.0.2 tcp 1 > 443", .acceptByRule), ("vlan 5 ip 10.0.0.1 > 10.0.0.2 tcp 1 > 443", .acceptByRule),
        ("ip 10.0.0.1 > 10.0.0.2 udp 1 > 2", .acceptByPolicy), ("arp request", .acceptByPolicy),
    ]

    /// Rule 0 accepts TCP port 443.
    private static func rules() throws -> Program {
        try program(policy: .accept, [Rule(statements: tcpPort(443) + [verdict(.accept)], comment: nil, location: nowhere)])
    }

    @Test("what is not sent is dropped with a reason of its own, and passes no more", arguments: frames, [false, true])
    func takeBack(_ test: (frame: String, reason: Reason), isTagBeside: Bool) throws {
        let program = try Self.rules()
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        var bytes = try described(test.frame)
        var tag: VLANTag?
        let length = UInt64(bytes.count)
        if isTagBeside, let apart = takeOutTag(of: bytes) { (bytes, tag) = apart }
        for _ in 0..<2 { #expect(firewall.judge(&bytes, tag: tag, ingress: 0, at: noon).reason == test.reason) }
        let note = PassNote(firewall.judge(&bytes, tag: tag, ingress: 0, at: noon).decision)
        let judgement = firewall.takeBack(PassNote(bits: note.bits), bytes.span.bytes, tag: tag)
        #expect(judgement.verdict == .drop && judgement.reason == .notSent && !judgement.isChanged)
        #expect(judgement.rule == .none && judgement.frame == ParsedFrame.parse(bytes.span.bytes, tag: tag))
        let snapshot = counters.snapshot()
        #expect(snapshot[test.reason] == Hits(frames: 2, bytes: 2 * length))
        #expect(snapshot[.notSent] == Hits(frames: 1, bytes: length))
    }

    @Test("that rules have changed the frame is said of it")
    func changed() throws {
        let program = try Self.rules()
        let firewall = Firewall(program: program, counters: FirewallCounters(for: program))
        var decision = Decision(verdict: .accept, reason: .acceptByRule)
        decision.isChanged = true
        let bytes = try described("arp request")
        #expect(firewall.takeBack(PassNote(decision), bytes.span.bytes, tag: nil).isChanged)
    }

    @Test("readers hear of passes when they are settled, and no counter goes back")
    func settled() throws {
        let program = try Self.rules()
        let counters = FirewallCounters(for: program, settlesPasses: true)
        var firewall = Firewall(program: program, counters: counters)
        var bytes = try described("ip 10.0.0.1 > 10.0.0.2 udp 1 > 2")
        let decision = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon).decision
        _ = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
        #expect(counters.snapshot()[.acceptByPolicy].frames == 0)
        _ = firewall.takeBack(PassNote(decision), bytes.span.bytes, tag: nil)
        #expect(counters.snapshot()[.acceptByPolicy].frames == 0 && counters.snapshot()[.notSent].frames == 1)
        firewall.settlePasses()
        #expect(counters.snapshot()[.acceptByPolicy].frames == 1 && counters.snapshot()[.notSent].frames == 1)
        // Other rules begin with what has passed before them told.
        _ = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
        firewall.use(program, counters: FirewallCounters(for: program, settlesPasses: true), generation: 1)
        #expect(counters.snapshot()[.acceptByPolicy].frames == 2)
    }
}
