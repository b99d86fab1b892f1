import Ruleset
import Wire

/// What a field is read from. Fields of several protocols share one: every port is the same 16 bits to nft, and the match in front
/// of it says of which protocol.
///
/// Each is read once per frame, however many rules ask for it, into a slot of its own.
enum Load: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    /// Bit 0 or bit 1: the port by which the frame came.
    case ingress
    case metaProtocol, metaL4proto
    case etherSaddr, etherDaddr, etherType
    case vlanTCI, vlanType
    case arpOperation
    case ipSaddr, ipDaddr, ipProtocol
    case ip6Saddr, ip6Daddr, ip6Nexthdr
    case sourcePort, destinationPort, tcpFlags, icmpType

    /// Below `LoadedValues.capacity`, whatever the raw value.
    @inline(__always)
    var slot: Int { Int(rawValue & 31) }

    init(_ field: Field) {
        self =
            switch field {
            case .metaIifname, .metaOifname: .ingress
            case .metaProtocol: .metaProtocol
            case .metaL4proto: .metaL4proto
            case .etherSaddr: .etherSaddr
            case .etherDaddr: .etherDaddr
            case .etherType: .etherType
            case .vlanId: .vlanTCI
            case .vlanType: .vlanType
            case .arpOperation: .arpOperation
            case .ipSaddr: .ipSaddr
            case .ipDaddr: .ipDaddr
            case .ipProtocol: .ipProtocol
            case .ip6Saddr: .ip6Saddr
            case .ip6Daddr: .ip6Daddr
            case .ip6Nexthdr: .ip6Nexthdr
            case .tcpSport, .udpSport, .sctpSport, .thSport: .sourcePort
            case .tcpDport, .udpDport, .sctpDport, .thDport: .destinationPort
            case .tcpFlags: .tcpFlags
            case .icmpType, .icmpv6Type: .icmpType
            }
    }
}

/// The values that a program's rules ask of one frame, in memory that the caller lends.
///
/// An inline array in its place was copied whole for every value that was read.
@safe
struct LoadedValues: ~Copyable {
    /// A slot for each load that there can be.
    static let capacity = 32

    private let slots: UnsafeMutableBufferPointer<UInt128>
    /// Bit n: slot n could be read, and holds its value. The others hold nothing.
    private var readable: UInt32 = 0

    /// - Parameter slots: `capacity` of them, which outlive this.
    @unsafe
    init(in slots: UnsafeMutableBufferPointer<UInt128>) {
        unsafe self.slots = slots
    }

    /// The slot's value; nil if it can't be read in this frame.
    @inline(__always)
    subscript(load: Load) -> UInt128? {
        readable &>> UInt32(load.slot) & 1 == 1 ? unsafe slots[load.slot] : nil
    }

    @inline(__always)
    private mutating func set(_ load: Load, _ value: UInt128) {
        unsafe slots.initializeElement(at: load.slot, to: value)
        readable |= 1 &<< UInt32(load.slot)
    }

    /// Reads one value, with nft's meaning on a bridge.
    ///
    /// The kernel holds the outermost tag apart from the frame. Link-layer loads see it put back; network-layer loads begin behind
    /// it, whatever stands there; the transport layer is known only where IP stands right there (`nft_do_chain_bridge`).
    @inline(__always)
    mutating func read(_ load: Load, _ bytes: RawSpan, _ frame: ParsedFrame, ingress: UInt8) {
        guard load != .ingress else { return set(load, ingress < 2 ? 1 << UInt128(ingress) : 0) }
        guard frame.malformation != .ethernetHeaderCutOff else { return }
        switch load {
        case .ingress: break
        case .metaProtocol: set(load, UInt128(frame.outerEtherType))
        case .metaL4proto:
            guard frame.tagCount <= 1, let number = frame.transportProtocol else { return }
            set(load, UInt128(number))
        case .etherDaddr: set(load, UInt128(bytes.be48(at: 0)))
        case .etherSaddr: set(load, UInt128(bytes.be48(at: 6)))
        case .etherType: set(load, UInt128(frame.outermostTag?.tpid ?? bytes.be16(at: 12)))
        case .vlanTCI:
            if let tag = frame.outermostTag {
                set(load, UInt128(tag.tci))
            } else if bytes.byteCount >= 16 {
                set(load, UInt128(bytes.be16(at: 14)))
            }
        case .vlanType:
            if frame.outermostTag != nil {
                set(load, UInt128(frame.outerEtherType))
            } else if bytes.byteCount >= 18 {
                set(load, UInt128(bytes.be16(at: 16)))
            }
        case .arpOperation, .ip6Nexthdr, .ipProtocol, .ipSaddr, .ipDaddr, .ip6Saddr, .ip6Daddr:
            readNetwork(load, bytes, at: frame.linkPayloadOffset)
        case .sourcePort, .destinationPort, .tcpFlags, .icmpType:
            guard frame.tagCount <= 1, frame.hasTransport else { return }
            readTransport(load, bytes, at: frame.transportOffset, length: frame.transportLength)
        }
    }

    @inline(__always)
    private mutating func readNetwork(_ load: Load, _ bytes: RawSpan, at start: Int) {
        let length = bytes.byteCount &- start
        switch load {
        case .arpOperation where length >= 8: set(load, UInt128(bytes.be16(at: start &+ 6)))
        case .ipProtocol where length >= 10: set(load, UInt128(bytes.u8(at: start &+ 9)))
        case .ipSaddr where length >= 16: set(load, UInt128(bytes.be32(at: start &+ 12)))
        case .ipDaddr where length >= 20: set(load, UInt128(bytes.be32(at: start &+ 16)))
        case .ip6Nexthdr where length >= 7: set(load, UInt128(bytes.u8(at: start &+ 6)))
        case .ip6Saddr where length >= 24: set(load, bytes.be128(at: start &+ 8))
        case .ip6Daddr where length >= 40: set(load, bytes.be128(at: start &+ 24))
        default: break
        }
    }

    /// Up to the packet's end, not the frame's: padding is no payload. The kernel reads on into it; its fast path for loads of 1, 2 and
    /// 4 bytes (`nft_payload_fast_eval`, seen on 6.18) also reads later fragments, whose bytes are no header.
    @inline(__always)
    private mutating func readTransport(_ load: Load, _ bytes: RawSpan, at start: Int, length: Int) {
        switch load {
        case .icmpType where length >= 1: set(load, UInt128(bytes.u8(at: start)))
        case .sourcePort where length >= 2: set(load, UInt128(bytes.be16(at: start)))
        case .destinationPort where length >= 4: set(load, UInt128(bytes.be16(at: start &+ 2)))
        case .tcpFlags where length >= 14: set(load, UInt128(bytes.u8(at: start &+ 13)))
        default: break
        }
    }
}
