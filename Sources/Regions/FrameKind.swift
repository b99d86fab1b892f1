import Ruleset

/// A kind of frames, within which every selector reads its value at one place. Kinds don't overlap, and every frame that rules see is of
/// one of them.
///
/// Datagrams are whole here: rules see none of their fragments (`--fragments reassemble`, `drop`).
package struct FrameKind: Hashable, Sendable {
    package enum Network: Int, Hashable, Sendable, CaseIterable {
        case ipv4, ipv6
        /// An EtherType that is not IP's. Frames with two VLAN tags are among them, with the inner tag's type.
        case other
        /// A length in the type's place.
        case length
    }

    package var network: Network
    /// Protocols that follow IP. Rules tell none of them from another; empty for what is no IP.
    package var transports: ValueSet

    package var isIP: Bool { network == .ipv4 || network == .ipv6 }

    /// The only protocol.
    package var transport: UInt128? {
        guard let low = transports.lowest, transports.count(upTo: 1) == 1 else { return nil }
        return low
    }

    /// True if chains of the family see such frames.
    func isSeen(by family: Family) -> Bool {
        switch family {
        case .bridge: true
        case .inet: isIP
        case .ip: network == .ipv4
        case .ip6: network == .ipv6
        case .arp, .netdev: false
        }
    }

    /// `meta protocol`, where it is one number.
    var type: UInt128? {
        switch network {
        case .ipv4: 0x0800
        case .ipv6: 0x86dd
        case .other, .length: nil
        }
    }

    /// Numbers that the variable may have.
    package func domain(of variable: Variable) -> ValueSet {
        switch variable {
        case .ingress, .presence, .opaque: return ValueSet(0, 1)
        case .tag, .destinationKind: return ValueSet(0, 2)
        case .type where network == .length:
            // `EtherType.ieee8022` and `ieee8023`, as Linux calls them.
            return ValueSet(numbers: [1, 4])
        case .type: return ValueSet(0x600, 0xffff).subtracting(ValueSet(numbers: [0x0800, 0x86dd]))
        case .frameLength: return ValueSet(0, 0x5ff)
        case .transportProtocol: return transports
        case .transportLength, .networkLength: return ValueSet(0, 65_535)
        case .length: return ValueSet(0, 65_575)
        case .mark: return ValueSet(0, 0)
        case .connectionState: return isIP ? ValueSet(numbers: [1, 2, 4, 8, 64]) : ValueSet(64, 64)
        case .earlyState: return isIP ? ValueSet(1, 1) : ValueSet(64, 64)
        case .bits(let part, let from, let count): return domain(of: part, from: from, count: count)
        case .field(let field, _, let count): return count == field.bitWidth ? field.domain : .all(bits: count)
        case .drawn(let field, _): return ValueSet(field.generator.map { UInt128($0.offset) } ?? 0, field.highest)
        }
    }

    private func domain(of part: Variable.Part, from: Int, count: Int) -> ValueSet {
        switch (part, network, from, count) {
        case (.network, .ipv4, 0, 4): return ValueSet(4, 4)
        case (.network, .ipv4, 4, 4): return ValueSet(5, 15)
        // The flags, and no offset: the first bit and "don't fragment" may be set (RFC 791 3.1).
        case (.network, .ipv4, 48, 16): return ValueSet(numbers: [0, 0x4000, 0x8000, 0xc000])
        case (.network, .ipv6, 0, 4): return ValueSet(6, 6)
        // The first of the extension headers, or what follows them.
        case (.network, .ipv6, 48, 8): return transports.union(ValueSet(numbers: [0, 43, 44, 60]))
        default: return .all(bits: count)
        }
    }
}

extension Field {
    /// Numbers of a value that is not read from a fixed place.
    fileprivate var domain: ValueSet {
        switch self {
        case .metaDay: return ValueSet(0, 6)
        case .metaHour: return ValueSet(0, 86_399)
        case .metaTime: return ValueSet(0, UInt128(UInt64.max))
        case .ctDirection: return ValueSet(0, 1)
        default: return .all(bits: bitWidth)
        }
    }
}
