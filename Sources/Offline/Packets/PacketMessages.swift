import Ruleset
import Wire

/// ICMP, ICMPv6 and IGMP.
extension PacketParser {
    static let icmpOptions = ["code", "id", "seq", "mtu", "gateway", "pointer", "target", "group", "maxdelay", "("] + checksumOptions
    static let igmpOptions = ["group", "mrt"] + checksumOptions

    /// What a message has after its checksum.
    private struct MessageFields {
        var identification: UInt16 = 1
        var sequence: UInt16 = 1
        /// The word after the checksum: an MTU, a gateway, or a pointer.
        var word: UInt32?
        var address: UInt128?
        var quoted: [UInt8] = []
    }

    /// RFC 792, RFC 4443: the message with what its type has after the checksum; `(ip …)` is the packet that an error quotes.
    mutating func icmp(isIPv6: Bool) throws(Diagnostic) -> PacketLayer {
        let start = next()
        let type: UInt8 = try number("the type", isIPv6 ? .icmpv6Type : .icmpType)
        var code: UInt8 = 0
        var fields = MessageFields()
        var wish = ChecksumWish.right
        while true {
            if try checksum(&wish) { continue }
            if current.kind == .open {
                fields.quoted = try quotedPacket()
                continue
            }
            guard let word = option(of: Self.icmpOptions) else { break }
            switch word {
            case "code": code = try number("the code", isIPv6 ? .icmpv6Code : .icmpCode)
            case "id": fields.identification = try number("the identification")
            case "seq": fields.sequence = try number("the sequence number")
            case "mtu": fields.word = try number("the MTU")
            case "gateway": fields.word = try ipv4Address()
            case "pointer":
                let pointer: UInt32 = try number("the pointer", upTo: isIPv6 ? .max : 255)
                fields.word = isIPv6 ? pointer : pointer << 24
            case "maxdelay": fields.word = try UInt32(number("the longest delay in milliseconds", upTo: UInt16.max)) << 16
            default: fields.address = try ipv6Address()
            }
        }
        let number = isIPv6 ? IPProtocol.icmpv6 : IPProtocol.icmp
        let content = isIPv6 ? Self.icmpv6Content(type, fields) : Self.icmpContent(type, fields)
        return PacketLayer(start.text, .transport, at: location(start), ipProtocol: number) { body, _, outer in
            var message = [type, code, 0, 0] + content + body
            let sum = isIPv6 ? Sums.transport(message, protocol: number, outer) : Sums.internet(message)
            message.replaceSubrange(2..<4, with: wish.checksum(sum).octets)
            return message
        }
    }

    private static func icmpContent(_ type: UInt8, _ fields: MessageFields) -> [UInt8] {
        let query = fields.identification.octets + fields.sequence.octets
        return switch type {
        case 0, 8, 15, 16: query
        case 13, 14: query + [UInt8](repeating: 0, count: 12)
        case 17, 18: query + [0, 0, 0, 0]
        default: (fields.word ?? 0).octets + fields.quoted
        }
    }

    private static func icmpv6Content(_ type: UInt8, _ fields: MessageFields) -> [UInt8] {
        let word = (fields.word ?? 0).octets
        let address = (fields.address ?? 0).octets
        return switch type {
        case 128, 129: fields.identification.octets + fields.sequence.octets
        // RFC 2710, RFC 4861 4.
        case 130, 131, 132, 135, 136: word + address
        case 134: word + [0, 0, 0, 0, 0, 0, 0, 0]
        case 137: word + address + address
        default: word + fields.quoted
        }
    }

    /// RFC 2236, and of RFC 3376 a report of one group.
    mutating func igmp() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let type: UInt8 = try number("the type", .igmpType)
        var group: UInt32 = 0
        var time: UInt8 = 0
        var wish = ChecksumWish.right
        while true {
            if try checksum(&wish) { continue }
            guard let word = option(of: Self.igmpOptions) else { break }
            if word == "group" {
                group = try ipv4Address()
            } else {
                time = try number("the longest response time in tenths of a second")
            }
        }
        let content: [UInt8] = type == 34 ? [0, 0, 0, 1, 4, 0, 0, 0] + group.octets : group.octets
        return PacketLayer("igmp", .transport, at: location(start), ipProtocol: 2) { body, _, _ in
            var message = [type, time, 0, 0] + content + body
            message.replaceSubrange(2..<4, with: wish.checksum(Sums.internet(message)).octets)
            return message
        }
    }
}

