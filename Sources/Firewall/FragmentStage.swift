import Answers
import Classifier
import Decisions
import Flows
public import Fragments
import Segmentation
public import Storage
import Wire

extension Firewall {
    /// Takes a fragment in, and judges its datagram when that is due.
    ///
    /// In `FragmentMode.reassemble` the rules see the whole datagram, once; each of its frames then departs, the one that came last too.
    /// What rules change of a datagram is changed in its frames, or they die instead of passing as they came.
    mutating func gather(
        _ bytes: inout MutableRawSpan, _ frame: ParsedFrame, frameTag: FrameTag, isChecksumPartial: Bool, ingress: UInt8,
        at instant: Instant, time: UInt64
    ) -> Judgement {
        hits.discardEvents()
        let gathering = fragments.take(
            bytes.bytes, frame, frameTag: frameTag, isChecksumPartial: isChecksumPartial, ingress: ingress, now: instant.monotonic,
            time: time)
        var judgement = Judgement(
            decision: Decision(verdict: .hold, reason: .held, generation: generation), frame: frame)
        switch gathering {
        case .held:
            break
        case .whole:
            judgement.frame = judgeDatagram(ingress: ingress, at: instant) ?? frame
        case .first:
            judgement = judgeFirst(&bytes, frame, ingress: ingress, at: instant)
        case .follows(let ruling):
            judgement.decision = ruling.renewed(generation)
            if ruling.isChanged { fragments.change(follower: &bytes, &judgement.frame) }
        case .dies(let death):
            judgement.decision = dropped(Reason(death))
        }
        // The next fragment must find room also where nothing departs.
        if !fragments.hasDepartures { _ = fragments.finishDepartures() }
        countHeld()
        return judgement
    }

    /// Judges the datagram that has become whole. Returns what is logged, the datagram; nil if it could not be put together.
    private mutating func judgeDatagram(ingress: UInt8, at instant: Instant) -> ParsedFrame? {
        guard fragments.assemble() else {
            fragments.abandon(.tooLong)
            return nil
        }
        let tag = fragments.assembledTag
        // Not in a closure of the gatherer's, which would keep all of the firewall to itself.
        let assembled = unsafe fragments.assembled
        var datagram = unsafe assembled.mutableBytes
        // No fragment header is left: the first fragment has all extension headers of its packet, or it died of `headerChain`, and one
        // with another fragment header in them died of `nested`.
        let parsed = ParsedFrame.parse(datagram.bytes, tag: tag)
        let whole = judgePacket(&datagram, parsed, isChecksumKnown: hasCutFragments, ingress: ingress, at: instant)
        var ruling = whole.decision
        if ruling.isChanged, ruling.verdict == .accept { keepLongFragment(ingress: ingress) }
        // Fragments that don't pass stay as they came.
        let isCarriedBack = ruling.isChanged && ruling.verdict.isAccepting && fragments.carryBack(parsed, tag: whole.frame.tagBeside)
        if ruling.isChanged, !isCarriedBack { ruling.dropIfAccepted() }
        if ruling.verdict == .accept, !allFragmentsFit(isChanged: isCarriedBack, ingress: ingress, at: instant.monotonic) {
            ruling = dropped(.tooBig)
        }
        ruling.isChanged = isCarriedBack
        datagramDecision = ruling
        fragments.conclude(ruling)
        return whole.frame
    }

    /// Judges a first fragment by itself, for those that follow it.
    private mutating func judgeFirst(
        _ bytes: inout MutableRawSpan, _ frame: ParsedFrame, ingress: UInt8, at instant: Instant
    ) -> Judgement {
        fragments.keepHeaders(of: bytes.bytes, frame)
        var judgement = judgePacket(&bytes, frame, ingress: ingress, at: instant)
        var ruling = judgement.decision
        if ruling.isChanged, ruling.verdict.isAccepting {
            if let isShared = fragments.followChange(bytes.bytes, frame, tag: judgement.frame.tagBeside) {
                ruling.isChanged = isShared
            } else {
                ruling.dropIfAccepted()
                ruling.isChanged = false
                judgement.decision.dropIfAccepted()
            }
        } else {
            ruling.isChanged = false
        }
        fragments.conclude(ruling)
        return judgement
    }

    // MARK: Departures

    /// True if frames that were held wait to be sent or captured: see `nextDeparture`.
    public var hasDepartures: Bool { fragments.hasDepartures }

    /// The next of the frames that were held and of which something was decided, in the order in which they came; nil if there is none.
    /// Its bytes stay where they are until `finishDepartures`. If it is too big for the other port, `answerBytes` are for its sender.
    /// - Parameter time: Now, on the clock of `Instant.monotonic`.
    public mutating func nextDeparture(at time: UInt64) -> Departure? {
        answers.clear()
        guard let held = fragments.nextDeparture() else { return nil }
        let buffer = unsafe UnsafeRawBufferPointer(start: held.start, count: held.length)
        let frame = unsafe ParsedFrame.parse(buffer.bytes, tag: held.tag)
        let decision =
            switch held.outcome {
            case .ruled(let ruling): ruling.renewed(generation)
            case .died(let death): dropped(Reason(death))
            }
        var judgement = Judgement(decision: decision, frame: frame)
        // Every fragment of a datagram that was judged whole can leave. Only fragments that follow a first one may not.
        if decision.verdict == .accept, !surelyFits(buffer.count, ingress: held.ingress) {
            unsafe settle(&judgement, buffer.bytes, .none, ingress: held.ingress, at: time)
        }
        counters.count(judgement.decision.reason, length: frame.length)
        return Departure(held: held, judgement: judgement)
    }

    /// When all departures have been taken and sent: gives their memory back, and makes room for the next fragment. Returns whether
    /// others depart for that.
    public mutating func finishDepartures() -> Bool {
        let isGoingOn = fragments.finishDepartures()
        countHeld()
        return isGoingOn
    }

    /// Lets datagrams die that were not whole in time, and takes out flows that have ended, as many as a step has.
    public mutating func expire(at instant: Instant) {
        fragments.expire(now: instant.monotonic)
        expireFlows(at: instant)
    }

    /// When `expire` has something to do, by `Instant.monotonic`; nil while there is nothing to wait for.
    public var deadline: UInt64? {
        guard let flows = flows.deadline else { return fragments.deadline }
        return fragments.deadline.map { min($0, flows) } ?? flows
    }

    /// When the next fragment that is held has waited long enough.
    public var fragmentDeadline: UInt64? { fragments.deadline }
}

/// A frame that was held, with what became of it.
public struct Departure {
    public var held: HeldFrame
    public var judgement: Judgement
}

extension Decision {
    /// For what rules have changed, and can't be changed in fragments.
    fileprivate mutating func dropIfAccepted() {
        guard verdict.isAccepting else { return }
        verdict = .drop
        reason = .fragmentChanged
        // The rule or policy that lets it pass isn't to blame, and nobody has noted which rules have changed it.
        forgetRules()
    }

    /// As it holds under the rules in force: those of another generation have other indices.
    fileprivate func renewed(_ current: UInt32) -> Decision {
        var decision = self
        if generation != current { decision.forgetRules() }
        decision.generation = current
        return decision
    }
}

extension ParsedFrame {
    /// The outermost tag if it stands apart from the bytes.
    fileprivate var tagBeside: VLANTag? { isTagOutOfBand ? outermostTag : nil }
}
