// Selectors of extension headers, options and chunks, as far as nft 1.0.6 has them. Bits are counted from the header's or option's
// first, as the RFCs draw them.

extension Selector {
    /// Selectors that are written with two words.
    static let extensionHeaders: [Selector] =
        ExtensionHeader.all.flatMap { header in
            header.fields.map { name, bits, type in
                Selector(Field("\(header.word) \(name)", header.searched, bits: bits), type)
            }
        }
        + ExtensionHeader.presence.map { word, number in
            Selector(Field("exthdr \(word)", presenceOf: SearchedHeader(.ipv6ExtensionHeader, number)), .presence)
        }

    /// nft 1.0.6 knows that many of a routing header's addresses.
    static let addressLimit = 2

    /// The addresses of a routing header, `rt0 addr[1]` and `srh sid[1]` being the first.
    static func address(_ number: Int, behind word: String) -> Selector? {
        guard let name = ["rt0": "addr", "srh": "sid"][word], (1...addressLimit).contains(number) else { return nil }
        let first = 64 + (number - 1) * 128
        let header = SearchedHeader(.ipv6ExtensionHeader, ExtensionHeader.routing)
        return Selector(Field("\(word) \(name)[\(number)]", header, bits: first..<first + 128), .ipv6)
    }

    /// Selectors of options and chunks, which are written with more than two words.
    static let options: [Selector] = OptionTable.all.flatMap { table in
        table.options.flatMap { option in
            // The first of the words for one number asks for the option as a whole.
            let isFirst = table.options.first { $0.number == option.number }?.name == option.name
            return (isFirst ? [table.selector(option)] : []) + option.fields.compactMap { table.selector(option, $0.name) }
        }
    }

    /// Whether an option of TCP is there: `tcp option 253`.
    static func tcpOption(_ number: UInt8) -> Selector {
        if let option = OptionTable.tcp.options.first(where: { $0.number == number }) { return OptionTable.tcp.selector(option) }
        return Selector(Field("tcp option \(number)", presenceOf: SearchedHeader(.tcpOption, number)), .presence)
    }

    /// Bits of an option of TCP: `tcp option @2,16,16`, or the name that they have. nil where they are none, more than fit in 16 octets,
    /// or none that a TCP header could hold.
    static func tcpOption(_ number: UInt8, bitOffset: Int, bitWidth: Int) -> Selector? {
        guard (0...320).contains(bitOffset), (1...128).contains(bitWidth), bitOffset + bitWidth <= 320 else { return nil }
        let bits = bitOffset..<bitOffset + bitWidth
        for option in OptionTable.tcp.options where option.number == number {
            if let named = option.fields.first(where: { $0.bits == bits }) { return OptionTable.tcp.selector(option, named.name) }
        }
        let field = Field("tcp option @\(number),\(bitOffset),\(bitWidth)", SearchedHeader(.tcpOption, number), bits: bits)
        return field.octets.count <= 16 ? Selector(field, .integer) : nil
    }
}

/// One of IPv6's extension headers and what it has.
private struct ExtensionHeader {
    static let routing: UInt8 = 43

    var word: String
    var number: UInt8
    var fields: [(name: String, bits: Range<Int>, type: ValueType)]

    var searched: SearchedHeader { SearchedHeader(.ipv6ExtensionHeader, number) }

    /// Headers that `exthdr` asks for, which is what nft has the words for.
    static let presence: [(word: String, number: UInt8)] = [
        ("hbh", 0), ("rt", 43), ("frag", 44), ("dst", 60), ("mh", 135),
    ]

    private static let start: [(name: String, bits: Range<Int>, type: ValueType)] = [
        ("nexthdr", 0..<8, .protocolNumber), ("hdrlength", 8..<16, .integer),
    ]

    static let all: [ExtensionHeader] = [
        // RFC 8200 4.3.
        ExtensionHeader(word: "hbh", number: 0, fields: start),
        // RFC 8200 4.4.
        ExtensionHeader(word: "rt", number: routing, fields: start + [("type", 16..<24, .integer), ("seg-left", 24..<32, .integer)]),
        // RFC 8754 2.
        ExtensionHeader(
            word: "srh", number: routing,
            fields: [("last-entry", 32..<40, .integer), ("flags", 40..<48, .integer), ("tag", 48..<64, .integer)]),
        // RFC 8200 4.5.
        ExtensionHeader(
            word: "frag", number: 44,
            fields: [
                ("nexthdr", 0..<8, .protocolNumber), ("reserved", 8..<16, .integer), ("frag-off", 16..<29, .integer),
                ("reserved2", 29..<31, .integer), ("more-fragments", 31..<32, .integer), ("id", 32..<64, .integer),
            ]),
        // RFC 8200 4.6.
        ExtensionHeader(word: "dst", number: 60, fields: start),
        // RFC 6275 6.1.1.
        ExtensionHeader(
            word: "mh", number: 135,
            fields: start + [("type", 16..<24, .mobilityType), ("reserved", 24..<32, .integer), ("checksum", 32..<48, .integer)]),
    ]
}

/// The options or chunks of one header that have names.
struct OptionTable {
    struct Option {
        var name: String
        /// Other words for it.
        var aliases: [String] = []
        var number: UInt8
        var fields: [(name: String, bits: Range<Int>)] = []
    }

    /// Before the option's name.
    var words: String
    var kind: SearchedHeader.Kind
    var options: [Option]

    func option(named name: String) -> Option? { options.first { $0.name == name || $0.aliases.contains(name) } }

