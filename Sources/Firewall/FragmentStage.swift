public import Classifier
public import Fragments
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
            var whole = fragments.withAssembled { bytes in
                judgePacket(&bytes, ParsedFrame.parse(bytes.bytes, tag: tag), ingress: ingress, at: instant)
            }
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

    /// Lets datagrams die that were not whole in time.
    public mutating func expire(at instant: Instant) { fragments.expire(now: instant.monotonic) }

    /// When `expire` has something to do, by `Instant.monotonic`; nil while nothing is held.
    public var deadline: UInt64? { fragments.deadline }
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
