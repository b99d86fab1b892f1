import Classifier
import Decisions
public import Flows
public import Storage
public import Wire

extension Firewall {
    /// Has the rules judge a packet with what is known of its connection: base chains before tracking, tracking, base chains after it.
    ///
    /// A flow begins when its first packet has passed. Then it has to have room; without it the packet may not pass, if the rules ask for
    /// connections.
    mutating func classifyFollowed(
        _ bytes: inout MutableRawSpan, _ frame: inout ParsedFrame, isChecksumPartial: Bool, isChecksumKnown: Bool, ingress: UInt8,
        at instant: Instant
    ) -> (found: Classification, refusal: FlowRefusal?, isReply: Bool?) {
        let isIP = frame.network == .ipv4 || frame.network == .ipv6
        var connection = isIP ? PacketConnection.invalid : .untracked
        var found = Classification.none
        if program.chainsBeforeTracking > 0 {
            found = ask(
                &bytes, &frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, section: .beforeTracking,
                connection: &connection)
            if !found.decision.verdict.isAccepting { return (found, nil, nil) }
        }

        var packet = TrackedPacket.untracked
        if connection.state != .untracked {
            packet = flows.track(bytes.bytes, frame, ingress: ingress, isChecksumKnown: isChecksumKnown, now: instant.monotonic)
            connection = self.connection(of: packet, at: instant)
        }
        let isReply: Bool? = packet.flow == nil ? nil : packet.direction == .reply
        // New rules see an existing flow as one that begins; what comes back goes on until then.
        let isRechecked = packet.needsRecheck && packet.direction == .original
        if isRechecked { connection.state = .new }
        found = ask(
            &bytes, &frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant,
            section: program.chainsBeforeTracking > 0 ? .afterTracking : .whole, after: found, connection: &connection)
        found.decision.invalidCause = packet.cause
        keep(connection, of: packet, at: instant)

        guard found.decision.verdict.isAccepting else {
            if packet.state == .established { counters.countEstablishedDrop() }
            if isRechecked, let flow = packet.flow { flows.end(flow) } else { flows.abandon(packet) }
            return (found, nil, isReply)
        }
        guard packet.isUnconfirmed || isRechecked else {
            considerCarrying(packet, bytes.bytes, frame, found, ingress: ingress, at: instant)
            return (found, nil, isReply)
        }
        guard case .failure(let refusal) = flows.confirm(packet), !program.connectionNeeds.isEmpty else { return (found, nil, isReply) }
        return (found, refusal, isReply)
    }

    /// Lets a packet that no rule judges move its connection on, if that is followed: what was recorded of the packet ends too early for
    /// rules. It begins none.
    /// - Parameters:
    ///   - bytes: The whole frame, with zeros in place of what was not recorded.
    ///   - captured: Bytes that were.
    public mutating func follow(_ bytes: RawSpan, captured: Int, zeroLength: ZeroLength, ingress: UInt8, at instant: Instant) {
        guard isTracking else { return }
        let frame = ParsedFrame.parse(bytes, tag: nil, zeroLength: zeroLength)
        guard frame.malformation == nil, !frame.isFragment, frame.hasTransport else { return }
        let start = frame.transportOffset
        let needed: Int
        switch frame.transportProtocol {
        case IPProtocol.tcp? where captured &- start >= 13: needed = Int(bytes.u8(at: start &+ 12) >> 4) &* 4
        case IPProtocol.udp?: needed = 8
        default: return
        }
        guard captured &- start >= needed else { return }
        flows.abandon(flows.track(bytes, frame, ingress: ingress, isChecksumKnown: true, now: instant.monotonic))
    }

