import Decisions
import Wire

/// What was seen of a DCCP connection, as the kernel's tracker named it (`enum ct_dccp_states`).
enum DCCPState: UInt8, BitwiseCopyable {
    case none
    case request
    case respond
    case partOpen
    case open
    case closeRequest
    case closing
    case timeWait

    var timeout: FlowTimeout {
        switch self {
        case .none, .request: .dccpRequest
        case .respond: .dccpRespond
        case .partOpen: .dccpPartOpen
        case .open: .dccpOpen
        case .closeRequest: .dccpCloseRequest
        case .closing: .dccpClosing
        case .timeWait: .dccpTimeWait
        }
    }
}

/// DCCP packet types (RFC 4340, section 5.1).
private enum DCCPType: UInt8 {
    case request
    case response
    case data
    case ack
    case dataAck
    case closeRequest
    case close
    case reset
    case sync
    case syncAck
}

/// A DCCP connection (`struct nf_ct_dccp`), as it is worked on; `TransportMemory` holds it.
private struct DCCPConnection: BitwiseCopyable {
    var state = DCCPState.none
    /// Which side is the client: the one that began the flow, unless a reincarnation went the other way.
    var client = FlowDirection.original
    var lastType: UInt8 = 0
    var lastDirection = FlowDirection.original
    var handshakeSequence: UInt64 = 0

    init() {}

    init(_ memory: TransportMemory) {
        handshakeSequence = UInt64(memory.first.1) << 32 | UInt64(memory.first.0)
        let bits = memory.first.2
        state = DCCPState(rawValue: UInt8(truncatingIfNeeded: bits & 0xff)) ?? .none
        client = bits >> 8 & 1 == 0 ? .original : .reply
        lastDirection = bits >> 9 & 1 == 0 ? .original : .reply
        lastType = UInt8(truncatingIfNeeded: bits >> 16)
    }

    var memory: TransportMemory {
        var memory = TransportMemory()
        let bits = UInt32(state.rawValue) | UInt32(client.rawValue) << 8 | UInt32(lastDirection.rawValue) << 9 | UInt32(lastType) << 16
        memory.first = (UInt32(truncatingIfNeeded: handshakeSequence), UInt32(truncatingIfNeeded: handshakeSequence >> 32), bits, 0)
        return memory
    }

    /// Let through without believing it.
    static let ignored: UInt8 = 8
    static let invalid: UInt8 = 9

    /// By state, in the order of `DCCPState`.
    private static func row(
        _ none: UInt8, _ request: UInt8, _ respond: UInt8, _ partOpen: UInt8, _ open: UInt8, _ closeRequest: UInt8, _ closing: UInt8,
        _ timeWait: UInt8
    ) -> UInt32 {
        let low = UInt32(none) | UInt32(request) << 4 | UInt32(respond) << 8 | UInt32(partOpen) << 12
        return low | UInt32(open) << 16 | UInt32(closeRequest) << 20 | UInt32(closing) << 24 | UInt32(timeWait) << 28
    }

    /// Where a packet leads (`dccp_state_table`): the number of a state, `ignored` or `invalid`.
    static func next(isClient: Bool, _ type: DCCPType, from state: DCCPState) -> UInt8 {
        let (rq, rs, pO, op): (UInt8, UInt8, UInt8, UInt8) = (1, 2, 3, 4)
        let (cR, cG, tW, ig, iv): (UInt8, UInt8, UInt8, UInt8, UInt8) = (5, 6, 7, ignored, invalid)
        let row =
            switch (isClient, type) {
            //                              no  rq  rs  po  op  cr  cg  tw
            case (true, .request): row(rq, rq, rs, ig, ig, ig, ig, rq)
            case (true, .response): row(iv, ig, ig, ig, ig, ig, ig, iv)
            case (true, .ack), (true, .dataAck): row(iv, iv, pO, pO, op, cR, cG, iv)
            case (true, .data): row(iv, iv, iv, iv, op, cR, cG, iv)
            case (true, .closeRequest): row(iv, iv, iv, iv, iv, iv, iv, iv)
            case (true, .close): row(iv, iv, iv, cG, cG, cG, iv, iv)
            case (false, .request): row(iv, ig, ig, ig, ig, ig, ig, rq)
            case (false, .response): row(iv, rs, rs, ig, ig, ig, ig, iv)
            case (false, .ack), (false, .dataAck), (false, .data): row(iv, iv, iv, op, op, iv, cG, iv)
            case (false, .closeRequest): row(iv, iv, iv, cR, cR, cR, cR, iv)
            case (false, .close): row(iv, iv, iv, cG, cG, iv, cG, iv)
            case (true, .reset): row(iv, tW, tW, tW, tW, tW, tW, ig)
            // The kernel's table for the server has one entry too many, so that the last one in use says TIMEWAIT.
            case (false, .reset): row(iv, tW, tW, tW, tW, tW, tW, tW)
            case (_, .sync), (_, .syncAck): row(iv, ig, ig, ig, ig, ig, ig, ig)
            }
        return UInt8(truncatingIfNeeded: row >> (UInt32(state.rawValue) &* 4) & 0xf)
    }
}

