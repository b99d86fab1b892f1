import Classifier
package import Decisions
import Interpreter
package import Regions
package import Ruleset
import Storage
import Wire

/// Judges example packets of regions by the plain interpreter, which regions were not computed by.
package final class RegionJudge {
    private let interpreters: [Interpreter]
    private let ports: [String]
    private var judged: UInt64 = 0
    /// Rules that judging a packet may come to.
    private let cost: Int
    private var spent = 0
    /// Rules that looking for examples may come to: beyond that it would take longer than comparing.
    private static let mostRules = 1_000_000

    /// Noon of a Thursday, the first of January 2026.
    private static let noon: UInt64 = 1_767_268_800_000_000_000

    package init(_ rulesets: [Ruleset], ports: [String]) {
        self.ports = ports
        cost = 50 + rulesets.reduce(0) { sum, ruleset in sum + ruleset.tables.flatMap(\.chains).reduce(0) { $0 + $1.rules.count } }
        interpreters = rulesets.map { Interpreter($0, ports: ports) }
    }

    /// What each rule set says of the packet; nil if its words can't be read.
    package func verdicts(of example: ExamplePacket) -> [FrameVerdict]? {
        var now: UInt64 = 0
        guard let packet = try? PacketLanguage.packet(example.text, ports: ports, after: &now), packet.frames.count == 1 else { return nil }
        return verdicts(of: packet.frames[0], ingress: packet.ingress, example)
    }

    private func verdicts(of bytes: [UInt8], ingress: Int, _ example: ExamplePacket) -> [FrameVerdict]? {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        // Such a frame is dropped before any rule.
        guard frame.malformation == nil else { return nil }
        // Limits have forgotten the packet before by then.
        judged += 1
        let instant = Instant(monotonic: judged &* 86_400_000_000_000, sinceEpoch: example.time ?? Self.noon)
        let connection = example.connection(of: frame)
        return interpreters.map { interpreter in
            let isIP = frame.network == .ipv4 || frame.network == .ipv6
            let first = interpreter.classify(
                bytes.span.bytes, frame, ingress: UInt8(ingress), at: instant, section: .beforeTracking,
                connection: isIP ? .invalid : .untracked)
            guard first.classification.verdict.isAccepting else { return first.classification.verdict }
            let again = ParsedFrame.parse(first.bytes.span.bytes, tag: nil)
            return interpreter.classify(
                first.bytes.span.bytes, again, ingress: UInt8(ingress), at: instant, section: .afterTracking,
                after: first.classification, connection: first.connection.state == .untracked ? .untracked : connection
            ).classification.verdict
        }
    }

    /// False once looking for examples has taken long enough: none is found from then on.
    package var looksForExamples: Bool { spent < Self.mostRules }

    /// The first packet of which both rule sets say what the region says.
    package func example(of region: Region) -> ExamplePacket? {
        guard looksForExamples else { return nil }
        return ExampleWriter(ports: ports).examples(of: region).first { example in
            spent += cost
            guard let verdicts = verdicts(of: example) else { return false }
            return zip(verdicts, [region.old, region.new]).allSatisfy { $0 == FrameVerdict($1) }
        }
    }
}

extension FrameVerdict {
    package init(_ outcome: RegionVerdict) {
        switch outcome {
        case .accept: self = .accept
        case .drop: self = .drop
        case .reject: self = .reject
        }
    }
}

extension ExamplePacket {
    /// What tracking says of the packet.
    fileprivate func connection(of frame: ParsedFrame) -> PacketConnection {
        guard frame.network == .ipv4 || frame.network == .ipv6, frame.vlanCount <= 1 else { return .untracked }
        let state = PacketConnection.State(rawValue: connectionState ?? PacketConnection.State.new.rawValue)
        var connection = PacketConnection(state: state)
        guard state != .invalid, state != .untracked else { return connection }
        connection.isFollowed = true
        connection.networkProtocol = frame.network == .ipv4 ? PacketConnection.ipv4 : PacketConnection.ipv6
        connection.transportProtocol = frame.transportProtocol ?? 0
        connection.original = PacketConnection.Tuple(
            sourceAddress: frame.source, destinationAddress: frame.destination, sourcePort: frame.sourcePort,
            destinationPort: frame.destinationPort)
        connection.reply = PacketConnection.Tuple(
            sourceAddress: frame.destination, destinationAddress: frame.source, sourcePort: frame.destinationPort,
            destinationPort: frame.sourcePort)
        for (field, number) in self.connection { if let key = field.connectionKey { connection.set(key, number) } }
        return connection
    }
}

extension PacketConnection {
    /// Puts what a region asks for in its place, where a single value is one.
    fileprivate mutating func set(_ key: ConnectionKey, _ number: UInt128) {
        switch key {
        case .direction: direction = number == 0 ? .original : .reply
        case .status: status = Status(rawValue: UInt32(truncatingIfNeeded: number))
        case .mark: mark = UInt32(truncatingIfNeeded: number)
        case .expiration: expiration = UInt32(truncatingIfNeeded: number)
        case .transportProtocol: transportProtocol = UInt8(truncatingIfNeeded: number)
        case .address(.original, .source, _): original.sourceAddress = number
        case .address(.original, .destination, _): original.destinationAddress = number
        case .address(.reply, .source, _): reply.sourceAddress = number
        case .address(.reply, .destination, _): reply.destinationAddress = number
        case .port(.original, .source): original.sourcePort = UInt16(truncatingIfNeeded: number)
        case .port(.original, .destination): original.destinationPort = UInt16(truncatingIfNeeded: number)
        case .port(.reply, .source): reply.sourcePort = UInt16(truncatingIfNeeded: number)
        case .port(.reply, .destination): reply.destinationPort = UInt16(truncatingIfNeeded: number)
        case .bytes(.original): originalCounts.bytes = UInt64(truncatingIfNeeded: number)
        case .bytes(.reply): replyCounts.bytes = UInt64(truncatingIfNeeded: number)
        case .bytes(nil): originalCounts.bytes = UInt64(truncatingIfNeeded: number)
        case .packets(.original): originalCounts.packets = UInt64(truncatingIfNeeded: number)
        case .packets(.reply): replyCounts.packets = UInt64(truncatingIfNeeded: number)
        case .packets(nil): originalCounts.packets = UInt64(truncatingIfNeeded: number)
        case .state, .networkProtocol, .averageBytes, .zone: break
        }
    }
}