    /// What rules may ask of a packet's connection.
    func connection(of packet: TrackedPacket, at instant: Instant) -> PacketConnection {
        var connection = PacketConnection(state: PacketConnection.State(rawValue: UInt32(packet.state.rawValue)))
        let needs = program.connectionNeeds
        if needs.contains(.count) { note(packet, in: &connection, at: instant) }
        guard let flow = packet.flow else { return connection }
        connection.isFollowed = true
        connection.direction = packet.direction == .original ? .original : .reply
        if !needs.subtracting([.state, .count]).isEmpty { describe(flow, in: &connection, at: instant) }
        return connection
    }

    /// What those need who count connections.
    @inline(never)
    private func note(_ packet: TrackedPacket, in connection: inout PacketConnection, at instant: Instant) {
        switch flows.presence(of: packet, now: instant.monotonic) {
        case .none: return
        case .known: connection.counting = .known
        case .goesOn: connection.counting = .goesOn
        case .begins: connection.counting = .begins
        }
        guard connection.counting != .known, worker > 0, let entry = flows.entry(of: packet) else { return }
        connection.entry = worker << 55 | entry
    }

    /// All but what nearly every rule set asks for, and no more.
    @inline(never)
    private func describe(_ record: Int32, in connection: inout PacketConnection, at instant: Instant) {
        guard let flow = flows.describe(record, now: instant.monotonic) else { return }
        connection.status = PacketConnection.Status(rawValue: flow.status)
        connection.mark = flow.mark
        connection.networkProtocol = flow.original.isIPv6 ? PacketConnection.ipv6 : PacketConnection.ipv4
        connection.transportProtocol = flow.original.transportProtocol
        connection.expiration = UInt32(clamping: flow.expiration / 1_000_000)
        connection.original = PacketConnection.Tuple(flow.tuple(.original))
        connection.reply = PacketConnection.Tuple(flow.tuple(.reply))
        connection.originalCounts = PacketConnection.Counts(packets: flow.originalPackets, bytes: flow.originalBytes)
        connection.replyCounts = PacketConnection.Counts(packets: flow.replyPackets, bytes: flow.replyBytes)
    }

    /// Notes what rules have said of a connection. They say it of a packet that they drop later, too.
    private mutating func keep(_ connection: PacketConnection, of packet: TrackedPacket, at instant: Instant) {
        guard connection.isFollowed, program.connectionNeeds != .state else { return }
        if program.connectionNeeds.contains(.mark) { flows.setMark(connection.mark, of: packet) }
        if let number = connection.timeoutPolicy, policies.indices.contains(number), let policy = policies[number] {
            flows.setPolicy(policy, of: packet, now: instant.monotonic)
        }
    }

    // MARK: The table

    /// Takes out what has ended, in steps, and makes the counts of flows known.
    mutating func expireFlows(at instant: Instant) {
        flows.expire(now: instant.monotonic)
        countFlows()
    }

    /// Brings the counts of flows to where others read them; cheap, and to be called when there is nothing else to do.
    public func countFlows() {
        guard isTracking else { return }
        counters.setFlows(flows)
    }

    /// Tells a flow from all others there will be; nil if there is none.
    public func reference(toFlow record: Int32) -> FlowReference? { flows.reference(to: record) }

    /// Ends a flow: its next packet is a new one's, as after `conntrack -D`. Returns false if it was gone already.
    public mutating func endFlow(_ reference: FlowReference, at instant: Instant) -> Bool {
        guard let record = flows.record(of: reference, now: instant.monotonic) else { return false }
        flows.end(record)
        return true
    }

    /// Goes over the flows: see `FlowTracker.flows`.
    public func flows(from place: Int, count: Int, at instant: Instant, _ body: (Int32, FlowDescription) -> Void) -> Int? {
        flows.flows(from: place, count: count, now: instant.monotonic, body)
    }
}

extension PacketConnection.Tuple {
    fileprivate init(_ tuple: FlowTuple) {
        self.init(
            sourceAddress: tuple.source, destinationAddress: tuple.destination, sourcePort: tuple.sourcePort,
            destinationPort: tuple.destinationPort)
    }
}
