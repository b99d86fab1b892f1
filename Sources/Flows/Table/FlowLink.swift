import Storage
import Wire

/// Where a flow runs: the pair of ports, the IP version and the VLANs, in 32 bits. The same addresses elsewhere are another flow.
///
/// Up to two tags stand as they are, types and identifiers; of more, 24 bits of a keyed hash. Neither the priority nor a tag that has
/// nothing else counts: a host that sends with priority tags gets answers without.
///
///     bits 31…28  the pair of ports
///     bit 27      IPv6
///     bits 26…24  which tags: 0 none, 1 and 2 one, 3 to 6 two, 7 more
///     bits 23…0   the outer identifier and the inner one, 12 bits each
enum FlowLink {
    static let isIPv6: UInt32 = 1 << 27

    static func packed(_ bytes: RawSpan, _ frame: ParsedFrame, ingress: UInt8, _ hash: KeyedHash) -> UInt32 {
        var link = UInt32(ingress >> 1 & 0xf) << 28
        if frame.network == .ipv6 { link |= isIPv6 }
        guard frame.vlanCount > 0 else { return link }
        var tags = Tags()
        frame.forEachTag(bytes) { tags.add($0, hash) }
        return link | tags.packed
    }

    /// The tags of a packed link.
    static func vlans(_ link: UInt32) -> FlowVLANs {
        var vlans = FlowVLANs()
        switch link >> 24 & 7 {
        case 0: break
        case 1, 2:
            vlans.count = 1
            vlans.outer = UInt16(truncatingIfNeeded: link & 0xfff)
        case 7: vlans.count = 3
        default:
            vlans.count = 2
            vlans.outer = UInt16(truncatingIfNeeded: link >> 12 & 0xfff)
            vlans.inner = UInt16(truncatingIfNeeded: link & 0xfff)
        }
        return vlans
    }

    private struct Tags {
        var count = 0
        var kinds: UInt32 = 0
        var identifiers: UInt32 = 0
        var mixed: UInt64 = 0

        mutating func add(_ tag: VLANTag, _ hash: KeyedHash) {
            guard tag.namesVLAN else { return }
            count &+= 1
            mixed = hash.mix(UInt64(tag.tpid) << 12 | UInt64(tag.identifier), mixed)
            kinds = kinds << 1 | (tag.tpid == EtherType.providerVLAN ? 1 : 0)
            identifiers = identifiers << 12 | UInt32(tag.identifier)
        }

        var packed: UInt32 {
            switch count {
            case 0: 0
            case 1: (1 &+ (kinds & 1)) << 24 | identifiers & 0xfff
            case 2: (3 &+ (kinds & 3)) << 24 | identifiers & 0xff_ffff
            default: 7 << 24 | UInt32(truncatingIfNeeded: mixed >> 40)
            }
        }
    }
}
