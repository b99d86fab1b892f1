import Ruleset
import Storage
import Wire

/// What is read from a frame: octets of a header, or one of the few things that are known of it beside them.
///
/// Fields in the same octets share a load: every port is the same 16 bits to nft, and a code point lies where the ECN bits lie. The
/// mask of an instruction cuts out the field.
struct Load: Hashable, BitwiseCopyable, Sendable {
    enum Base: UInt8 {
        /// Bit 0 or bit 1: the port by which the frame came, as far as a chain knows the ingress port, or the egress port.
        case ingress, egress
        case networkProtocol, transportProtocol, length, packetType
        /// Not in the frame: rules write it, into a slot of its own.
        case mark
        case time, day, hour
        case link, network, transport

        // The same for the packet only, as tables of IP's families see it: without padding, and as sent to the host.
        case packetLength, packetTypeToHost, packet

        /// Netfilter's number of the packet's family.
        case family
        /// `end` itself, for what is the same in all frames.
        case constant
        /// Octets of a header, option or chunk that is searched for, or whether it is there.
        case searched, presence

        /// What is known of the packet's connection.
        case connection
        /// Not in the frame: drawn whenever a rule asks (`NumberDraws`), and never loaded.
        case drawn
        /// Not in the frame: read whenever a rule asks (`PathMTU`), and never loaded.
        case pathSegment
    }

    var base: Base
    /// Octets that are read, 1 to 16; 0 where none are.
    var count: UInt8 = 0
    /// The octet after the last of them, from the base on.
    var end: UInt16 = 0
    /// What is searched for, in the last two bases.
    var header = SearchedHeader(.tcpOption, 0)
    /// What is read of the connection, in that base.
    var connection = ConnectionLoad(.state)

    /// What a rule in a table of that family reads.
    init(_ field: Field, in family: Family) {
        let isBridge = family == .bridge
        switch field.source {
        case .meta(.iifname), .meta(.iif): base = .ingress
        case .meta(.oifname), .meta(.oif): base = .egress
        case .meta(.protocol): base = .networkProtocol
        case .meta(.l4proto): base = .transportProtocol
        case .meta(.length): base = isBridge ? .length : .packetLength
        case .meta(.pkttype): base = isBridge ? .packetType : .packetTypeToHost
        case .meta(.nfproto):
            base = isBridge ? .constant : .family
            if isBridge { end = NetfilterFamily.bridge }
        case .meta(.iiftype), .meta(.oiftype), .meta(.iifgroup), .meta(.oifgroup), .meta(.priority):
            base = .constant
            end = field.onlyNumber ?? 0
        case .meta(.mark): base = .mark
        case .meta(.random), .generated: base = .drawn
        case .meta(.pathSegment): base = .pathSegment
        case .meta(.time): base = .time
        case .meta(.day): base = .day
        case .meta(.hour): base = .hour
        case .payload(let header, _):
            base =
                switch header {
                case .link: .link
                case .network: isBridge ? .network : .packet
                case .transport: .transport
                }
            // Fields have at most 16 octets, and offsets in bits that 16 bits hold (`Field.raw`).
            count = UInt8(truncatingIfNeeded: field.octets.count)
            end = UInt16(truncatingIfNeeded: field.octets.upperBound)
        case .searched(let header, _):
            base = .searched
            count = UInt8(truncatingIfNeeded: field.octets.count)
            end = UInt16(truncatingIfNeeded: field.octets.upperBound)
            self.header = header
        case .presence(let header):
            base = .presence
            self.header = header
        case .constant: base = .constant
        case .connection(let key):
            base = .connection
            connection = ConnectionLoad(key)
        }
    }

