/// A flow as rules and listings read it.
public struct FlowDescription: Sendable, Equatable, BitwiseCopyable {
    /// `enum ip_conntrack_status`, those that can be.
    public enum Status {
        public static let seenReply: UInt32 = 1 << 1
        public static let assured: UInt32 = 1 << 2
        public static let confirmed: UInt32 = 1 << 3
    }

    /// The direction that began it; `inverse` is the reply's.
    public var original: FlowTuple
    /// `Status` bits.
    public var status: UInt32
    public var mark: UInt32
    /// Nanoseconds until it ends if nothing comes; 0 if it has.
    public var expiration: UInt64
    /// When it began, on the clock of `track`, less than 1.1 s early.
    public var start: UInt64
    public var originalPackets: UInt64
    public var replyPackets: UInt64
    /// From the IP header on.
    public var originalBytes: UInt64
    public var replyBytes: UInt64
    /// The state of TCP, SCTP or DCCP as conntrack's listing names it; nil of other protocols.
    public var state: FlowStateName?
    /// Which pair of ports it runs through.
    public var portPair: UInt8
    /// The VLANs that it runs in.
    public var vlans = FlowVLANs()

    /// The tuple of one direction.
    public func tuple(_ direction: FlowDirection) -> FlowTuple { direction == .original ? original : original.inverse ?? original }

    public func packets(_ direction: FlowDirection) -> UInt64 { direction == .original ? originalPackets : replyPackets }

    public func bytes(_ direction: FlowDirection) -> UInt64 { direction == .original ? originalBytes : replyBytes }
}

/// The identifiers of a flow's tags, the outer first. Of more than two tags none is known.
public struct FlowVLANs: Sendable, Equatable, BitwiseCopyable {
    /// 3 for more than two.
    public var count: UInt8 = 0
    public var outer: UInt16 = 0
    /// Of two tags.
    public var inner: UInt16 = 0

    /// None.
    public init() {}

    /// Those that are known.
    public var identifiers: [UInt16] {
        switch count {
        case 1: [outer]
        case 2: [outer, inner]
        default: []
        }
    }

    /// Returns true if a tag is known to have the identifier.
    public func contains(_ identifier: UInt16) -> Bool {
        count == 1 && outer == identifier || count == 2 && (outer == identifier || inner == identifier)
    }
}

/// The state that a flow's protocol is in.
public struct FlowStateName: Sendable, Equatable, BitwiseCopyable {
    fileprivate var transportProtocol: UInt8
    fileprivate var number: UInt8

    /// As conntrack's listing has it (`tcp_conntrack_names` and so on).
    public var name: String {
        let names: [String] =
            switch transportProtocol {
            case 6:
                [
                    "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
                    "SYN_SENT2",
                ]
            case 132:
                [
                    "NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD",
                    "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT",
                ]
            default: ["NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT"]
            }
        return Int(number) < names.count ? names[Int(number)] : "NONE"
    }
}

/// A flow that is told from those that stand in its place later.
public struct FlowReference: Sendable, Hashable, BitwiseCopyable {
    fileprivate var record: Int32
    fileprivate var start: UInt32
    fileprivate var generation: UInt8
}

extension FlowTracker {
    /// Describes the flow of a tracked packet, or a record from `flows`; nil if there is none.
    public func describe(_ flow: Int32?, now: UInt64) -> FlowDescription? {
        guard let flow, flow >= 0, Int(flow) <= table.capacity, table.expiry(flow) != 0 else { return nil }
        let record = table[flow]
        let isListed = record.has(FlowRecord.Flag.listed)
        let left = table.expiry(flow) &- Tick.at(now)
        var status: UInt32 = Int(flow) < table.capacity ? FlowDescription.Status.confirmed : 0
        if record.has(FlowRecord.Flag.seenReply) { status |= FlowDescription.Status.seenReply }
        if record.has(FlowRecord.Flag.assured) { status |= FlowDescription.Status.assured }
        return FlowDescription(
            original: record.original, status: status, mark: record.mark,
            expiration: FlowTable.isReached(table.expiry(flow), at: Tick.at(now)) ? 0 : Tick.nanoseconds(left),
            start: UInt64(record.start) << 30,
            originalPackets: record.account.packetCount(.original, isListed: isListed),
            replyPackets: record.account.packetCount(.reply, isListed: isListed),
            originalBytes: record.account.byteCount(.original, isListed: isListed),
            replyBytes: record.account.byteCount(.reply, isListed: isListed), state: stateName(record),
            portPair: UInt8(truncatingIfNeeded: record.link >> 28), vlans: FlowLink.vlans(record.link))
    }

