import Offline
import Regions
import Ruleset
import Wire

/// A packet with what it has in the variables of regions, read from its bytes by hand.
struct ReadPacket {
    let example: ExamplePacket
    let state: UInt32
    private let bytes: [UInt8]
    private let frame: ParsedFrame

    init(_ text: String, state: UInt32) {
        var now: UInt64 = 0
        let packet = try? PacketLanguage.packet(text, ports: ports, after: &now)
        let own = packet?.frames.first ?? []
        bytes = own
        let parsed = ParsedFrame.parse(own.span.bytes, tag: nil)
        frame = parsed
        let isIP = parsed.network == .ipv4 || parsed.network == .ipv6
        self.state = isIP ? state : 64
        example = ExamplePacket(
            text: text, connectionState: isIP ? state : nil, connection: [:], time: nil, missing: [], ingress: packet?.ingress ?? 0)
    }

    private var network: FrameKind.Network {
        switch frame.network {
        case .ipv4: .ipv4
        case .ipv6: .ipv6
        case .arp, .other: frame.outerEtherType < 0x600 ? .length : .other
        }
    }

    private func bits(_ start: Int, _ from: Int, _ count: Int) -> UInt128 {
        (start * 8 + from..<start * 8 + from + count).reduce(0) { number, bit in
            number << 1 | (bit / 8 < bytes.count ? UInt128(bytes[bit / 8] >> UInt8(7 - bit % 8) & 1) : 0)
        }
    }

    /// Nil for what depends on earlier frames: it may be anything.
    private func value(_ variable: Variable) -> UInt128? {
        switch variable {
        case .ingress: return UInt128(example.ingress)
        case .tag: return frame.outermostTag.map { $0.tpid == 0x8100 ? 1 : 2 } ?? 0
        case .type: return UInt128(frame.outerEtherType)
        case .frameLength: return bits(0, 96, 16)
        case .transportProtocol: return frame.transportProtocol.map { UInt128($0) }
        case .bits(.link, let from, let count): return bits(0, from, count)
        case .bits(.tag, let from, let count): return bits(0, 112 + from, count)
        case .bits(.network, let from, let count): return bits(frame.networkOffset, from, count)
        case .bits(.transport, let from, let count): return bits(frame.transportOffset, from, count)
        case .transportLength: return UInt128(frame.transportLength)
        case .networkLength: return UInt128(bytes.count - frame.networkOffset)
        case .length(let ofPacket): return UInt128(ofPacket ? frame.networkLength : frame.linkPayloadLength)
        case .connectionState: return UInt128(state)
        case .mark: return 0
        case .destinationKind, .earlyState, .field, .presence, .drawn, .opaque: return nil
        }
    }

    func isIn(_ region: Region) -> Bool {
        guard region.networks.contains(network) else { return false }
        if network == .ipv4 || network == .ipv6 {
            guard let transport = frame.transportProtocol, region.transports.contains(UInt128(transport)) else { return false }
        }
        return region.limits.allSatisfy { variable, set in value(variable).map(set.contains) ?? true }
    }
}