    /// The value, with nft's meaning on a bridge and in the families of IP; nil if it can't be read in this frame. Of a header's octets the value is in the low
    /// `8 * count` bits, and the others say nothing.
    ///
    /// The kernel holds the outermost tag apart from the frame. Link-layer loads see it put back; network-layer loads begin after
    /// it, whatever stands there; the transport layer is known only where IP stands right there (`nft_do_chain_bridge`). Priority tags
    /// are not there, unless all tags are: see `ParsedFrame.ruleTag`.
    @inline(__always)
    func value(_ bytes: RawSpan, _ frame: ParsedFrame, _ context: FrameContext) -> UInt128? {
        let end = Int(end)
        switch base {
        case .network:
            guard end <= bytes.byteCount &- frame.linkPayloadOffset else { return nil }
            return number(in: bytes, endingAt: frame.linkPayloadOffset &+ end)
        case .transport:
            // Up to the packet's end, not the frame's: padding is no payload. The kernel reads on into it; its fast path for loads of
            // 1, 2 and 4 bytes (`nft_payload_fast_eval`, seen on 6.18) also reads later fragments, whose bytes are no header.
            // Where the header's place is not known its length is 0.
            guard end <= frame.transportLength, frame.vlanCount <= 1 else { return nil }
            return number(in: bytes, endingAt: frame.transportOffset &+ end)
        case .ingress, .egress: return Self.port(context.ingress)
        case .packet:
            guard end <= frame.networkLength else { return nil }
            return number(in: bytes, endingAt: frame.networkOffset &+ end)
        case .time: return UInt128(context.instant.sinceEpoch)
        case .day: return UInt128(context.instant.weekday)
        case .hour: return UInt128(context.instant.secondOfDay)
        default: return frame.malformation == .ethernetHeaderCutOff ? nil : linkValue(bytes, frame)
        }
    }

    /// The bit of the port by which a frame came, whether rules ask for that or for the one that it leaves by.
    @inline(__always)
    static func port(_ ingress: UInt8) -> UInt128 { ingress < 2 ? 1 &<< UInt128(ingress) : 0 }

    /// What a frame has that has a whole Ethernet header.
    @inline(__always)
    private func linkValue(_ bytes: RawSpan, _ frame: ParsedFrame) -> UInt128? {
        switch base {
        case .transportProtocol:
            guard frame.vlanCount <= 1, let number = frame.transportProtocol else { return nil }
            return UInt128(number)
        case .networkProtocol: return UInt128(frame.outerEtherType)
        case .constant: return UInt128(end)
        case .length: return UInt128(frame.linkPayloadLength)
        case .packetType: return packetType(frame.destinationAddress)
        case .packetLength: return UInt128(frame.networkLength)
        case .packetTypeToHost:
            // br_nf_pre_routing and its like take a packet for another host as one for this one.
            let type = packetType(frame.destinationAddress)
            return type == PacketType.otherHost ? PacketType.host : type
        case .family: return UInt128(frame.network == .ipv6 ? NetfilterFamily.ipv6 : NetfilterFamily.ipv4)
        case .searched, .presence: return searchedValue(bytes, frame)
        case .link:
            // In front of the type and tag everything stands where it stands in the bytes; from there on the tag may not.
            guard let tag = frame.ruleTag, end > TaggedHeader.tag else {
                return Int(end) <= bytes.byteCount ? number(in: bytes, endingAt: Int(end)) : nil
            }
            return taggedValue(bytes, frame, tag)
        case .ingress, .egress, .network, .transport, .packet, .time, .day, .hour, .mark, .connection, .drawn, .pathSegment: return nil
        }
    }

    @inline(never)
    private func searchedValue(_ bytes: RawSpan, _ frame: ParsedFrame) -> UInt128? {
        switch header.innerPart {
        case .etherType: return InnerPacket(of: header.kind, in: bytes, frame)?.etherType.map { UInt128($0) }
        case .transportProtocol: return InnerPacket(of: header.kind, in: bytes, frame)?.transportProtocol.map { UInt128($0) }
        case .tunnel, .link, .network, .transport, nil: break
        }
        switch HeaderSearch(for: header, in: bytes, frame) {
        case .found(let range):
            if base == .presence { return 1 }
            return Int(end) <= range.count ? number(in: bytes, endingAt: range.lowerBound &+ Int(end)) : nil
        case .absent, .unreadable: return base == .presence ? 0 : nil
        case .otherProtocol: return nil
        }
    }

