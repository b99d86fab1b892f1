import Decisions
import Wire

/// What a worker does with the flows that the kernel carries.
extension FlowTracker {
    /// Paths that rules may have for carried flows at a time, in one worker.
    public static let carriedPathLimit = 1024
    /// Packets of a flow, of which it has gone both ways, from which on it is carried.
    static let answeredPackets: UInt64 = 6
    /// For one that nothing has answered.
    static let unansweredPackets: UInt64 = 16
    /// A frame that the program has let by before it knew of an entry is in its ring by then.
    static let grace: UInt64 = 2_000_000
    /// How long a flow waits without a packet of its own.
    static let patience: UInt64 = 1_000_000_000
    /// Time from one look at the carried flows to the next, an eighth of them each time.
    static let sweepTime: UInt64 = 100_000_000
    /// Time after which a flow that was taken back may be carried again.
    static let rest: UInt64 = 1_000_000

    /// Flows are carried, from here on or at a later time.
    public var carries: Bool { carriage.isOn }

    /// What one look at a packet's flow says of carrying it.
    public enum Ripeness: Sendable, Equatable {
        /// There is nothing to do.
        case settled
        /// The rules' path for packets of this direction is to be recorded: see `note(path:…)`.
        case wantsPath
        /// Its path is known; it waits for the other direction, or for a moment at which it can be handed over.
        case waits
    }

    /// Says whether a packet that the rules have let pass is of a flow that may be carried.
    public func ripeness(of packet: TrackedPacket) -> Ripeness {
        guard carriage.isOn, let record = packet.flow, Int(record) < table.capacity, !packet.isUnconfirmed,
            packet.state == .established || packet.state == .new, !packet.needsRecheck
        else { return .settled }
        let path = carriage.path(of: record, packet.direction)
        if path == FlowCarriage.refusedPath { return .settled }
        if path != FlowCarriage.unknownPath { return .waits }
        let flow = table[record]
        guard Self.isCarriable(flow.transportProtocol, flow.destinationPort), flow.link >> 28 == 0 else { return .settled }
        let isListed = flow.has(FlowRecord.Flag.listed)
        let replies = flow.account.packetCount(.reply, isListed: isListed)
        let packets = replies &+ flow.account.packetCount(.original, isListed: isListed)
        if flow.has(FlowRecord.Flag.seenReply) {
            guard packet.state == .established, packets >= Self.answeredPackets else { return .settled }
        } else {
            guard flow.transportProtocol != IPProtocol.tcp || settings.tcp == .off, packets >= Self.unansweredPackets, replies == 0
            else { return .settled }
        }
        return isSteady(record) ? .wantsPath : .settled
    }

    /// Protocols of which the program knows the headers: all that are no IPv6 extension header, have no state of their own that it would
    /// have to follow, and no checksum that it can't compute.
    static func isCarriable(_ number: UInt8, _ destinationPort: UInt16) -> Bool {
        switch number {
        // Echoes only, and no calls of PPTP's.
        case IPProtocol.icmp: destinationPort >> 8 == 8
        case IPProtocol.icmpv6: destinationPort >> 8 == 128
        case IPProtocol.gre: destinationPort == 0
        case IPProtocol.hopByHopOptions, IPProtocol.routing, IPProtocol.fragment, IPProtocol.destinationOptions, IPProtocol.noNextHeader,
            IPProtocol.authentication, IPProtocol.sctp, IPProtocol.dccp, 135, 139, 140, 253, 254:
            false
        default: true
        }
    }

    /// TCP that is established, and about which nothing is open.
    func isSteady(_ record: Int32) -> Bool {
        guard table[record].transportProtocol == IPProtocol.tcp else { return true }
        if settings.tcp == .off { return table[record].memory.first.0 == 0 }
        guard table[record].has(FlowRecord.Flag.assured) else { return false }
        let connection = TCPConnection(table[record].memory)
        func isKnown(_ peer: TCPPeer) -> Bool { peer.maxWindow > 0 && peer.has(TCPPeer.Flag.hasMaxAck) }
        return connection.state == .established && connection.lastKind == .ack && isKnown(connection.original) && isKnown(connection.reply)
    }

    /// What is noted of one direction of a flow that is to be carried.
    public struct CarriedWay: Sendable {
        /// Number of the rules' path for its packets, from 1.
        public var path: UInt16
        /// The port by which its packets come.
        public var side: UInt8
        /// The first 12 bytes of its frames.
        public var addresses: (destination: UInt64, source: UInt64)
        /// The path depends on them.
        public var checksAddresses: Bool
        /// Its frames have one tag, which stands apart.
        public var isTagged: Bool

        public init(path: UInt16, side: UInt8, addresses: (destination: UInt64, source: UInt64), checksAddresses: Bool, isTagged: Bool) {
            self.path = path
            self.side = side
            self.addresses = addresses
            self.checksAddresses = checksAddresses
            self.isTagged = isTagged
        }
    }

    /// The flow of a packet can't be carried under the rules in force.
    public mutating func refuseToCarry(_ packet: TrackedPacket) {
        guard let record = packet.flow else { return }
        release(record)
        carriage.setPath(FlowCarriage.refusedPath, of: record, .original)
        carriage.setPath(FlowCarriage.refusedPath, of: record, .reply)
    }

