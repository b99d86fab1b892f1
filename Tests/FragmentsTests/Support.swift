import Decisions
import Fragments
import FrameBuilder
import Testing
import Wire

/// A gatherer with an outlet: accepts every datagram that is shown to it, and keeps what comes out.
struct Bench: ~Copyable {
    /// What came out of the gatherer: a frame by its number of arrival, and why it died; nil if it was let through.
    struct Leaving: Equatable {
        var frame: Int
        var death: FragmentDeath?
    }

    var gatherer: FragmentGatherer
    /// Payloads of the datagrams that were judged, behind the IP header and its extensions.
    var judged: [[UInt8]] = []
    var leavings: [Leaving] = []
    private var arrivals: [[UInt8]] = []
    private var isAccepting = true

    init(_ mode: FragmentMode = .reassemble, _ limits: FragmentLimits = FragmentLimits(), accepting: Bool = true) {
        gatherer = FragmentGatherer(mode: mode, limits: limits)
        isAccepting = accepting
    }

    var released: [Int] { leavings.filter { $0.death == nil }.map(\.frame) }
    var deaths: [FragmentDeath] { leavings.compactMap(\.death) }

    /// One frame in; whole packets are let through at once.
    /// - Parameter seconds: On the clock.
    mutating func take(_ frame: [UInt8], tag: VLANTag? = nil, ingress: UInt8 = 0, at seconds: Double = 0) {
        let number = arrivals.count
        arrivals.append(frame)
        let now = UInt64(seconds * 1e9)
        expire(at: seconds)
        let bytes = frame.span.bytes
        let parsed = ParsedFrame.parse(bytes, tag: tag)
        guard parsed.malformation == nil else { return leavings.append(Leaving(frame: number, death: .headerChain)) }
        guard parsed.isFragment else {
            judge(bytes, parsed)
            return leavings.append(Leaving(frame: number))
        }
        // The frame's number is its time of capture: by that it is known again.
        switch gatherer.take(bytes, parsed, frameTag: FrameTag(), ingress: ingress, now: now, time: UInt64(number)) {
        case .held: break
        case .whole:
            guard gatherer.assemble() else { return gatherer.abandon(.tooLong) }
            let tag = gatherer.assembledTag
            let assembled = gatherer.assembled
            let parsed = ParsedFrame.parse(assembled.bytes, tag: tag)
            #expect(parsed.malformation == nil && !parsed.isFragment)
            judged.append(
                Array(assembled.bytes, from: parsed.hasTransport ? parsed.transportOffset : parsed.networkEnd, to: parsed.networkEnd))
            gatherer.conclude(ruling)
        case .first:
            judge(bytes, parsed)
            gatherer.conclude(ruling)
            leavings.append(Leaving(frame: number))
        case .follows: leavings.append(Leaving(frame: number))
        case .dies(let death): leavings.append(Leaving(frame: number, death: death))
        }
        depart()
    }

    mutating func expire(at seconds: Double) {
        gatherer.expire(now: UInt64(seconds * 1e9))
        depart()
    }

    private var ruling: Decision { Decision(byPolicy: isAccepting ? .accept : .drop) }

    private mutating func judge(_ bytes: RawSpan, _ frame: ParsedFrame) {
        judged.append(Array(bytes, from: frame.transportOffset, to: frame.networkEnd))
    }

    private mutating func depart() {
        repeat {
            while let frame = gatherer.nextDeparture() {
                let number = Int(frame.time)
                let bytes = Array(UnsafeRawBufferPointer(start: frame.start, count: frame.length))
                #expect(bytes == arrivals[number], "frame \(number) left as it came")
                switch frame.outcome {
                case .ruled: leavings.append(Leaving(frame: number))
                case .died(let death): leavings.append(Leaving(frame: number, death: death))
                }
            }
        } while gatherer.finishDepartures()
    }
}

extension [UInt8] {
    init(_ bytes: RawSpan, from start: Int, to end: Int) {
        self = (start..<Swift.max(start, end)).map { bytes.u8(at: $0) }
    }
}

/// A fragment of a datagram of opaque payload.
struct Part: Sendable {
    var offset: Int
    var more: Bool
    var bytes: [UInt8]
    var identification: UInt32 = 1
    var source = 1
    var isIPv6 = false
    var congestion: UInt8 = 0
    var vlan: UInt16?
    var number: UInt8 = 253

    init(_ offset: Int, _ bytes: [UInt8], more: Bool) {
        self.offset = offset
        self.bytes = bytes
        self.more = more
    }

    func with(_ change: (inout Part) -> Void) -> Part {
        var part = self
        change(&part)
        return part
    }

    var frame: [UInt8] {
        var frame = Frame.ethernet()
        if let vlan { frame = frame.vlan(vlan & 0xfff, priority: vlan >> 13) }
        if isIPv6 {
            return frame.ipv6("2001:db8::\(source)", trafficClass: congestion)
                .fragmentHeader(offset: offset, more: more, identification: identification).ipPayload(number, bytes).bytes
        }
        return frame.ipv4(
            "10.0.\(source >> 8).\(source & 0xff)", tos: congestion, identification: UInt16(truncatingIfNeeded: identification), more: more,
            fragmentOffset: offset
        ).ipPayload(number, bytes).bytes
    }
}