    /// The octets before `end`, and above them whatever precedes them: so one load does for any count.
    @inline(__always)
    private func number(in bytes: RawSpan, endingAt end: Int) -> UInt128 {
        if end >= 16 { return bytes.be128(at: end &- 16) }
        if bytes.byteCount >= 16 { return bytes.be128(at: 0) &>> UInt128(8 &* (16 &- end)) }
        return (0..<end).reduce(0) { $0 << 8 | UInt128(bytes.u8(at: $1)) }
    }

    /// linux/if_packet.h
    private enum PacketType {
        static let host: UInt128 = 0
        static let broadcast: UInt128 = 1
        static let multicast: UInt128 = 2
        static let otherHost: UInt128 = 3
    }

    /// linux/netfilter.h
    private enum NetfilterFamily {
        static let ipv4: UInt16 = 2
        static let bridge: UInt16 = 7
        static let ipv6: UInt16 = 10
    }

    private enum TaggedHeader {
        static let tag = 12
        static let length = 18
    }

    /// Octet by octet. As type after the tag the kernel shows `skb->protocol`, which is another number where a length stands there
    /// (`nft_payload_rebuild_vlan_hdr`).
    @inline(never)
    private func taggedValue(_ bytes: RawSpan, _ frame: ParsedFrame, _ tag: VLANTag) -> UInt128? {
        let payload = frame.linkPayloadOffset &- TaggedHeader.length
        let end = Int(end)
        guard end &+ payload <= bytes.byteCount else { return nil }
        let header = UInt64(tag.tpid) << 32 | UInt64(tag.tci) << 16 | UInt64(frame.outerEtherType)
        var value: UInt128 = 0
        for index in end &- Int(count)..<end {
            let octet =
                switch index {
                case ..<TaggedHeader.tag: bytes.u8(at: index)
                case ..<TaggedHeader.length:
                    UInt8(truncatingIfNeeded: header &>> UInt64(8 &* (TaggedHeader.length &- 1 &- index)))
                default: bytes.u8(at: index &+ payload)
                }
            value = value << 8 | UInt128(octet)
        }
        return value
    }

    /// As `eth_type_trans` sets it on a port whose own address is not the destination: a bridge forwards no others.
    @inline(never)
    private func packetType(_ destination: UInt64) -> UInt128 {
        if destination == 0xffff_ffff_ffff { return PacketType.broadcast }
        return destination >> 40 & 1 == 1 ? PacketType.multicast : PacketType.otherHost
    }
}

/// The values that a program's rules ask of one frame, in memory that the caller lends: each is read once, however many rules ask.
///
/// An inline array in its place was copied whole for every value that was read.
@safe
struct LoadedValues: ~Copyable {
    /// Slots: 46 for the loads that come first in a program, one for the frame's mark, one that is read into again whenever a rule asks
    /// for another, and 16 for the components of a key that is looked up. In all no more than 1,024 bytes, which is what Swift takes
    /// from the stack.
    static let capacity = 64
    static let mark = 46
    static let spare = 47
    private static let keys = 48
    static let keyCapacity = capacity - keys

    private let slots: UnsafeMutableBufferPointer<UInt128>
    private let packetConnection: UnsafeMutablePointer<PacketConnection>
    /// Outlives this: the caller that classifies a frame holds it.
    private unowned(unsafe) let live: LiveConnections
    /// The program's, which outlives this too.
    private let draws: NumberDraws
    private let path: PathMTU
    /// Bit n: slot n could be read, and holds its value. The others hold nothing.
    private var readable: UInt64 = 1 << UInt64(spare) | 1 << UInt64(mark)

