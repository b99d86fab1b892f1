/// Names and addresses as rule files have them, for anyone who describes packets in the same words.
package enum PacketNames {
    /// What a name stands for.
    package enum Kind: Sendable {
        case etherType, protocolNumber, service, arpOperation, icmpType, icmpCode, icmpv6Type, icmpv6Code, igmpType, codePoint, congestion
        case tcpFlag, dccpType, sctpChunk

        fileprivate var table: NameTable {
            switch self {
            case .etherType: .etherTypes
            case .protocolNumber: RegisteredNames.protocols
            case .service: RegisteredNames.services
            case .arpOperation: .arpOperations
            case .icmpType: .icmpTypes
            case .icmpCode: .icmpCodes
            case .icmpv6Type: .icmpv6Types
            case .icmpv6Code: .icmpv6Codes
            case .igmpType: .igmpTypes
            case .codePoint: .codePoints
            case .congestion: .congestion
            case .tcpFlag: .tcpFlags
            case .dccpType: .dccpTypes
            case .sctpChunk: PacketNames.sctpChunks
            }
        }
    }

    /// RFC 9260 3.2, RFC 5061, RFC 3758, RFC 8260.
    private static let sctpChunks = NameTable(
        """
        0 data, 1 init, 2 init-ack, 3 sack, 4 heartbeat, 5 heartbeat-ack, 6 abort, 7 shutdown, 8 shutdown-ack, 9 error, 10 cookie-echo,
        11 cookie-ack, 12 ecne, 13 cwr, 14 shutdown-complete, 64 i-data, 128 asconf-ack, 192 forward-tsn, 193 asconf
        """)

    /// The number that a name stands for.
    package static func number(_ name: String, _ kind: Kind) -> UInt128? { kind.table.number(of: name) }

    /// The name that nft prints for a number.
    package static func name(_ number: UInt128, _ kind: Kind) -> String? { kind.table.name(of: number) }

    /// All of them, or of services, which are many, none.
    package static func names(_ kind: Kind) -> [String] {
        switch kind {
        case .service, .protocolNumber: []
        default: kind.table.allNames
        }
    }

    /// The name that was probably meant.
    package static func nearest(to word: String, _ kind: Kind) -> String? { Words.nearest(to: word, among: kind.table.allNames) }

    /// The word that was probably meant.
    package static func nearest(to word: String, among words: [String]) -> String? { Words.nearest(to: word, among: words) }

    /// Four decimal octets.
    package static func ipv4(_ text: String) -> UInt128? { AddressText.ipv4(text) }

    /// An address of RFC 4291, section 2.2.
    package static func ipv6(_ text: String) -> UInt128? { AddressText.ipv6(text) }

    /// Six groups of hexadecimal digits.
    package static func ethernet(_ text: String) -> UInt128? { AddressText.ethernet(text) }

    /// A day, or a day and a time, in seconds since 1970 as if it were UTC.
    package static func seconds(ofDate text: String) -> Int64? { TimeText.seconds(ofDate: text) }

    /// Milliseconds of a span of time as rule files have it: `1m30s`.
    package static func milliseconds(ofSpan text: String) -> UInt64? { Duration.milliseconds(of: text) }

    /// Text of a stranger's as it may stand in a message: short, and without control characters.
    package static func shown(_ text: String, limit: Int = 40) -> String { printable(text, limit: limit) }

    package static func text(ipv4 address: UInt128) -> String { AddressText.text(ipv4: address) }
    package static func text(ipv6 address: UInt128) -> String { AddressText.text(ipv6: address) }
}