    /// Notes the path of a packet's direction. Returns false if all entries are in use.
    public mutating func carry(_ packet: TrackedPacket, by way: CarriedWay, now: UInt64) -> Bool {
        guard let record = packet.flow, let entries = carriage.entries else { return true }
        let isOriginal = packet.direction == .original
        let originalIsFar = isOriginal ? way.side == 1 : way.side == 0
        let isUnanswered = packet.state == .new
        if let slot = carriage.slot(of: record) {
            let flags = carriage[slot].flags
            // The hosts have changed sides, or what is known is the way of packets that nothing had answered.
            if (flags & FlowCarriage.Flag.originalIsFar != 0) != originalIsFar
                || (flags & FlowCarriage.Flag.isUnanswered != 0) != isUnanswered
            {
                release(record)
            }
        }
        let known = carriage.slot(of: record)
        guard let slot = known ?? carriage.take(for: record) else { return false }
        if known == nil {
            let flow = table[record]
            guard let key = CarriedKey(flow.original, side: originalIsFar ? 1 : 0, link: flow.link) else {
                carriage.detach(slot)
                refuseToCarry(packet)
                return true
            }
            entries.setKey(key, slot)
            var flags: UInt16 = originalIsFar ? FlowCarriage.Flag.originalIsFar : 0
            if way.isTagged { flags |= FlowCarriage.Flag.isTagged }
            if isUnanswered { flags |= FlowCarriage.Flag.isUnanswered }
            carriage[slot].flags |= flags
            let isWindowed = flow.transportProtocol == IPProtocol.tcp && settings.tcp != .off
            var bits: UInt32 = isWindowed ? CarriedEntry.Flag.tracksWindow : 0
            if settings.verifiesChecksums { bits |= CarriedEntry.Flag.verifiesChecksum }
            entries.store(bits, slot, CarriedEntry.flags)
        }
        entries.lock(slot)
        let block = CarriedEntry.sides &+ Int(way.side) &* CarriedEntry.Side.size
        let octets = CarriedAddresses(way.addresses.destination, way.addresses.source)
        entries.store(octets.outer, slot, block &+ CarriedEntry.Side.macStart)
        entries.store(octets.first, slot, block &+ CarriedEntry.Side.macFirst)
        entries.store(octets.second, slot, block &+ CarriedEntry.Side.macSecond)
        var bits = entries.load(slot, CarriedEntry.flags)
        bits |= way.side == 0 ? CarriedEntry.Flag.nearSide : CarriedEntry.Flag.farSide
        if way.checksAddresses { bits |= CarriedEntry.Flag.checksMAC }
        entries.store(bits, slot, CarriedEntry.flags)
        entries.unlock(slot)
        carriage.setPath(way.path, of: record, packet.direction)
        queue(slot, now: now)
        return true
    }

    /// Holds a packet of a flow that waits against what was noted of its direction: other addresses have to pass the rules again.
    public mutating func check(_ packet: TrackedPacket, side: UInt8, addresses: (destination: UInt64, source: UInt64), now: UInt64) {
        guard let record = packet.flow, let slot = carriage.slot(of: record), let entries = carriage.entries else { return }
        let flags = carriage[slot].flags
        let isFar = flags & FlowCarriage.Flag.originalIsFar != 0
        let expected: UInt8 = (packet.direction == .original) == isFar ? 1 : 0
        let isAnswered = flags & FlowCarriage.Flag.isUnanswered != 0 && packet.state != .new
        if side != expected || isAnswered { return release(record) }
        let block = CarriedEntry.sides &+ Int(side) &* CarriedEntry.Side.size
        let octets = CarriedAddresses(addresses.destination, addresses.source)
        if entries.load(slot, CarriedEntry.flags) & CarriedEntry.Flag.checksMAC == 0 {
            // Any will do.
        } else if entries.load(slot, block &+ CarriedEntry.Side.macStart) != octets.outer
            || entries.load(slot, block &+ CarriedEntry.Side.macFirst) != octets.first
            || entries.load(slot, block &+ CarriedEntry.Side.macSecond) != octets.second
        {
            return release(record)
        }
        queue(slot, now: now)
    }

    /// Has a flow wait to be handed over if all of its ways are known.
    mutating func queue(_ slot: Int, now: UInt64) {
        let flags = carriage[slot].flags
        guard flags & (FlowCarriage.Flag.isCarried | FlowCarriage.Flag.waits) == 0, isWhole(slot) else { return }
        // The program has known an older entry long enough.
        carriage[slot].since = flags & FlowCarriage.Flag.isKnown == 0 ? now : now &- Self.grace
        if flags & FlowCarriage.Flag.isKnown == 0 { carriage.order(slot) }
        carriage.wait(slot)
    }

    /// The rules' paths are known for all packets that the entry is for.
    func isWhole(_ slot: Int) -> Bool {
        let record = carriage[slot].record
        func isKnown(_ direction: FlowDirection) -> Bool {
            let path = carriage.path(of: record, direction)
            return path != FlowCarriage.unknownPath && path != FlowCarriage.refusedPath
        }
        return isKnown(.original) && (carriage[slot].flags & FlowCarriage.Flag.isUnanswered != 0 || isKnown(.reply))
    }

}

/// MAC addresses as an entry holds them.
struct CarriedAddresses {
    /// Bytes 0 and 1 of the frame, then 10 and 11.
    var outer: UInt32
    var first: UInt32
    var second: UInt32

    init(_ destination: UInt64, _ source: UInt64) {
        func word(_ octets: (UInt64, UInt64, UInt64, UInt64)) -> UInt32 {
            UInt32(bigEndian: UInt32(truncatingIfNeeded: octets.0 << 24 | octets.1 << 16 | octets.2 << 8 | octets.3))
        }
        func octet(_ index: UInt64) -> UInt64 { (index < 6 ? destination >> (40 - 8 * index) : source >> (40 - 8 * (index - 6))) & 0xff }
        outer = word((octet(0), octet(1), octet(10), octet(11)))
        first = word((octet(2), octet(3), octet(4), octet(5)))
        second = word((octet(6), octet(7), octet(8), octet(9)))
    }
}
