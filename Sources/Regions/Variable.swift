package import Ruleset

/// Something that the rules look at and that frames may differ in. What two selectors read of the same bits is one variable.
package enum Variable: Hashable, Sendable {
    /// Index of the port by which the frame comes.
    case ingress
    /// 0 for an untagged frame, 1 for a tag of 802.1Q, 2 for one of 802.1ad.
    case tag
    /// The EtherType that follows the tag, where it is not IP's: `meta protocol`.
    case type
    /// What stands in the type's place in an untagged frame with a length (IEEE 802.3).
    case frameLength
    /// The protocol that follows the IP header and its extension headers.
    case transportProtocol
    /// Bits of a part of the frame.
    case bits(Part, from: Int, count: Int)
    /// Octets of the transport header and all that follows it.
    case transportLength
    /// Octets of all that follows the Ethernet header and the tag.
    case networkLength
    /// `meta length`, as a bridge counts it, or of the packet.
    case length(ofPacket: Bool)
    /// 1 for broadcast, 2 for multicast, 0 for other destinations.
    case destinationKind
    /// The frame's mark, which is 0 until a rule sets it.
    case mark
    case connectionState
    /// The state that rules see before connections are tracked.
    case earlyState
    /// Bits of any other value, by its selector.
    case field(Field, from: Int, count: Int)
    /// 1 if such a header or option is there, else 0.
    case presence(SearchedHeader)
    /// A number that a rule draws.
    case drawn(Field, place: String)
    /// What nobody can say without the traffic before: 1 if the statement holds, else 0.
    case opaque(Opaque)

    package enum Part: Int, Hashable, Sendable {
        /// Both addresses.
        case link
        /// The two octets of a tag.
        case tag
        /// The first octet after the tag, or after the EtherType.
        case network
        case transport
    }

    /// A statement whose outcome depends on more than the frame.
    package struct Opaque: Hashable, Sendable {
        /// As it is written.
        package var text: String
        /// Where it stands: its chain and rule, by their meaning, not by their line.
        package var place: String
    }

    /// True if it is not read from the frame, and not known without what came before it.
    package var isOpaque: Bool {
        switch self {
        case .opaque, .drawn: true
        default: false
        }
    }

    /// An order of variables.
    struct Rank: Comparable {
        private let group: Int
        private let number: Int
        private let text: String

        init(_ group: Int, _ number: Int, _ text: String) {
            self.group = group
            self.number = number
            self.text = text
        }

        static func < (left: Rank, right: Rank) -> Bool {
            (left.group, left.number, left.text) < (right.group, right.number, right.text)
        }
    }

    /// Where regions name it, and where comparing begins.
    var rank: Rank {
        switch self {
        case .ingress: Rank(0, 0, "")
        case .bits(.link, let from, _): Rank(1, from, "")
        case .tag: Rank(2, 0, "")
        case .bits(.tag, let from, _): Rank(3, from, "")
        case .type: Rank(4, 0, "")
        case .frameLength: Rank(5, 0, "")
        case .networkLength: Rank(6, 0, "")
        case .bits(.network, let from, _): Rank(7, from, "")
        case .transportProtocol: Rank(8, 0, "")
        case .transportLength: Rank(9, 0, "")
        case .bits(.transport, let from, _): Rank(10, from, "")
        case .connectionState: Rank(11, 0, "")
        case .earlyState: Rank(12, 0, "")
        case .length(let ofPacket): Rank(13, ofPacket ? 1 : 0, "")
        case .destinationKind: Rank(14, 0, "")
        case .mark: Rank(15, 0, "")
        case .presence(let header): Rank(16, Int(header.number), "")
        case .field(let field, let from, _): Rank(17, from, field.words)
        case .drawn(let field, let place): Rank(18, 0, field.words + place)
        case .opaque(let opaque): Rank(19, 0, opaque.text + opaque.place)
        }
    }
}