    private func stateName(_ record: FlowRecord) -> FlowStateName? {
        let memory = record.memory
        let number: UInt32
        switch record.transportProtocol {
        case 6 where settings.tcp != .off: number = memory.third.2 >> 8 & 0xf
        case 33, 132: number = memory.first.2 & 0xff
        default: return nil
        }
        return FlowStateName(transportProtocol: record.transportProtocol, number: UInt8(truncatingIfNeeded: number))
    }

    /// `ct mark` of a packet's flow; 0 if it has none.
    public func mark(of packet: TrackedPacket) -> UInt32 { packet.flow.map { table[$0].mark } ?? 0 }

    /// Sets `ct mark`; of a packet without a flow, nothing.
    public mutating func setMark(_ mark: UInt32, of packet: TrackedPacket) {
        guard let flow = packet.flow, table.expiry(flow) != 0 else { return }
        table[flow].mark = mark
    }

    /// `ct timeout set`: gives a new flow other timeouts. As in the kernel it changes nothing once the flow is confirmed.
    /// - Parameter policy: From `usePolicies`.
    public mutating func setPolicy(_ policy: UInt8, of packet: TrackedPacket, now: UInt64) {
        guard packet.isUnconfirmed, let flow = packet.flow, flow == table.provisional, policy < 16 else { return }
        table[flow].policy = policy
        let first: FlowTimeout =
            switch table[flow].transportProtocol {
            case 6: .tcpSYNSent
            case 17, 136: .udp
            case 1: .icmp
            case 58: .icmpv6
            case 33: .dccpRequest
            case 132: .sctpClosed
            case 47: .gre
            default: .generic
            }
        table.setExpiry(flow, expiry(now, limit(flow, first)))
    }

    /// Tells a confirmed flow from all others there will be; nil if it is not in the table.
    public func reference(to flow: Int32) -> FlowReference? {
        guard flow >= 0, Int(flow) < table.capacity, table.expiry(flow) != 0 else { return nil }
        return FlowReference(record: flow, start: table[flow].start, generation: table.liveness.generation(Int(flow)))
    }

    /// The record of a flow that is still there; nil if it has ended.
    public func record(of reference: FlowReference, now: UInt64) -> Int32? {
        let flow = reference.record
        guard flow >= 0, Int(flow) < table.capacity, table.expiry(flow) != 0, table.liveness.generation(Int(flow)) == reference.generation,
            table[flow].start == reference.start, !FlowTable.isReached(table.expiry(flow), at: Tick.at(now))
        else { return nil }
        return flow
    }

    /// Goes over the table from a place on: what there is among the next `count` records, and where to go on; nil after the last.
    /// Flows that come and go between two calls may be missed, none is shown twice.
    public func flows(from place: Int, count: Int, now: UInt64, _ body: (Int32, FlowDescription) -> Void) -> Int? {
        guard place >= 0, place < table.capacity else { return nil }
        let end = min(table.capacity, place &+ max(1, min(count, table.capacity)))
        for record in place..<end {
            let number = Int32(truncatingIfNeeded: record)
            guard let flow = describe(number, now: now), flow.expiration > 0 else { continue }
            body(number, flow)
        }
        return end < table.capacity ? end : nil
    }
}
