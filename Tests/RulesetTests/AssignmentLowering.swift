import Ruleset

extension SearchedHeader {
    /// As nft's debug output calls it.
    var base: String {
        switch kind {
        case .ipv6ExtensionHeader: "exthdr ipv6 \(number)"
        case .ipv4Option: "exthdr ipv4 \(number)"
        case .tcpOption: "exthdr tcpopt \(number)"
        case .sctpChunk: "exthdr sctp \(number)"
        // nft 1.0.6 knows no tunnels.
        case .vxlan, .geneve, .gre, .gretap: "inner \(kind) \(number)"
        case .payload: "inner"
        }
    }
}

extension ShiftedBits {
    /// One after the other, as the kernel is told.
    fileprivate var load: Load {
        var load = field.load
        for step in steps {
            switch step {
            case .shift(let distance) where distance < 0: load.shift(right: -distance)
            case .shift(let distance): load.shift(left: distance)
            case .bits(let mask, let xor):
                load.mask(mask ?? field.allOnes)
                load.xor = xor
            // nft 1.0.6 has none of these.
            case .combined: break
            }
        }
        return load
    }
}

extension HostSetting {
    var steps: [Step] {
        switch self {
        case .connectionEvents(let bits): [.test("event \(bits)")]
        case .trace(let isOn): [.test("nftrace \(isOn ? 1 : 0)")]
        case .priority(let assignment):
            if case .constant(let number) = assignment.value { [.test("priority \(number)")] } else { [.test("map")] }
        }
    }
}

extension Assignment {
    /// What the kernel would be told: the octets that are written, the bits of them that stay, and the checksums that follow.
    var steps: [Step] {
        if field == .metaMark || field == .ctMark {
            let name = field == .metaMark ? "mark" : "ct mark"
            switch value {
            case .constant(let number): return [.test("\(name) \(number)")]
            case .bits(let component): return [.test("\(name) = \(component.load.wholePlace)")]
            case .shifted(let bits): return [.test("\(name) = \(bits.load.wholePlace)")]
            case .field, .mapped, .removed: return [.test("map")]
            }
        }
        let octets = field.searchedHeader == nil ? field.writtenOctets : field.octets
        let place = "\(field.load.base)+\(octets.lowerBound)/\(octets.count)"
        let shift = UInt128(field.trailingBits + 8 * (octets.upperBound - field.octets.upperBound))
        let kept = Load.all(octets.count) & ~(field.allOnes << shift)
        let written =
            switch value {
            case .constant(let number) where kept == 0: "= \(number)"
            case .constant(let number): "&\(String(kept, radix: 16)) | \(number << shift)"
            case .mapped, .bits, .shifted, .removed: "map"
            case .field(let source): "= \(source.load.base)+\(source.octets.lowerBound)/\(source.load.bytes)"
            }
        return [.test("\(place) \(written) \(field.searchedHeader == nil ? checksums : "")")]
    }

    private var checksums: String {
        let pseudo = field.isInPseudoHeader ? "0x1" : "0x0"
        return switch field.checksum {
        case .internet(let octet): "checksum 1 at \(octet) pseudo \(pseudo)"
        case .cyclic(let octet): "checksum 2 at \(octet) pseudo \(pseudo)"
        case nil: "checksum 0 at 0 pseudo \(pseudo)"
        }
    }
}
