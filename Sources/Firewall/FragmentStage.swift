import Classifier
import Flows
public import Fragments
public import Storage
import Wire

extension Firewall {
    /// Takes a fragment in, and judges its datagram when that is due.
    ///
    /// In `FragmentMode.reassemble` the rules see the whole datagram, once; each of its frames then departs, the one that came last too.
    /// What rules change of a datagram would have to be changed in its frames; they die instead of passing as they came.
    mutating func gather(
        _ bytes: inout MutableRawSpan, _ frame: ParsedFrame, virtioHeader: VirtioHeader, ingress: UInt8, at instant: Instant, time: UInt64
    ) -> Judgement {
        hits.discardEvents()
        let gathering = fragments.take(bytes.bytes, frame, virtioHeader: virtioHeader, ingress: ingress, now: instant.monotonic, time: time)
        var judgement = Judgement(verdict: .hold, reason: .held, rule: -1, baseChain: -1, frame: frame)
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
            let parsed = ParsedFrame.parse(datagram.bytes, tag: tag)
            guard !parsed.isFragment else {
                fragments.abandon(.nested)
                break
            }
            var whole = judgePacket(&datagram, parsed, ingress: ingress, at: instant)
            whole.dropIfChanged()
            fragments.conclude(FragmentRuling(whole, edition))
            // What is logged is the datagram.
            judgement.frame = whole.frame
        case .first:
            judgement = judgePacket(&bytes, frame, ingress: ingress, at: instant)
            judgement.dropIfChanged()
            fragments.conclude(FragmentRuling(judgement, edition))
        case .follows(let ruling):
            judgement = Judgement(ruling, frame, edition)
        case .dies(let death):
            judgement.verdict = .drop
            judgement.reason = Reason(death)
        }
        // The next fragment must find room also where nothing departs.
        if !fragments.hasDepartures { _ = fragments.finishDepartures() }
        countHeld()
        return judgement
    }

    // MARK: Departures

    /// Whether frames that were held wait to be sent or captured: see `nextDeparture`.
    public var hasDepartures: Bool { fragments.hasDepartures }

    /// The next of the frames that were held and of which something was decided, in the order in which they came; nil if there is none.
    /// Its bytes stay where they are until `finishDepartures`.
    public mutating func nextDeparture() -> Departure? {
        guard let held = fragments.nextDeparture() else { return nil }
        let buffer = unsafe UnsafeRawBufferPointer(start: held.start, count: held.length)
        let frame = unsafe ParsedFrame.parse(buffer.bytes, tag: held.tag)
        let judgement =
            switch held.outcome {
            case .ruled(let ruling): Judgement(ruling, frame, edition)
            case .died(let death):
                Judgement(verdict: .drop, reason: Reason(death), rule: -1, baseChain: -1, frame: frame)
            }
        counters.count(judgement.reason, length: frame.length)
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

    /// The same for fragments alone: when the next of those that are held has waited long enough.
    public var fragmentDeadline: UInt64? { fragments.deadline }
}

/// A frame that was held, with what became of it.
public struct Departure {
    public var held: HeldFrame
    public var judgement: Judgement
}

extension FragmentRuling {
    fileprivate init(_ judgement: Judgement, _ edition: UInt32) {
        self.init(
            isAccepted: judgement.verdict == .accept, reason: judgement.reason.rawValue, rule: judgement.rule,
            baseChain: judgement.baseChain, edition: edition)
    }
}

extension Judgement {
    /// For what stands for a datagram of several frames.
    fileprivate mutating func dropIfChanged() {
        guard isChanged, verdict == .accept else { return }
        verdict = .drop
        reason = .fragmentChanged
    }

    /// - Parameter edition: Of the rules in force: those of another have other indices.
    fileprivate init(_ ruling: FragmentRuling, _ frame: ParsedFrame, _ edition: UInt32) {
        self.init(
            verdict: ruling.isAccepted ? .accept : .drop, reason: Reason(rawValue: ruling.reason) ?? .rule,
            rule: ruling.edition == edition ? ruling.rule : -1, baseChain: ruling.edition == edition ? ruling.baseChain : -1, frame: frame)
    }
}
