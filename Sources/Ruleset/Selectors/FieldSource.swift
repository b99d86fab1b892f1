extension Field {
    /// Where a field is read. What is read of each, every pass asks `traits`.
    public enum Source: Sendable, Hashable {
        /// What is known of the frame beside its bytes.
        case meta(MetaKey)
        /// Bits of a header, counted from its first, the most significant of its first octet.
        case payload(Header, bitOffset: Int)
        /// Bits of a header or option that has no place of its own, counted from its first.
        case searched(SearchedHeader, bitOffset: Int)
        /// 1 if such a header or option is there, else 0.
        case presence(SearchedHeader)
        /// What is known of the connection that the packet belongs to.
        case connection(ConnectionKey)
        /// Drawn for each frame again.
        case generated(NumberGenerator)
        /// No field: a number that a rule gives in the place of one.
        case constant
    }

    /// Where offsets begin, as nft means it on a bridge; the families of IP see the same.
    public enum Header: Sendable, Hashable {
        /// The destination's MAC address; all tags stand in their place.
        case link
        /// The first octet after the outermost tag, or after an untagged frame's EtherType.
        case network
        /// The first octet after the IP header and its extension headers.
        case transport
    }

    /// Where in a frame a field stands.
    public enum Place: Sendable, Hashable {
        case header(Header, bitOffset: Int)
        case searched(SearchedHeader, bitOffset: Int)
        /// The header as a whole, which is there or not.
        case presence(SearchedHeader)
    }

    /// Why a field can't be set.
    struct Refusal {
        /// What the message says after the field's words.
        let words: String
        let note: String
        /// That Weir lacks it is no error of the file.
        var isLimit = false
    }

    /// What passes ask of a source.
    struct Traits {
        /// nil for what isn't read from the frame's bytes.
        var place: Place?
        /// True if it is a number in the machine's own byte order, which is another type to nft than one of a header's.
        var isHostOrder = false
        /// The port that it tells of. A chain that doesn't know the port can't read it.
        var port: PortEnd?
        /// What draws its numbers.
        var generator: NumberGenerator?
        /// How values are written where no selector names the field.
        var type = ValueType.integer
        /// Why it can't be set; nil if that depends on the place.
        var refusal: Refusal?
    }

    /// The one place that lists all sources, but for how each is read (`Load`, and the interpreter's `number`) and its JSON.
    var traits: Traits {
        switch source {
        case .meta(let key):
            return Traits(
                isHostOrder: key.record.isHostOrder, port: key.record.port, generator: key == .random ? .all : nil,
                refusal: Refusal(words: "can't be changed", note: key.hostMeaning ?? Self.noField, isLimit: key.hostMeaning != nil))
        case .payload(let header, let bitOffset): return Traits(place: .header(header, bitOffset: bitOffset))
        case .searched(let header, let bitOffset):
            return Traits(
                place: .searched(header, bitOffset: bitOffset), type: header.kind == .ipv6ExtensionHeader ? .ipv6 : .integer)
        case .presence(let header):
            return Traits(
                place: .presence(header), type: .presence,
                refusal: Refusal(words: "is an option as a whole and can't be set", note: "name a field of it"))
        case .connection(let key):
            var note = "only 'ct mark' of a connection can be set"
            if key.isZone { note = "all connections are in zone 0: a frame's VLAN tells what zones would keep apart" }
            return Traits(
                isHostOrder: key.isHostOrder, refusal: Refusal(words: "can't be changed", note: note, isLimit: key.isZone))
        case .generated(let generator):
            return Traits(
                isHostOrder: true, generator: generator,
                refusal: Refusal(words: "can't be changed", note: Self.noField))
        case .constant: return Traits(refusal: Refusal(words: "can't be changed", note: Self.noField))
        }
    }

    private static let noField = "it is not a field of the frame"

    /// Where the field stands in a frame; nil for what isn't read from its bytes.
    public var place: Place? { traits.place }

    /// The port that the field tells of, if it does. Chains that don't know the port can't read it.
    public var port: PortEnd? { traits.port }

    /// What draws the field's numbers, if they are drawn.
    public var generator: NumberGenerator? { traits.generator }

    /// True if it is a number in the machine's own byte order, which is another type to nft than one of a header's.
    var isHostOrder: Bool { traits.isHostOrder }

    /// The header or option that has to be found before the field can be read, if it is one of those.
    public var searchedHeader: SearchedHeader? {
        switch place {
        case .searched(let header, _), .presence(let header): header
        case .header, nil: nil
        }
    }

    /// Where the field begins, counted from the first bit of its header or option; nil for what is read from none.
    var bitOffset: Int? {
        switch place {
        case .header(_, let bitOffset), .searched(_, let bitOffset): bitOffset
        case .presence, nil: nil
        }
    }
}

extension Field.MetaKey {
    /// What the host does with a key that nft sets and Weir doesn't; nil for keys that nft doesn't set either.
    fileprivate var hostMeaning: String? {
        switch self {
        case .pkttype: "the kernel's own mark of a frame has no meaning on a wire"
        case .priority: "Weir sends frames in the order in which they come"
        default: nil
        }
    }
}

extension ConnectionKey {
    fileprivate var isZone: Bool { if case .zone = self { true } else { false } }
}
