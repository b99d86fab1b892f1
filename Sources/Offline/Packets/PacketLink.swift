import Ruleset
import Wire

/// What a line says of an Ethernet header.
struct EthernetFields {
    /// A host's address at the first port, if the line gives none.
    static let near: UInt64 = 0x0200_0000_0001
    /// The same at the second port.
    static let far: UInt64 = 0x0200_0000_0002

    var source: UInt64?
    var destination: UInt64?
    /// In place of what follows' own.
    var type: UInt16?
    /// True if the type's place has the length of what is after it (IEEE 802.3).
    var hasLength = false
}

extension PacketParser {
    static let etherOptions = ["type", "llc"]
    static let vlanOptions = ["pcp", "dei", "tpid", "type"]
    static let arpOptions = ["who-has", "tell", "is-at", "saddr", "daddr", "htype", "ptype", "hlen", "plen"]

    /// Where nothing that is known follows: IEEE 802, local experiments.
    private static let experimental: UInt16 = 0x88b5

    mutating func ether() throws(Diagnostic) -> PacketLayer {
        let start = next()
        var fields = EthernetFields()
        if current.kind == .word, PacketNames.ethernet(current.text) != nil {
            fields.source = try ethernetAddress()
            try greater("ether 02:00:00:00:00:01 > 02:00:00:00:00:02")
            fields.destination = try ethernetAddress()
        }
        while let word = option(of: Self.etherOptions) {
            if word == "llc" {
                fields.hasLength = true
            } else {
                fields.type = try number("the EtherType", .etherType)
            }
        }
        var layer = ethernet(fields, at: location(start))
        layer.ethernet = fields
        return layer
    }

    func ethernet(_ fields: EthernetFields, at place: SourceLocation) -> PacketLayer {
        PacketLayer("ether", .link, at: place, etherType: 0x6558) { body, next, _ in
            let destination = fields.destination ?? EthernetFields.far
            let source = fields.source ?? EthernetFields.near
            let type = fields.hasLength ? UInt16(truncatingIfNeeded: body.count) : fields.type ?? next?.etherType ?? Self.experimental
            return Array(destination.octets.suffix(6) + source.octets.suffix(6)) + type.octets + body
        }
    }

    mutating func vlan() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let identifier: UInt16 = try number("the VLAN's number", upTo: 4095)
        var priority: UInt16 = 0
        var isEligible = false
        var tpid = EtherType.vlan
        var type: UInt16?
        while let word = option(of: Self.vlanOptions) {
            switch word {
            case "pcp": priority = try number("the priority", upTo: 7)
            case "dei": isEligible = true
            case "tpid": tpid = try number("the TPID", .etherType)
            default: type = try number("the EtherType", .etherType)
            }
        }
        let control = priority << 13 | (isEligible ? 0x1000 : 0) | identifier
        return PacketLayer("vlan", .tag, at: location(start), etherType: tpid) { body, next, _ in
            control.octets + (type ?? next?.etherType ?? Self.experimental).octets + body
        }
    }

    /// RFC 826; `arp request who-has 10.0.0.2 tell 10.0.0.1`, `arp reply 10.0.0.1 is-at 02:00:00:00:00:01`.
    mutating func arp() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let operation: UInt16 = try number("the operation", .arpOperation)
        var sender: UInt32 = 0
        var target: UInt32 = 0
        var senderHardware: UInt64?
        var targetHardware: UInt64 = 0
        var (hardware, network): (UInt16, UInt16) = (1, EtherType.ipv4)
        var (hardwareLength, networkLength): (UInt8, UInt8) = (6, 4)
        if current.kind == .word, PacketNames.ipv4(current.text) != nil {
            sender = try ipv4Address()
            if skip(.greater) { target = try ipv4Address() }
        }
        while let word = option(of: Self.arpOptions) {
            switch word {
            case "who-has": target = try ipv4Address()
            case "tell": if operation == 1 { sender = try ipv4Address() } else { target = try ipv4Address() }
            case "is-at", "saddr": senderHardware = try ethernetAddress()
            case "daddr": targetHardware = try ethernetAddress()
            case "htype": hardware = try number("the hardware type")
            case "ptype": network = try number("the protocol type", .etherType)
            case "hlen": hardwareLength = try number("the length of hardware addresses")
            default: networkLength = try number("the length of protocol addresses")
            }
        }
        let words = hardware.octets + network.octets + [hardwareLength, networkLength] + operation.octets
        let source = (senderHardware ?? EthernetFields.near).octets.suffix(6)
        let packet = words + source + sender.octets + targetHardware.octets.suffix(6) + target.octets
        var layer = PacketLayer("arp", .network, at: location(start), etherType: EtherType.arp) { body, _, _ in packet + body }
        if operation == 1 { layer.linkDestination = 0xffff_ffff_ffff }
        return layer
    }
}
