import Decisions
import Flows
import FrameBuilder
import Testing
import Wire

/// A tracker with an outlet that lets everything pass, unless told otherwise.
struct Bench: ~Copyable {
    var tracker: FlowTracker
    var isAccepting = true
    private(set) var now: UInt64 = 0

    init(_ settings: FlowSettings = FlowSettings(flows: 64, flowsPerSource: 64), start: Double = 0) {
        now = UInt64(start * 1e9)
        tracker = FlowTracker(settings: settings, now: now)
    }

    /// One frame in. Returns what it was, and its flow as rules see it.
    /// - Parameter seconds: On the clock.
    @discardableResult
    mutating func take(_ frame: [UInt8], tag: VLANTag? = nil, ingress: UInt8 = 0, at seconds: Double? = nil, isChecksumKnown: Bool = true)
        -> (packet: TrackedPacket, flow: FlowDescription?)
    {
        if let seconds { now = UInt64(seconds * 1e9) }
        let bytes = frame.span.bytes
        let parsed = ParsedFrame.parse(bytes, tag: tag)
        #expect(parsed.malformation == nil)
        var packet = tracker.track(bytes, parsed, ingress: ingress, isChecksumKnown: isChecksumKnown, now: now)
        guard isAccepting else {
            let flow = tracker.describe(packet.flow, now: now)
            tracker.abandon(packet)
            return (packet, flow)
        }
        packet.flow = (try? tracker.confirm(packet).get()) ?? nil
        return (packet, tracker.describe(packet.flow, now: now))
    }

    mutating func wait(until seconds: Double) {
        now = UInt64(seconds * 1e9)
        for _ in 0..<9 {
            tracker.expire(now: now)
            now += 126_000_000
        }
        now = UInt64(seconds * 1e9)
    }

    /// Counts by name, those that are not 0.
    var counts: [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for event in FlowEvent.allCases where tracker.count(of: event) > 0 { counts[event.name] = tracker.count(of: event) }
        for cause in InvalidCause.allCases where tracker.count(of: cause) > 0 { counts[cause.name] = tracker.count(of: cause) }
        return counts
    }
}

/// A packet of a connection between two hosts, there or back.
struct Side: Sendable {
    var near = "10.0.0.1"
    var far = "10.0.0.2"
    var nearPort: UInt16 = 40_000
    var farPort: UInt16 = 80
    var isIPv6 = false

    func ip(_ isBack: Bool, _ link: Frame = .ethernet()) -> Frame {
        if isIPv6 {
            let (near, far) = (
                "2001:db8::\(self.near.split(separator: ".").last ?? "1")", "2001:db8::\(self.far.split(separator: ".").last ?? "2")"
            )
            return isBack ? link.ipv6(far, near) : link.ipv6(near, far)
        }
        return isBack ? link.ipv4(far, near) : link.ipv4(near, far)
    }

    func ports(_ isBack: Bool) -> [UInt8] {
        isBack ? farPort.networkBytes + nearPort.networkBytes : nearPort.networkBytes + farPort.networkBytes
    }

    func tcp(
        _ isBack: Bool, flags: UInt8, sequence: UInt32 = 0, acknowledgement: UInt32 = 0, window: UInt16 = 65_535, options: [UInt8] = [],
        length: Int = 0, link: Frame = .ethernet()
    ) -> Frame {
        let offset = UInt8(5 + options.count / 4) << 4
        let header = ports(isBack) + sequence.networkBytes + acknowledgement.networkBytes + [offset, flags] + window.networkBytes
        return ip(isBack, link).ipPayload(6, header + [0, 0, 0, 0] + options + [UInt8](repeating: 7, count: length))
    }

    func udp(_ isBack: Bool, length: Int = 0, link: Frame = .ethernet()) -> Frame {
        let header = ports(isBack) + UInt16(8 + length).networkBytes + [0, 0]
        return ip(isBack, link).ipPayload(17, header + [UInt8](repeating: 7, count: length))
    }

    func raw(_ isBack: Bool, _ number: UInt8, _ bytes: [UInt8], link: Frame = .ethernet()) -> Frame {
        ip(isBack, link).ipPayload(number, bytes)
    }

