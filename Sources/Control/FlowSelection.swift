import Glibc

/// Which connections are meant: conditions that must all hold, as `host 10.0.0.0/8 proto tcp not state established`.
public struct FlowSelection: Sendable, Equatable {
    /// An address, or all that begin as it does.
    public struct Prefix: Sendable, Equatable {
        public var isIPv6: Bool
        /// IPv4 addresses are in the low 32 bits.
        public var address: UInt128
        public var length: Int

        public init(isIPv6: Bool, address: UInt128, length: Int) {
            self.isIPv6 = isIPv6
            self.address = address
            self.length = length
        }

        /// Returns true if the address is one of them.
        public func contains(_ other: UInt128, isIPv6: Bool) -> Bool {
            guard isIPv6 == self.isIPv6 else { return false }
            let shift = (isIPv6 ? 128 : 32) - length
            return shift >= 128 || other >> UInt128(shift) == address >> UInt128(shift)
        }
    }

    /// Which end of a connection, by who began it.
    public enum End: Sendable, Equatable {
        case either, initiator, responder
    }

    public enum Condition: Sendable, Equatable {
        case address(End, Prefix)
        case port(End, ClosedRange<UInt16>)
        case transportProtocol(UInt8)
        /// One of the frame's tags has this identifier.
        case vlan(UInt16)
        /// In capitals, as conntrack(8) names it.
        case state(String)
        case mark(UInt32)
        case replied
        case assured
    }

    /// A condition, and whether it must not hold.
    public struct Term: Sendable, Equatable {
        public var condition: Condition
        public var isNegated: Bool
    }

    public private(set) var terms: [Term] = []

    /// Maximum conditions.
    public static let largest = 64

    /// All connections.
    public init() {}

    /// Reads the words, which may come from anyone.
    public init(_ text: String) throws(ControlFault) {
        var words = text.split(whereSeparator: \.isWhitespace)[...]
        while let word = words.popFirst() {
            if word == "all" { continue }
            let isNegated = word == "not"
            guard let name = isNegated ? words.popFirst() : word else { throw ControlFault(.refused, "a condition follows not") }
            func value() throws(ControlFault) -> String {
                guard let value = words.popFirst() else { throw ControlFault(.refused, "\(JSONText.shown(String(name))) takes a value") }
                return String(value)
            }
            let condition: Condition
            switch name {
            case "host": condition = .address(.either, try Self.prefix(value()))
            case "src": condition = .address(.initiator, try Self.prefix(value()))
            case "dst": condition = .address(.responder, try Self.prefix(value()))
            case "port": condition = .port(.either, try Self.ports(value()))
            case "sport": condition = .port(.initiator, try Self.ports(value()))
            case "dport": condition = .port(.responder, try Self.ports(value()))
            case "proto": condition = .transportProtocol(try Self.transportProtocol(value()))
            case "vlan": condition = .vlan(try Self.number(value(), "vlan", 0...4095))
            case "state": condition = .state(try Self.state(value()))
            case "mark": condition = .mark(try Self.number(value(), "mark", 0...UInt32.max))
            case "replied": condition = .replied
            case "assured": condition = .assured
            default:
                throw ControlFault(
                    .refused,
                    "there is no condition \(JSONText.shown(String(name))); there are all, host, src, dst, port, sport, dport, proto, vlan, "
                        + "state, mark, replied, assured, each with not before it")
            }
            terms.append(Term(condition: condition, isNegated: isNegated))
            guard terms.count <= Self.largest else { throw ControlFault(.refused, "a filter has at most \(Self.largest) conditions") }
        }
    }

    private static func prefix(_ text: String) throws(ControlFault) -> Prefix {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let fault = ControlFault(.refused, "\(JSONText.shown(text)) is no address and no prefix")
        var octets = [UInt8](repeating: 0, count: 16)
        let isIPv6 = parts[0].contains(":")
        guard parts[0].utf8.count < 64, inet_pton(isIPv6 ? AF_INET6 : AF_INET, String(parts[0]), &octets) == 1 else { throw fault }
        let width = isIPv6 ? 128 : 32
        var length = width
        if parts.count > 1 {
            guard let number = Int(parts[1]), (0...width).contains(number) else { throw fault }
            length = number
        }
        return Prefix(isIPv6: isIPv6, address: octets.prefix(width / 8).reduce(0) { $0 << 8 | UInt128($1) }, length: length)
    }

    private static func ports(_ text: String) throws(ControlFault) -> ClosedRange<UInt16> {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { UInt16($0) }
        guard let first = parts[0], let last = parts[parts.count - 1], first <= last else {
            throw ControlFault(.refused, "\(JSONText.shown(text)) is no port and no range of ports")
        }
        return first...last
    }

    private static let protocols: [String: UInt8] = [
        "icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "icmpv6": 58, "sctp": 132, "udplite": 136,
    ]

    private static func transportProtocol(_ text: String) throws(ControlFault) -> UInt8 {
        guard let number = protocols[text.lowercased()] ?? UInt8(text) else {
            throw ControlFault(
                .refused, "\(JSONText.shown(text)) is no protocol: icmp, tcp, udp, dccp, gre, icmpv6, sctp, udplite or a number")
        }
        return number
    }

    private static func number<Number: FixedWidthInteger>(
        _ text: String, _ name: String, _ range: ClosedRange<Number>
    ) throws(ControlFault) -> Number {
        let number = text.hasPrefix("0x") ? Number(text.dropFirst(2), radix: 16) : Number(text)
        guard let number, range.contains(number) else {
            throw ControlFault(.refused, "\(name) takes a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func state(_ text: String) throws(ControlFault) -> String {
        guard text.utf8.count < 40, text.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw ControlFault(.refused, "state takes a name as conntrack lists it")
        }
        return text.uppercased()
    }
}