/// SCTP and DCCP.
extension PacketParser {
    static let sctpOptions = ["vtag", "chunk"] + checksumOptions
    private static let chunkOptions = ["flags", "tsn", "stream", "ssn", "ppid", "vtag", "data"]
    static let dccpOptions = ["seq", "ack", "service"] + checksumOptions

    /// RFC 9260 3.
    mutating func sctp() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let ports = try portPair("sctp")
        var tag: UInt32 = 0
        var chunks: [UInt8] = []
        var wish = ChecksumWish.right
        while true {
            if try checksum(&wish, UInt32.self) { continue }
            guard let word = option(of: Self.sctpOptions) else { break }
            if word == "vtag" {
                tag = try number("the verification tag")
            } else {
                chunks += try chunk()
            }
            guard chunks.count <= 65_535 else { throw fail(start, "the chunks are longer than 65535 bytes") }
        }
        let header = ports + tag.octets + [0, 0, 0, 0] + chunks
        return PacketLayer("sctp", .transport, at: location(start), ipProtocol: IPProtocol.sctp) { body, _, _ in
            var packet = header + body
            packet.replaceSubrange(8..<12, with: wish.checksum(Sums.cyclic(packet)).octets)
            return packet
        }
    }

    private mutating func chunk() throws(Diagnostic) -> [UInt8] {
        let type: UInt8 = try number("the chunk's type", .sctpChunk)
        var flags: UInt8 = type == 0 ? 3 : 0
        var (sequence, protocolIdentifier, tag): (UInt32, UInt32, UInt32) = (1, 0, 1)
        var (stream, streamSequence): (UInt16, UInt16) = (0, 0)
        var data: [UInt8]?
        while let word = option(of: Self.chunkOptions) {
            switch word {
            case "flags": flags = try number("the chunk's flags")
            case "tsn": sequence = try number("the transmission sequence number")
            case "stream": stream = try number("the stream")
            case "ssn": streamSequence = try number("the stream sequence number")
            case "ppid": protocolIdentifier = try number("the payload protocol identifier")
            case "vtag": tag = try number("the initiate tag")
            default: data = try bytes("the chunk's data")
            }
        }
        let fixed: [UInt8] =
            switch type {
            case 0: sequence.octets + stream.octets + streamSequence.octets + protocolIdentifier.octets
            // A window of 65,535 bytes, ten streams each way.
            case 1, 2: tag.octets + UInt32(65_535).octets + UInt16(10).octets + UInt16(10).octets + sequence.octets
            case 3: sequence.octets + UInt32(65_535).octets + [0, 0, 0, 0]
            case 7, 12, 13, 192, 193, 128: sequence.octets
            default: []
            }
        let value = fixed + (data ?? (type == 0 ? [0, 0, 0, 0] : []))
        let length = UInt16(truncatingIfNeeded: 4 + value.count)
        return [type, flags] + length.octets + value + Array(repeating: 0, count: (4 - value.count % 4) % 4)
    }

    /// RFC 4340 5, with sequence numbers of 48 bits.
    mutating func dccp() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let ports = try portPair("dccp")
        let type: UInt8 =
            isAtNumber || current.kind == .word && PacketNames.number(current.text, .dccpType) != nil
            ? try number("the packet type", .dccpType, upTo: 15) : 0
        var (sequence, acknowledgement): (UInt64, UInt64) = (1, 0)
        var service: UInt32 = 0
        var wish = ChecksumWish.right
        while true {
            if try checksum(&wish) { continue }
            guard let word = option(of: Self.dccpOptions) else { break }
            switch word {
            case "seq": sequence = try number("the sequence number", upTo: 1 << 48 - 1)
            case "ack": acknowledgement = try number("the acknowledgement number", upTo: 1 << 48 - 1)
            default: service = try number("the service code")
            }
        }
        var content = Array(sequence.octets.suffix(6))
        if type != 0, type != 2 { content += [0, 0] + acknowledgement.octets.suffix(6) }
        if type <= 1 { content += service.octets }
        if type == 7 { content += [0, 0, 0, 0] }
        let words = UInt8(truncatingIfNeeded: (10 + content.count) / 4)
        let header = ports + [words, 0, 0, 0, type << 1 | 1, 0] + content
        return PacketLayer("dccp", .transport, at: location(start), ipProtocol: IPProtocol.dccp) { body, _, outer in
            var packet = header + body
            packet.replaceSubrange(6..<8, with: wish.checksum(Sums.transport(packet, protocol: IPProtocol.dccp, outer)).octets)
            return packet
        }
    }
}