    /// - Parameters:
    ///   - slots: `capacity` of them, which outlive this.
    ///   - connection: The packet's, which outlives this too: copying it would take longer than trying ten rules.
    @unsafe
    init(
        in slots: UnsafeMutableBufferPointer<UInt128>, connection: UnsafeMutablePointer<PacketConnection>, live: LiveConnections,
        draws: NumberDraws, path: PathMTU
    ) {
        unsafe self.slots = slots
        self.draws = draws
        self.path = path
        unsafe packetConnection = connection
        unsafe self.live = live
        setMark(0)
    }

    /// The packet's connection, as rules have left it.
    var connection: PacketConnection {
        @inline(__always)
        _read { yield unsafe packetConnection.pointee }
        @inline(__always)
        nonmutating _modify { yield unsafe &packetConnection.pointee }
    }

    /// What `ct count` sees.
    @inline(__always)
    var counted: CountedConnection { unsafe CountedConnection(connection, live) }

    /// The slot's value; nil if it can't be read in this frame.
    @inline(__always)
    subscript(slot: UInt8) -> UInt128? {
        let slot = Int(slot) & (Self.capacity &- 1)
        return readable &>> UInt64(slot) & 1 == 1 ? unsafe slots[slot] : nil
    }

    @inline(__always)
    mutating func set(_ slot: Int, _ value: UInt128) {
        unsafe slots.initializeElement(at: slot & (Self.capacity &- 1), to: value)
        readable |= 1 &<< UInt64(slot)
    }

    /// Reads what is known of the packet's connection into the slots of those loads.
    mutating func readConnection(_ loads: borrowing FrozenArray<Load>, slots: borrowing FrozenArray<UInt8>) {
        for index in 0..<slots.count {
            let slot = Int(slots[index])
            if let value = loads[slot].connection.value(of: connection) { set(slot, value) } else { clear(slot) }
        }
    }

    /// For a load without a slot, in the rules of a program that asks for more than have one; or what is drawn.
    /// - Parameter number: Of the load, or below 0 of what is drawn: see `drawn`.
    @inline(never)
    func late(
        _ number: Int32, _ loads: borrowing FrozenArray<Load>, _ bytes: RawSpan, _ frame: ParsedFrame, _ context: FrameContext
    ) -> UInt128? {
        if number < 0 { return draws.next(Int(Self.drawn(number))) }
        let load = loads[Int(number)]
        if load.base == .connection { return load.connection.value(of: connection) }
        if load.base == .pathSegment { return path.largestSegment(of: frame) }
        return load.value(bytes, frame, context)
    }

    /// The number of what is drawn, in place of a load's, and the other way round: both begin with 0.
    @inline(__always)
    static func drawn(_ number: Int32) -> Int32 { ~number }

    /// The next number of what is drawn.
    @inline(__always)
    func draw(_ number: Int32) -> UInt128 { draws.next(Int(number)) }

    /// From now on the slot can't be read.
    mutating func clear(_ slot: Int) {
        readable &= ~(1 &<< UInt64(slot))
    }

    /// The spare slot can always be read: who does first puts a value there.
    @inline(__always)
    func setSpare(_ value: UInt128) {
        unsafe slots.initializeElement(at: Self.spare, to: value)
    }

    /// What the frame is marked with.
    var frameMark: UInt128 { unsafe slots[Self.mark] }

    /// Marks the frame.
    @inline(__always)
    func setMark(_ value: UInt128) {
        unsafe slots.initializeElement(at: Self.mark, to: value)
    }

    /// A component of the key that is looked up.
    @inline(__always)
    func setKey(_ index: Int, _ value: UInt128) {
        unsafe slots.initializeElement(at: Self.keys &+ index & (Self.keyCapacity &- 1), to: value)
    }

    /// A component that has been set.
    @inline(__always)
    func key(_ index: Int) -> UInt128 { unsafe slots[Self.keys &+ index & (Self.keyCapacity &- 1)] }
}
