public import Answers
import Classifier
import Decisions
import Ruleset
import Wire

extension Firewall {
    /// Writes what the sender of a packet is told that a rule rejects.
    @inline(never)
    mutating func answer(
        _ bytes: RawSpan, _ frame: ParsedFrame, _ decision: Decision, isChecksumKnown: Bool, ingress: UInt8, at time: UInt64
    ) {
        guard let rejection = program.rejection(of: decision.rule) else { return }
        // Rules may have changed it before.
        let current = decision.isChanged ? ParsedFrame.parse(bytes, tag: frame.isTagOutOfBand ? frame.outermostTag : nil) : frame
        answers.write(
            Answer(rejection), to: AnsweredFrame(current, isChecksumKnown: isChecksumKnown, isHeaderKnown: checksums == .ignore),
            bytes, port: ingress, at: time)
    }

    /// What became of the answer to the frame that was judged last; a datagram's comes with the fragment that makes it whole.
    public var answerOutcome: AnswerWriter.Outcome { answers.outcome }

    /// The answer to the frame that was judged last: a whole frame, to be sent by the port by which that came. Empty if there is none.
    public var answerBytes: UnsafeRawBufferPointer { unsafe answers.bytes }
}

extension Answer {
    /// What a rule asks for.
    init(_ rejection: Rejection) {
        self = rejection.codes.map { .unreachable(icmp: $0.icmp, icmpv6: $0.icmpv6) } ?? .tcpReset
    }
}
