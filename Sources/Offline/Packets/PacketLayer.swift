import Ruleset
import Wire

/// One header of a described packet, or its payload.
struct PacketLayer {
    enum Kind: Sendable {
        case link, tag, network, extensionHeader, transport, payload
    }

    /// What checksums of transport headers count of the packet around them.
    struct Addresses {
        var source: UInt128
        var destination: UInt128
        var isIPv6: Bool
    }

    /// As it is written: `tcp`.
    var name: String
    var kind: Kind
    /// Where it is written.
    var location: SourceLocation
    /// By which the link layer or GRE announces it.
    var etherType: UInt16?
    /// By which IP announces it.
    var ipProtocol: UInt8?
    var addresses: Addresses?
    /// The Ethernet address that such packets go to, where that is no single host's.
    var linkDestination: UInt64?
    /// An Ethernet header's fields, as they were written.
    var ethernet: EthernetFields?
    /// Maximum bytes, with its payload; nil where its header has no length, or another was asked for.
    var limit: Int?
    /// The header with what is after it.
    var encode: (_ body: [UInt8], _ next: PacketLayer?, _ outer: Addresses?) -> [UInt8]

    init(
        _ name: String, _ kind: Kind, at location: SourceLocation, etherType: UInt16? = nil, ipProtocol: UInt8? = nil, limit: Int? = nil,
        encode: @escaping (_ body: [UInt8], _ next: PacketLayer?, _ outer: Addresses?) -> [UInt8]
    ) {
        self.name = name
        self.kind = kind
        self.location = location
        self.etherType = etherType
        self.ipProtocol = ipProtocol
        self.limit = limit
        self.encode = encode
    }
}

extension [PacketLayer] {
    /// The bytes of all layers, from the inside out.
    /// - Parameter outer: The layers of the packet that these stand in.
    func composed() throws(Diagnostic) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in indices.reversed() {
            let layer = self[index]
            let outer = self[..<index].last { $0.addresses != nil }?.addresses
            bytes = layer.encode(bytes, index + 1 < count ? self[index + 1] : nil, outer)
            let limit = layer.limit ?? PacketParser.longestFrame
            guard bytes.count <= limit else {
                throw Diagnostic(
                    severity: .error, location: layer.location,
                    message: "'\(layer.name)' has \(bytes.count) bytes including its payload; the limit is \(limit)")
            }
        }
        return bytes
    }
}

/// What is asked for of a checksum.
enum ChecksumWish {
    case right, wrong
    case none
    case value(UInt32)

    /// - Parameter right: As it has to be.
    func checksum(_ right: UInt16) -> UInt16 {
        switch self {
        case .right: right
        // Neither the right one, nor the other zero of one's complement, nor UDP's word for "none".
        case .wrong: right >= 0xfffe ? 1 : right + 1
        case .none: 0
        case .value(let value): UInt16(truncatingIfNeeded: value)
        }
    }

    func checksum(_ right: UInt32) -> UInt32 {
        switch self {
        case .right: right
        case .wrong: right ^ 1
        case .none: 0
        case .value(let value): value
        }
    }
}

/// Sums of composed bytes.
enum Sums {
    static func internet(_ bytes: [UInt8]) -> UInt16 {
        var checksum = Checksum()
        checksum.add(bytes.span.bytes)
        return checksum.value
    }

    /// The checksum of a transport header and its payload; the checksum field is 0.
    static func transport(_ bytes: [UInt8], protocol number: UInt8, _ outer: PacketLayer.Addresses?, covered: Int? = nil) -> UInt16 {
        var checksum = Checksum()
        if let outer {
            if outer.isIPv6 {
                checksum.addIPv6PseudoHeader(source: outer.source, destination: outer.destination, protocol: number, length: bytes.count)
            } else {
                checksum.addIPv4PseudoHeader(source: outer.source, destination: outer.destination, protocol: number, length: bytes.count)
            }
        }
        checksum.add(Array(bytes.prefix(covered ?? bytes.count)).span.bytes)
        return checksum.value
    }

    /// CRC-32C (RFC 9260, appendix A), as it stands in a packet: least significant octet first.
    static func cyclic(_ bytes: [UInt8]) -> UInt32 {
        var remainder = UInt32.max
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0x82f6_3b78 : 0) }
        }
        return (~remainder).byteSwapped
    }
}

extension FixedWidthInteger {
    /// The number's octets, most significant first.
    var octets: [UInt8] {
        stride(from: Self.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> Self($0)) }
    }
}