    /// An echo request's or answer's like.
    func icmp(_ isBack: Bool, type: UInt8, code: UInt8 = 0, identifier: UInt16 = 7) -> Frame {
        var message: [UInt8] = [type, code, 0, 0] + identifier.networkBytes + [0, 1]
        if !isIPv6 { message.replaceSubrange(2..<4, with: plainChecksum(message).networkBytes) }
        return raw(isBack, isIPv6 ? 58 : 1, message)
    }

    /// An error about a frame, from `source`, to `destination`.
    func error(_ source: String, _ destination: String, type: UInt8, about frame: Frame, cut: Int = 28) -> Frame {
        var message: [UInt8] = [type, 1, 0, 0, 0, 0, 0, 0] + frame.bytes.dropFirst(14).prefix(cut)
        if !isIPv6 { message.replaceSubrange(2..<4, with: plainChecksum(message).networkBytes) }
        let link = Frame.ethernet()
        return (isIPv6 ? link.ipv6(source, destination) : link.ipv4(source, destination)).ipPayload(isIPv6 ? 58 : 1, message)
    }
}

/// A line of a TCP case: `TIME < or > FLAGS key value … => STATE [NAME] [unreplied|assured]`.
///
/// `>` goes from the one that began the flow. Keys are seq, ack, win, len, ws (window scale), sack (`left-right`); words mss and sackok.
struct Line {
    var text: String
    var seconds: Double
    var frame: Frame
    var state: TrackedPacket.State
    var name: String?
    var status: String?

    init(_ text: String, _ side: Side = Side()) throws {
        self.text = text
        let halves = text.components(by: "=>")
        let words = halves[0].split(separator: " ").map(String.init)
        let expected = halves[1].split(separator: " ").map(String.init)
        seconds = try #require(Double(words[0]))
        var flags: UInt8 = 0
        for letter in words[2] {
            switch letter {
            case "F": flags |= 1
            case "S": flags |= 2
            case "R": flags |= 4
            case "P": flags |= 8
            case ".": flags |= 16
            case "U": flags |= 32
            default: Issue.record("flag \(letter) in \(text)")
            }
        }
        var values: [String: UInt32] = [:]
        var options: [UInt8] = []
        var index = 3
        while index < words.count {
            switch words[index] {
            case "mss": options += [2, 4, 5, 0xb4]
            case "sackok": options += [4, 2, 1, 1]
            case "sack":
                index += 1
                let edges = words[index].split(separator: "-").compactMap { UInt32($0) }
                options += [1, 1, 5, 10] + edges[0].networkBytes + edges[1].networkBytes
            case "ws":
                index += 1
                let scale: UInt8 = try #require(UInt8(words[index]))
                options += [1, 3, 3, scale]
            case let key:
                index += 1
                let value = try #require(UInt32(words[index]) as UInt32?)
                values[key] = value
            }
            index += 1
        }
        frame =
            side.tcp(
                words[1] == "<", flags: flags, sequence: values["seq"] ?? 0, acknowledgement: values["ack"] ?? 0,
                window: UInt16(values["win"] ?? 65_535), options: options, length: Int(values["len"] ?? 0)
            ).finished
        let states: [String: TrackedPacket.State] = [
            "new": .new, "established": .established, "invalid": .invalid, "related": .related, "untracked": .untracked,
        ]
        state = try #require(states[expected[0]])
        for word in expected.dropFirst() {
            if word == "unreplied" || word == "assured" || word == "replied" || word == "gone" { status = word } else { name = word }
        }
    }
}

extension String {
    func components(by separator: String) -> [Substring] {
        guard let range = firstRange(of: separator) else { return [self[...], ""] }
        return [self[..<range.lowerBound], self[range.upperBound...]]
    }
}

extension FlowDescription {
    /// As the listing says it.
    var statusName: String {
        if status & Status.assured != 0 { return "assured" }
        return status & Status.seenReply != 0 ? "replied" : "unreplied"
    }

    var seconds: Double { Double(expiration) / 1e9 }
}
