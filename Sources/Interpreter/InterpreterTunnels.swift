import Ruleset

/// What a tunnel carries, cut out layer by layer: the plain form of `InnerPacket`.
struct InterpreterTunnel {
    var tunnel: [UInt8]
    var link: [UInt8]?
    var network: [UInt8]?
    var transport: [UInt8]?
    var etherType: Int?
    var transportProtocol: UInt8?

    /// What follows a transport header; nil where the kernel knows no end of it.
    static func payload(of segment: [UInt8], carriedBy carrier: UInt8) -> [UInt8]? {
        let length: Int
        switch carrier {
        case 17: length = 8
        case 6:
            guard segment.count >= 20 else { return nil }
            length = Int(segment[12] / 16) * 4
        case 47:
            guard segment.count >= 4, segment[1] % 8 == 0, segment[0] / 64 % 2 == 0 else { return nil }
            let bits = [segment[0] / 128, segment[0] / 32 % 2, segment[0] / 16 % 2]
            length = 4 + bits.reduce(0) { $0 + Int($1) } * 4
        case 4: length = 0
        default: return nil
        }
        return length <= segment.count ? Array(segment.dropFirst(length)) : nil
    }

    init?(_ kind: SearchedHeader.Kind, in segment: [UInt8], carriedBy carrier: UInt8) {
        guard carrier == 17 || carrier == 47, let payload = Self.payload(of: segment, carriedBy: carrier) else { return nil }
        tunnel = carrier == 47 ? segment : payload
        var rest = payload
        if carrier == 17 {
            var length = [.vxlan, .geneve].contains(kind) ? 8 : 4
            if kind == .geneve {
                guard payload.count >= 8 else { return nil }
                length += Int(payload[0] % 64) * 4
            }
            guard length <= rest.count else { return nil }
            rest = Array(rest.dropFirst(length))
        }
        if kind == .gre {
            guard rest.count >= 4, [4, 6].contains(rest[0] / 16) else { return nil }
            etherType = rest[0] / 16 == 4 ? 0x0800 : 0x86dd
            guard cutNetwork(rest, etherType) else { return nil }
            return
        }
        guard rest.count >= 14 else { return nil }
        link = rest
        etherType = Int(rest[12]) * 256 + Int(rest[13])
        if etherType == 0x8100 {
            guard rest.count >= 18 else { return nil }
            guard cutNetwork(Array(rest.dropFirst(18)), Int(rest[16]) * 256 + Int(rest[17])) else { return nil }
        } else {
            guard cutNetwork(Array(rest.dropFirst(14)), etherType) else { return nil }
        }
    }

    private mutating func cutNetwork(_ packet: [UInt8], _ type: Int?) -> Bool {
        switch type {
        case 0x0800:
            guard packet.count >= 20, packet[0] / 16 == 4, packet[0] % 16 >= 5 else { return false }
            network = packet
            if packet[6] % 32 == 0, packet[7] == 0 {
                let length = Int(packet[0] % 16) * 4
                transport = length <= packet.count ? Array(packet.dropFirst(length)) : nil
                transportProtocol = packet[9]
            }
            return true
        case 0x86dd:
            guard packet.count >= 40, packet[0] / 16 == 6 else { return false }
            network = packet
            var next = packet[6]
            var rest = packet.dropFirst(40)
            while [0, 43, 44, 51, 60].contains(next) {
                let header = Array(rest)
                guard header.count >= (next == 44 ? 4 : 2) else { return false }
                if next == 44, Int(header[2]) * 256 + Int(header[3]) >= 8 { return true }
                let length = next == 44 ? 8 : next == 51 ? Int(header[1]) * 4 + 8 : Int(header[1]) * 8 + 8
                next = header[0]
                rest = rest.dropFirst(length)
            }
            transport = Array(rest)
            transportProtocol = next
            return true
        default: return false
        }
    }

    /// From a part on, to the packet's end.
    func octets(_ part: SearchedHeader.InnerPart) -> [UInt8]? {
        switch part {
        case .tunnel: tunnel
        case .link: link
        case .network: network
        case .transport: transport
        case .etherType: etherType.map { [UInt8($0 / 256), UInt8($0 % 256)] }
        case .transportProtocol: transportProtocol.map { [$0] }
        }
    }
}
