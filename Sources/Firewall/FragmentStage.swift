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
    /// What rules change of a datagram would have to be changed in its frames; they die instead of passing as they came.
    mutating func gather(
        _ bytes: inout MutableRawSpan, _ frame: ParsedFrame, frameTag: FrameTag, ingress: UInt8, at instant: Instant, time: UInt64
    ) -> Judgement {
        hits.discardEvents()
        let gathering = fragments.take(bytes.bytes, frame, frameTag: frameTag, ingress: ingress, now: instant.monotonic, time: time)
        var judgement = Judgement(
            decision: Decision(verdict: .hold, reason: .held, generation: generation), frame: frame)
        switch gathering {
        case .held:
            break
        case .whole:
            guard fragments.assemble() else {
                fragments.abandon(.tooLong)
                break
            }
            let tag = fragments.assembledTag
            // Not in a closure of the gatherer's, which would keep all of the firewall to itself.
            let assembled = unsafe fragments.assembled
            var datagram = unsafe assembled.mutableBytes
            // No fragment header is left: the first fragment has all extension headers of its packet, or it died of `headerChain`, and one
            // with another fragment header in them died of `nested`.
            let parsed = ParsedFrame.parse(datagram.bytes, tag: tag)
            var whole = judgePacket(&datagram, parsed, isChecksumKnown: hasCutFragments, ingress: ingress, at: instant)
            whole.decision.dropIfChanged()
            if whole.decision.verdict == .accept, !allFragmentsFit(ingress: ingress, at: instant.monotonic) {
                whole.decision = dropped(.tooBig)
            }
            fragments.conclude(whole.decision.ofFragments)
            // What is logged is the datagram.
            judgement.frame = whole.frame
        case .first:
            judgement = judgePacket(&bytes, frame, ingress: ingress, at: instant)
            judgement.decision.dropIfChanged()
            fragments.conclude(judgement.decision.ofFragments)
        case .follows(let ruling):
            judgement.decision = ruling.renewed(generation)
        case .dies(let death):
            judgement.decision = dropped(Reason(death))
        }
        // The next fragment must find room also where nothing departs.
        if !fragments.hasDepartures { _ = fragments.finishDepartures() }
        countHeld()
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
        // Of a datagram that was judged whole every fragment can leave: only those that follow a first one may not.
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
    /// For what stands for a datagram of several frames.
    fileprivate mutating func dropIfChanged() {
        guard isChanged, verdict.isAccepting else { return }
        verdict = .drop
        reason = .fragmentChanged
    }

    /// As it is kept for a datagram's frames, which are as they came.
    fileprivate var ofFragments: Decision {
        var decision = self
        decision.isChanged = false
        return decision
    }

    /// As it holds under the rules in force: those of another generation have other indices.
    fileprivate func renewed(_ current: UInt32) -> Decision {
        var decision = self
        if generation != current { decision.forgetRules() }
        decision.generation = current
        return decision
    }
}
