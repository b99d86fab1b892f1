/// What is wrong with a frame that can be parsed all the same: a Linux bridge or a receiving host drops such frames before any rule.
public enum Irregularity: UInt8, Sendable, CaseIterable {
    /// More tags that name a VLAN than are allowed: rules do not see what follows them.
    case vlanDepth
    /// The source MAC address is a group's or all zeros (`is_valid_ether_addr` in `br_handle_frame`).
    case sourceMAC
    /// The source IP address is a group's, the limited broadcast, or all zeros where no host may use that.
    case sourceAddress
    /// IPv6 hop-by-hop options that do not add up (`nf_ip6_check_hbh_len`).
    case hopByHopOptions

    /// The name in counters, captures and reports; it does not change between releases.
    public var name: String {
        switch self {
        case .vlanDepth: "vlan-depth"
        case .sourceMAC: "source-mac"
        case .sourceAddress: "source-address"
        case .hopByHopOptions: "hop-by-hop-options"
        }
    }
}

extension ParsedFrame {
    /// Says what Linux would drop the frame for before any rule, in the order in which Linux looks; nil if nothing.
    /// - Parameter bytes: What it was parsed from. The frame is not malformed.
    public func irregularity(in bytes: RawSpan) -> Irregularity? {
        guard malformation == nil, bytes.byteCount >= Ethernet.headerLength else { return nil }
        let source = bytes.be48(at: Ethernet.source)
        if source == 0 || source >> 40 & 1 == 1 { return .sourceMAC }
        switch network {
        case .ipv4: return isIPv4SourceValid(bytes) ? nil : .sourceAddress
        case .ipv6:
            if hasInvalidHopByHopOptions(bytes) { return .hopByHopOptions }
            return isIPv6SourceValid ? nil : .sourceAddress
        case .arp, .other: return nil
        }
    }

    /// As `ip_route_input_slow` and `ip_mc_validate_source` have it: no groups, no limited broadcast, and 0.0.0.0/8 only to the limited
    /// broadcast (DHCP), to groups of the link (224.0.0.0/24), and in IGMP.
    private func isIPv4SourceValid(_ bytes: RawSpan) -> Bool {
        let source = UInt32(truncatingIfNeeded: self.source)
        let destination = UInt32(truncatingIfNeeded: self.destination)
        if source >> 28 == 0xe || source == .max { return false }
        guard source >> 24 == 0 else { return true }
        return destination == .max || destination >> 8 == 0xe0_0000 || transportProtocol == 2 && destination >> 28 == 0xe
    }

    /// RFC 4291, section 2.7: a group is never a source (`ip6_rcv_core`). Section 2.5.2: the unspecified address belongs to hosts that
    /// have none yet, and those write to groups (RFC 4862, RFC 3590).
    private var isIPv6SourceValid: Bool {
        if source >> 120 == 0xff { return false }
        return source != 0 || destination >> 120 == 0xff
    }

    /// RFC 8200, section 4.2, and RFC 2675, section 3.
    ///
    ///     +---------------+---------------+-----------+---------------+---------
    ///     |  Next Header  |  Hdr Ext Len  |  option   |  data length  |  data …
    ///     +---------------+---------------+-----------+---------------+---------
    private func hasInvalidHopByHopOptions(_ bytes: RawSpan) -> Bool {
        guard bytes.u8(at: networkOffset &+ IPv6.nextHeader) == IPProtocol.hopByHopOptions else { return false }
        let start = networkOffset &+ IPv6.headerLength
        // The parser has seen that the header ends within the packet.
        let end = min(start &+ (Int(bytes.u8(at: start &+ 1)) &+ 1) &* 8, networkEnd)
        var offset = start &+ 2
        while offset < end {
            let option = bytes.u8(at: offset)
            if option == HopByHopOption.pad1 {
                offset &+= 1
                continue
            }
            guard end &- offset >= 2 else { return true }
            let length = Int(bytes.u8(at: offset &+ 1)) &+ 2
            guard length <= end &- offset else { return true }
            if option == HopByHopOption.jumbo {
                // Aligned to 4n + 2, counted from the header.
                guard length == 6, (offset &- start) & 3 == 2, bytes.be32(at: offset &+ 2) > 0xffff,
                    bytes.be16(at: networkOffset &+ IPv6.payloadLength) == 0
                else { return true }
            }
            offset &+= length
        }
        return false
    }

    private enum HopByHopOption {
        static let pad1: UInt8 = 0
        static let jumbo: UInt8 = 0xc2
    }
}