    /// Whether the option is there.
    func selector(_ option: Option) -> Selector {
        let first = options.first { $0.number == option.number } ?? option
        return Selector(Field("\(words) \(first.name)", presenceOf: SearchedHeader(kind, option.number)), .presence)
    }

    /// A field of the option, or of the first that has its number; nil if it has none of that name.
    func selector(_ option: Option, _ fieldName: String) -> Selector? {
        for option in [option] + options.filter({ $0.number == option.number }) {
            guard let field = option.fields.first(where: { $0.name == fieldName }) else { continue }
            let found = Field("\(words) \(option.name) \(field.name)", SearchedHeader(kind, option.number), bits: field.bits)
            return Selector(found, field.name == "subtype" ? .multipathSubtype : .integer)
        }
        return nil
    }

    static let all = [tcp, ip, sctp]

    private static let tcpStart: [(name: String, bits: Range<Int>)] = [("length", 8..<16)]

    /// RFC 9293 3.2, RFC 7323, RFC 2018, RFC 2385, RFC 8684, RFC 7413. Of those that have one number, the first is the one that nft
    /// prints for the option as a whole.
    static let tcp = OptionTable(
        words: "tcp option", kind: .tcpOption,
        options: [
            Option(name: "eol", number: 0),
            Option(name: "nop", aliases: ["noop"], number: 1),
            Option(name: "maxseg", aliases: ["mss"], number: 2, fields: tcpStart + [("size", 16..<32)]),
            Option(name: "window", number: 3, fields: tcpStart + [("count", 16..<24)]),
            Option(name: "sack-perm", aliases: ["sack-permitted"], number: 4, fields: tcpStart),
            Option(name: "sack", aliases: ["sack0"], number: 5, fields: tcpStart + [("left", 16..<48), ("right", 48..<80)]),
            Option(name: "sack1", number: 5, fields: [("left", 80..<112), ("right", 112..<144)]),
            Option(name: "sack2", number: 5, fields: [("left", 144..<176), ("right", 176..<208)]),
            Option(name: "sack3", number: 5, fields: [("left", 208..<240), ("right", 240..<272)]),
            Option(name: "timestamp", number: 8, fields: tcpStart + [("tsval", 16..<48), ("tsecr", 48..<80)]),
            Option(name: "md5sig", number: 19, fields: tcpStart),
            Option(name: "mptcp", number: 30, fields: tcpStart + [("subtype", 16..<20)]),
            Option(name: "fastopen", number: 34, fields: tcpStart),
        ])

    private static let ipStart: [(name: String, bits: Range<Int>)] = [("type", 0..<8), ("length", 8..<16)]

    /// RFC 791 3.1, RFC 2113. The addresses are numbers to nft 1.0.6.
    static let ip = OptionTable(
        words: "ip option", kind: .ipv4Option,
        options: [
            Option(name: "lsrr", number: 131, fields: ipStart + [("ptr", 16..<24), ("addr", 24..<56)]),
            Option(name: "rr", number: 7, fields: ipStart + [("ptr", 16..<24), ("addr", 24..<56)]),
            Option(name: "ssrr", number: 137, fields: ipStart + [("ptr", 16..<24), ("addr", 24..<56)]),
            Option(name: "ra", number: 148, fields: ipStart + [("value", 16..<32)]),
        ])

    private static let sctpStart: [(name: String, bits: Range<Int>)] = [("type", 0..<8), ("flags", 8..<16), ("length", 16..<32)]
    private static let initiation: [(name: String, bits: Range<Int>)] =
        sctpStart + [
            ("init-tag", 32..<64), ("a-rwnd", 64..<96), ("num-outbound-streams", 96..<112), ("num-inbound-streams", 112..<128),
            ("initial-tsn", 128..<160),
        ]

    /// RFC 9260 3.3, RFC 5061, RFC 3758.
    static let sctp = OptionTable(
        words: "sctp chunk", kind: .sctpChunk,
        options: [
            Option(
                name: "data", number: 0,
                fields: sctpStart + [("tsn", 32..<64), ("stream", 64..<80), ("ssn", 80..<96), ("ppid", 96..<128)]),
            Option(name: "init", number: 1, fields: initiation),
            Option(name: "init-ack", number: 2, fields: initiation),
            Option(
                name: "sack", number: 3,
                fields: sctpStart + [
                    ("cum-tsn-ack", 32..<64), ("a-rwnd", 64..<96), ("num-gap-ack-blocks", 96..<112), ("num-dup-tsns", 112..<128),
                ]),
            Option(name: "heartbeat", number: 4, fields: sctpStart),
            Option(name: "heartbeat-ack", number: 5, fields: sctpStart),
            Option(name: "abort", number: 6, fields: sctpStart),
            Option(name: "shutdown", number: 7, fields: sctpStart + [("cum-tsn-ack", 32..<64)]),
            Option(name: "shutdown-ack", number: 8, fields: sctpStart),
            Option(name: "error", number: 9, fields: sctpStart),
            Option(name: "cookie-echo", number: 10, fields: sctpStart),
            Option(name: "cookie-ack", number: 11, fields: sctpStart),
            Option(name: "ecne", number: 12, fields: sctpStart + [("lowest-tsn", 32..<64)]),
            Option(name: "cwr", number: 13, fields: sctpStart + [("lowest-tsn", 32..<64)]),
            Option(name: "shutdown-complete", number: 14, fields: sctpStart),
            Option(name: "asconf-ack", number: 128, fields: sctpStart + [("seqno", 32..<64)]),
            Option(name: "forward-tsn", number: 192, fields: sctpStart + [("new-cum-tsn", 32..<64)]),
            Option(name: "asconf", number: 193, fields: sctpStart + [("seqno", 32..<64)]),
        ])
}
