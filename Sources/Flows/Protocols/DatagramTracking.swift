import Decisions
import Wire

extension FlowTracker {
    /// UDP: a flow is assured when it has gone both ways for more than two seconds (`nf_conntrack_udp_packet`).
    mutating func stepUDP(_ bytes: RawSpan, _ packet: PacketContext, _ record: Int32, isNew: Bool) -> FlowStep {
        let place = packet.place
        guard place.length >= 8 else { return .invalid(.shortPacket) }
        let length = Int(bytes.be16(at: place.offset &+ 4))
        if place.isWhole {
            guard length >= 8, length <= place.length else { return .invalid(.truncated) }
        }
        if packet.verifiesChecksum, bytes.be16(at: place.offset &+ 6) != 0, !place.hasRightChecksum(bytes, at: 6, &invalidNumbers) {
            return .invalid(.badChecksum)
        }
        if isNew { table[record].memory.first.0 = Tick.at(packet.now) &+ Tick.count(ofSeconds: 2) }
        return .refresh(datagramTicks(record, at: packet.now))
    }

    /// How long a UDP flow lasts from a packet on.
    mutating func datagramTicks(_ record: Int32, at now: UInt64) -> UInt32 {
        let tick = Tick.at(now)
        guard table[record].has(FlowRecord.Flag.seenReply) else { return limit(record, .udp) }
        let isStream = FlowTable.isReached(table[record].memory.first.0, at: tick)
        guard isStream || table[record].has(FlowRecord.Flag.assured) else { return limit(record, .udp) }
        assure(record)
        // 32 bits of ticks come around; an assured flow is a stream for good.
        table[record].memory.first.0 = tick
        return limit(record, .udpStream)
    }

    /// UDP-Lite (RFC 3828): assured with the first packet after the first answer (`nf_conntrack_udplite_packet`).
    ///
    /// The pseudo header has UDP-Lite's own number, as RFC 3828 says; the kernel sums UDP's.
    mutating func stepUDPLite(_ bytes: RawSpan, _ packet: PacketContext, _ record: Int32) -> FlowStep {
        let place = packet.place
        guard place.length >= 8 else { return .invalid(.shortPacket) }
        let said = Int(bytes.be16(at: place.offset &+ 4))
        let coverage = said == 0 ? place.length : said
        if place.isWhole {
            guard coverage >= 8, coverage <= place.length else { return .invalid(.badCoverage) }
        }
        guard bytes.be16(at: place.offset &+ 6) != 0 else { return .invalid(.noChecksum) }
        if packet.verifiesChecksum, !place.hasRightChecksum(bytes, at: 6, coverage: coverage, &invalidNumbers) {
            return .invalid(.badChecksum)
        }
        guard table[record].has(FlowRecord.Flag.seenReply) else { return .refresh(limit(record, .udp)) }
        assure(record)
        return .refresh(limit(record, .udpStream))
    }

    /// GRE: assured with the first packet after the first answer (`nf_conntrack_gre_packet`).
    mutating func stepGRE(_ record: Int32) -> FlowStep {
        guard table[record].has(FlowRecord.Flag.seenReply) else { return .refresh(limit(record, .gre)) }
        assure(record)
        return .refresh(limit(record, .greStream))
    }
}