/// DCCP as conntrack followed it (`dccp_packet`, in Linux up to 6.15).
extension FlowTracker {
    mutating func stepDCCP(_ bytes: RawSpan, _ packet: PacketContext, _ record: Int32, _ direction: FlowDirection, isNew: Bool) -> FlowStep
    {
        let place = packet.place
        guard place.length >= 12 else { return .invalid(.shortPacket) }
        let start = place.offset
        let headerLength = Int(bytes.u8(at: start &+ 4)) &* 4
        guard headerLength >= 12, headerLength <= place.length else { return .invalid(.truncated) }
        // 0 covers all, n the header and n - 1 words of the data (RFC 4340, section 9.2).
        let words = Int(bytes.u8(at: start &+ 5) & 0xf)
        let coverage = words == 0 ? place.length : headerLength &+ (words &- 1) &* 4
        if place.isWhole, coverage > place.length { return .invalid(.badCoverage) }
        if packet.verifiesChecksum, !place.hasRightChecksum(bytes, at: 6, coverage: coverage, &invalidNumbers) {
            return .invalid(.badChecksum)
        }
        guard let type = DCCPType(rawValue: bytes.u8(at: start &+ 8) >> 1 & 0xf) else { return .invalid(.dccpType) }
        guard let numbers = Numbers(bytes, start, headerLength) else { return .invalid(.truncated) }

        var connection = isNew ? DCCPConnection() : DCCPConnection(table[record].memory)
        if type == .reset, !isNew, !table[record].has(FlowRecord.Flag.seenReply) { return .end }
        let old = connection.state
        let next = DCCPConnection.next(isClient: connection.client == direction, type, from: old)
        guard next != DCCPConnection.invalid else { return .invalid(.dccpState) }
        var new = DCCPState(rawValue: next)
        switch new {
        case .request:
            // Begun again, by the other side.
            if old == .timeWait { connection.client = direction }
        case .respond: if old == .request { connection.handshakeSequence = numbers.sequence }
        case .partOpen:
            if old == .respond, type == .ack, numbers.acknowledgement == connection.handshakeSequence { assure(record) }
        case nil:
            let isAnswer = connection.lastDirection != direction && connection.lastType == DCCPType.request.rawValue && type == .response
            if isAnswer {
                // A request that was let through was right after all.
                connection.client = direction.opposite
                connection.handshakeSequence = numbers.sequence
                new = .respond
            }
        default: break
        }
        connection.lastDirection = direction
        connection.lastType = type.rawValue
        if let new { connection.state = new }
        table[record].memory = connection.memory
        guard let new else { return .keep }
        return .refresh(limit(record, new.timeout))
    }

    /// Sequence and acknowledgement numbers (RFC 4340, sections 5.1 and 5.3).
    private struct Numbers {
        var sequence: UInt64
        var acknowledgement: UInt64 = 0

        init?(_ bytes: RawSpan, _ start: Int, _ headerLength: Int) {
            let isExtended = bytes.u8(at: start &+ 8) & 1 == 1
            let length = isExtended ? 16 : 12
            guard headerLength >= length else { return nil }
            sequence =
                isExtended
                ? UInt64(bytes.be16(at: start &+ 10)) << 32 | UInt64(bytes.be32(at: start &+ 12))
                : UInt64(bytes.be32(at: start &+ 8) & 0xff_ffff)
            if isExtended, headerLength >= length &+ 8 {
                acknowledgement = UInt64(bytes.be16(at: start &+ length &+ 2)) << 32 | UInt64(bytes.be32(at: start &+ length &+ 4))
            }
        }
    }
}
