/// The five fields of a packet.
public struct ClassBenchHeader: Sendable, Hashable {
    public var source: UInt32
    public var destination: UInt32
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    public var transportProtocol: UInt8

    /// At a corner of the rule, or somewhere inside of it where it leaves a field open.
    public init(atCornerOf rule: ClassBenchRule, using random: inout some RandomNumberGenerator) {
        func corner<Number: FixedWidthInteger & UnsignedInteger>(_ low: Number, _ high: Number) -> Number {
            switch UInt8.random(in: 0..<8, using: &random) {
            case 0..<3: low
            case 3..<6: high
            case 6: .random(in: low...high, using: &random)
            // Beside it.
            default: Bool.random(using: &random) ? low &- 1 : high &+ 1
            }
        }
        source = corner(rule.source.first, rule.source.last)
        destination = corner(rule.destination.first, rule.destination.last)
        sourcePort = corner(rule.sourcePorts.lowerBound, rule.sourcePorts.upperBound)
        destinationPort = corner(rule.destinationPorts.lowerBound, rule.destinationPorts.upperBound)
        transportProtocol = rule.transportProtocol ?? Self.protocols.randomElement(using: &random) ?? 6
    }

    /// Anything.
    public init(using random: inout some RandomNumberGenerator) {
        source = .random(in: 0 ... .max, using: &random)
        destination = .random(in: 0 ... .max, using: &random)
        sourcePort = .random(in: 0 ... .max, using: &random)
        destinationPort = .random(in: 0 ... .max, using: &random)
        transportProtocol = Self.protocols.randomElement(using: &random) ?? 6
    }

    private static let protocols: [UInt8] = [1, 6, 6, 17, 47]

    /// An Ethernet frame of 60 bytes with that packet. Checksums are 0: rules don't look at them.
    public var frame: [UInt8] {
        var bytes: [UInt8] = [0x02, 0x77, 0, 0, 0, 2, 0x02, 0x77, 0, 0, 0, 1, 0x08, 0x00]
        // IPv4: version and header length, type of service, total length, identification, flags, time to live, protocol, checksum.
        bytes += [0x45, 0, 0, 46, 0, 1, 0, 0, 64, transportProtocol, 0, 0]
        for address in [source, destination] { for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(address >> shift & 0xff)) } }
        for port in [sourcePort, destinationPort] { bytes += [UInt8(port >> 8), UInt8(port & 0xff)] }
        // Of TCP the header is whole: its length stands in the high bits of octet 12.
        bytes += [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2]
        return bytes + [UInt8](repeating: 0, count: 60 - bytes.count)
    }
}

extension ClassBenchRule {
    /// Whether the rule matches a packet that has ports.
    public func holds(_ header: ClassBenchHeader) -> Bool {
        source.first <= header.source && header.source <= source.last && destination.first <= header.destination
            && header.destination <= destination.last && sourcePorts.contains(header.sourcePort)
            && destinationPorts.contains(header.destinationPort)
            && (transportProtocol ?? header.transportProtocol) == header.transportProtocol
    }
}
