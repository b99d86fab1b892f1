import Ruleset
import Wire

extension PacketParser {
    static let ipOptions =
        ["ttl", "tos", "dscp", "ecn", "id", "df", "mf", "evil", "offset", "option", "proto", "length", "hdrlength", "version"]
        + checksumOptions
    static let ip6Options = ["hoplimit", "dscp", "ecn", "flowlabel", "length", "nexthdr", "version"]

    /// RFC 791 3.1, with their places for addresses empty.
    private static let ipv4Options: [String: [UInt8]] = [
        "nop": [1, 1, 1, 1], "ra": [148, 4, 0, 0], "rr": [7, 7, 4, 0, 0, 0, 0, 0], "lsrr": [131, 7, 4, 0, 0, 0, 0, 0],
        "ssrr": [137, 7, 4, 0, 0, 0, 0, 0], "timestamp": [68, 8, 5, 0, 0, 0, 0, 0],
    ]

    mutating func ip() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let source = try ipv4Address()
        try greater("ip 192.0.2.1 > 192.0.2.2")
        let destination = try ipv4Address()
        var tos: UInt8 = 0
        var ttl: UInt8 = 64
        var identification: UInt16 = 1
        var flags: UInt16 = 0
        var options: [UInt8] = []
        var number: UInt8?
        var length: UInt16?
        var headerLength: UInt8?
        var version: UInt8 = 4
        var wish = ChecksumWish.right
        while true {
            if try checksum(&wish) { continue }
            guard let word = option(of: Self.ipOptions) else { break }
            switch word {
            case "ttl": ttl = try self.number("the time to live")
            case "tos": tos = try self.number("the type of service")
            case "dscp": tos = try self.number("the code point", .codePoint, upTo: 63 as UInt8) << 2 | tos & 3
            case "ecn": tos = try tos & 0xfc | self.number("the ECN code point", .congestion, upTo: 3 as UInt8)
            case "id": identification = try self.number("the identification")
            case "df": flags |= 0x4000
            case "mf": flags |= 0x2000
            case "evil": flags |= 0x8000
            case "offset": flags = try flags & 0xe000 | fragmentOffset() / 8
            case "option": options = try ipv4Option(behind: options)
            case "proto": number = try self.number("the protocol", .protocolNumber)
            case "length": length = try self.number("the total length")
            case "hdrlength": headerLength = try self.number("the header's length in words of 4 bytes", upTo: 15)
            default: version = try self.number("the version", upTo: 15)
            }
        }
        let words = headerLength ?? UInt8(truncatingIfNeeded: 5 + options.count / 4)
        var layer = PacketLayer("ip", .network, at: location(start), etherType: EtherType.ipv4, ipProtocol: 4) { body, next, _ in
            let total = length ?? UInt16(truncatingIfNeeded: 20 + options.count + body.count)
            var header = [version << 4 | words, tos] + total.octets + identification.octets + flags.octets
            // 253: for experiments (RFC 3692).
            header += [ttl, number ?? next?.ipProtocol ?? 253, 0, 0] + source.octets + destination.octets + options
            header.replaceSubrange(10..<12, with: wish.checksum(Sums.internet(header)).octets)
            return header + body
        }
        if length == nil { layer.limit = 65_535 }
        layer.addresses = PacketLayer.Addresses(source: UInt128(source), destination: UInt128(destination), isIPv6: false)
        // RFC 1112 6.4.
        if destination >> 28 == 0xe { layer.linkDestination = 0x0100_5e00_0000 | UInt64(destination & 0x7f_ffff) }
        if destination == .max { layer.linkDestination = 0xffff_ffff_ffff }
        return layer
    }

    /// In bytes, of which both families count eight at a time.
    mutating func fragmentOffset() throws(Diagnostic) -> UInt16 {
        let token = current
        let offset: UInt16 = try number("the offset in bytes", upTo: 65_528)
        guard offset % 8 == 0 else { throw fail(token, "a fragment's offset is a multiple of 8 bytes") }
        return offset
    }

    private mutating func ipv4Option(behind options: [UInt8]) throws(Diagnostic) -> [UInt8] {
        let token = current
        var bytes: [UInt8]
        if token.kind == .word, let known = Self.ipv4Options[token.text] {
            next()
            bytes = known
        } else {
            let names = Self.ipv4Options.keys.sorted().joined(separator: ", ")
            guard token.kind == .word, token.text.hasPrefix("0x") else {
                throw unexpected("an option", note: "accepted: \(names), or bytes as in 0x94040000")
            }
            bytes = try self.bytes("the option")
        }
        bytes += Array(repeating: 0, count: (4 - bytes.count % 4) % 4)
        guard options.count + bytes.count <= 40 else { throw fail(token, "the options are longer than 40 bytes") }
        return options + bytes
    }

    mutating func ip6() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let source = try ipv6Address()
        try greater("ip6 2001:db8::1 > 2001:db8::2")
        let destination = try ipv6Address()
        var traffic: UInt32 = 0
        var flow: UInt32 = 0
        var hops: UInt8 = 64
        var length: UInt16?
        var number: UInt8?
        var version: UInt32 = 6
        while let word = option(of: Self.ip6Options) {
            switch word {
            case "hoplimit": hops = try self.number("the hop limit")
            case "dscp": traffic = try self.number("the code point", .codePoint, upTo: 63 as UInt32) << 2 | traffic & 3
            case "ecn": traffic = try traffic & 0xfc | self.number("the ECN code point", .congestion, upTo: 3 as UInt32)
            case "flowlabel": flow = try self.number("the flow label", upTo: 0xf_ffff)
            case "length": length = try self.number("the payload's length")
            case "nexthdr": number = try self.number("the next header", .protocolNumber)
            default: version = try self.number("the version", upTo: 15)
            }
        }
        var layer = PacketLayer("ip6", .network, at: location(start), etherType: EtherType.ipv6, ipProtocol: 41) { body, next, _ in
            let first = version << 28 | traffic << 20 | flow
            let size = length ?? UInt16(truncatingIfNeeded: body.count)
            let header = first.octets + size.octets + [number ?? next?.ipProtocol ?? IPProtocol.noNextHeader, hops]
            return header + source.octets + destination.octets + body
        }
        if length == nil { layer.limit = 40 + 65_535 }
        layer.addresses = PacketLayer.Addresses(source: source, destination: destination, isIPv6: true)
        // RFC 2464 7.
        if destination >> 120 == 0xff { layer.linkDestination = 0x3333_0000_0000 | UInt64(UInt32(truncatingIfNeeded: destination)) }
        return layer
    }

    // MARK: IPv6's extension headers (RFC 8200 4)

    static let optionsHeaderOptions = ["option", "nexthdr"]
    static let routingOptions = ["type", "segleft", "address", "nexthdr"]
    static let fragmentOptions = ["id", "offset", "mf", "nexthdr"]
    static let securityOptions = ["spi", "seq"]
    static let compressionOptions = ["cpi"]
    static let greOptions = ["proto", "key", "seq", "checksum"]

    private func extensionHeader(
        _ token: PacketToken, _ number: UInt8, nextHeader: UInt8?, _ content: @escaping (_ nextHeader: UInt8) -> [UInt8]
    ) -> PacketLayer {
        PacketLayer(token.text, .extensionHeader, at: location(token), ipProtocol: number) { body, next, _ in
            content(nextHeader ?? next?.ipProtocol ?? IPProtocol.noNextHeader) + body
        }
    }

    /// Hop-by-hop and destination options: without any a PadN that fills the header.
    mutating func optionsHeader(_ number: UInt8) throws(Diagnostic) -> PacketLayer {
        let start = next()
        var options: [UInt8] = []
        var nextHeader: UInt8?
        while let word = option(of: Self.optionsHeaderOptions) {
            if word == "nexthdr" {
                nextHeader = try self.number("the next header", .protocolNumber)
            } else {
                options += try bytes("the option, as in 0x05020000,")
            }
            guard options.count <= 2046 else { throw fail(start, "the options are longer than 2046 bytes") }
        }
        let missing = (8 - (options.count + 2) % 8) % 8
        switch missing {
        case 0: break
        case 1: options += [0]
        default: options += [1, UInt8(missing - 2)] + Array(repeating: 0, count: missing - 2)
        }
        let padded = options
        return extensionHeader(start, number, nextHeader: nextHeader) { next in
            [next, UInt8(truncatingIfNeeded: (padded.count + 2) / 8 - 1)] + padded
        }
    }

    /// With the addresses after it, four bytes of the type's own between them.
    mutating func routingHeader() throws(Diagnostic) -> PacketLayer {
        let start = next()
        var type: UInt8 = 0
        var left: UInt8?
        var addresses: [UInt8] = []
        var nextHeader: UInt8?
        while let word = option(of: Self.routingOptions) {
            switch word {
            case "type": type = try number("the routing header's type")
            case "segleft": left = try number("the number of segments left")
            case "nexthdr": nextHeader = try number("the next header", .protocolNumber)
            default: addresses += try ipv6Address().octets
            }
        }
        guard addresses.count <= 127 * 16 else { throw fail(start, "a routing header of more than 127 addresses") }
        let count = addresses.count / 16
        let fields = [UInt8(truncatingIfNeeded: count * 2), type, left ?? UInt8(truncatingIfNeeded: count), 0, 0, 0, 0] + addresses
        return extensionHeader(start, IPProtocol.routing, nextHeader: nextHeader) { next in [next] + fields }
    }

    mutating func fragmentHeader() throws(Diagnostic) -> PacketLayer {
        let start = next()
        var identification: UInt32 = 1
        var offset: UInt16 = 0
        var isMore = false
        var nextHeader: UInt8?
        while let word = option(of: Self.fragmentOptions) {
            switch word {
            case "id": identification = try number("the identification")
            case "offset": offset = try fragmentOffset()
            case "mf": isMore = true
            default: nextHeader = try number("the next header", .protocolNumber)
            }
        }
        let fields = [0] + (offset | (isMore ? 1 : 0)).octets + identification.octets
        return extensionHeader(start, IPProtocol.fragment, nextHeader: nextHeader) { next in [next] + fields }
    }

    // MARK: IPsec, compression, tunnels

    private mutating func security() throws(Diagnostic) -> [UInt8] {
        var (index, sequence): (UInt32, UInt32) = (1, 1)
        while let word = option(of: Self.securityOptions) {
            if word == "spi" {
                index = try number("the security parameters index")
            } else {
                sequence = try number("the sequence number")
            }
        }
        return index.octets + sequence.octets
    }

    /// RFC 4302, with an integrity check value of 12 bytes, all of them 0.
    mutating func authentication() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let fields = try security()
        return extensionHeader(start, IPProtocol.authentication, nextHeader: nil) { next in
            [next, 4, 0, 0] + fields + [UInt8](repeating: 0, count: 12)
        }
    }

    /// RFC 4303: what is after it is encrypted, and so just bytes.
    mutating func encapsulation() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let fields = try security()
        return PacketLayer("esp", .transport, at: location(start), ipProtocol: IPProtocol.esp) { body, _, _ in fields + body }
    }

    /// RFC 3173.
    mutating func compression() throws(Diagnostic) -> PacketLayer {
        let start = next()
        var index: UInt16 = 2
        while option(of: Self.compressionOptions) != nil { index = try number("the compression parameter index") }
        let fields = [0] + index.octets
        return PacketLayer("comp", .transport, at: location(start), ipProtocol: 108) { body, _, _ in
            [IPProtocol.noNextHeader] + fields + body
        }
    }

    /// RFC 2784, RFC 2890.
    mutating func gre() throws(Diagnostic) -> PacketLayer {
        let start = next()
        var type: UInt16?
        var (key, sequence): (UInt32?, UInt32?)
        var hasChecksum = false
        while let word = option(of: Self.greOptions) {
            switch word {
            case "proto": type = try number("the protocol's EtherType", .etherType)
            case "key": key = try number("the key")
            case "seq": sequence = try number("the sequence number")
            default: hasChecksum = true
            }
        }
        let flags: UInt16 = (hasChecksum ? 0x8000 : 0) | (key != nil ? 0x2000 : 0) | (sequence != nil ? 0x1000 : 0)
        let behind = (key?.octets ?? []) + (sequence?.octets ?? [])
        return PacketLayer("gre", .transport, at: location(start), ipProtocol: IPProtocol.gre) { body, next, _ in
            var packet = flags.octets + (type ?? next?.etherType ?? EtherType.ipv4).octets
            packet += hasChecksum ? [0, 0, 0, 0] : []
            packet += behind + body
            if hasChecksum { packet.replaceSubrange(4..<6, with: Sums.internet(packet).octets) }
            return packet
        }
    }
}
