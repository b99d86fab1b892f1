import Foundation
import FrameBuilder

/// A sequence of fragments, and what hosts make of it; see Cases/README.md.
public struct FragmentCase: Decodable, Sendable, CustomStringConvertible {
    /// One fragment of it, in the words of the file.
    struct Fragment: Decodable, Sendable {
        var off: Int
        var mf: Int
        var hex: String?
        var slice: [Int]?
        var proto: UInt8?
        var tc: UInt8?
        var opt: String?
        var pre: [ExtensionHeader]?
        var trailer: String?
        var vlan: UInt16?
        var id: UInt32?
        var src: Int?
        var delay: Double?
    }

    /// Its number, and its bytes behind the first two.
    struct ExtensionHeader: Decodable, Sendable {
        var number: UInt8
        var bytes: [UInt8]

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            number = try values.decode(UInt8.self)
            bytes = FragmentCase.bytes(try values.decode(String.self))
        }
    }

    struct Expectations: Decodable, Sendable {
        var linux_host: String?
    }

    /// From which host to which other the fragments go.
    public struct Hosts: Sendable {
        /// Addresses of IPv4 without their last number, and that number; likewise, in hexadecimal, of IPv6.
        public var network = "10.0.0."
        public var network6 = "2001:db8::"
        public var source = 1
        public var destination = 2
        public var sourceMAC = Frame.near
        public var destinationMAC = Frame.far

        public init() {}

        /// The source's address of an IP version.
        public func address(_ version: Int) -> String { address(version, source) }

        func address(_ version: Int, _ number: Int) -> String {
            version == 4 ? "\(network)\(number)" : "\(network6)\(String(number, radix: 16))"
        }
    }

    public var id: String
    /// Of the IP version.
    public var ip: Int
    var l4: String
    var full: String?
    var frags: [Fragment]
    var expect: Expectations

    public var description: String { id }
    public var isUDP: Bool { l4 == "udp" }
    public var fragmentCount: Int { frags.count }
    /// The port that UDP goes to, and the protocol of what isn't UDP.
    public static let udpPort: UInt16 = 7
    public static let opaqueProtocol: UInt8 = 253

    /// The bytes that hexadecimal digits say.
    public static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue.map { UInt8($0) } }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// All of them; none if they can't be read.
    public static let all: [FragmentCase] = {
        guard let url = Bundle.module.url(forResource: "Cases/cases", withExtension: "jsonl"),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        return text.split(separator: "\n").compactMap { try? JSONDecoder().decode(FragmentCase.self, from: Data($0.utf8)) }
    }()

    /// What `slice` is cut from: a UDP header with its checksum, and `full` behind it.
    private func datagram(_ hosts: Hosts) -> [UInt8] {
        let payload = Self.bytes(full ?? "")
        let length = UInt16(8 + payload.count)
        let ports = (40000 as UInt16).networkBytes + Self.udpPort.networkBytes + length.networkBytes
        let (source, destination) = (hosts.address(ip), hosts.address(ip, hosts.destination))
        let addresses =
            ip == 4
            ? ipv4Address(source).networkBytes.suffix(4) + ipv4Address(destination).networkBytes.suffix(4)
            : ipv6Address(source).networkBytes + ipv6Address(destination).networkBytes
        // The pseudo-headers of RFC 768 and RFC 8200, section 8.1, have the same sum.
        let checksum = plainChecksum(addresses + [0, 17] + length.networkBytes + ports + [0, 0] + payload)
        return ports + (checksum == 0 ? 0xffff : checksum).networkBytes + payload
    }

    /// What a host makes of the sequence: the payloads that it delivers, of UDP with the header.
    public func delivered(_ text: String, between hosts: Hosts = Hosts()) -> [[UInt8]] {
        if text == "udp-ok" { return [datagram(hosts)] }
        guard let colon = text.firstIndex(of: ":"), !text.hasPrefix("none") else { return [] }
        // Behind a "+" stands what the host says to the sender.
        return text[text.index(after: colon)...].prefix { $0 != "+" }.split(separator: ",", omittingEmptySubsequences: false).map {
            Self.bytes(String($0))
        }
    }

    /// The payloads that Weir judges, as one that no difference is known of.
    public var judged: [[UInt8]] { delivered(difference?.judged ?? expect.linux_host ?? "none") }

    /// The payloads that a Linux host behind Weir delivers.
    public func deliveredBehind(between hosts: Hosts) -> [[UInt8]] {
        delivered(difference?.delivered ?? expect.linux_host ?? "none", between: hosts)
    }

    /// The frames, with their times in seconds.
    public func frames(between hosts: Hosts = Hosts()) -> [(frame: [UInt8], time: Double)] {
        var time = 0.0
        return frags.map { fragment in
            time += fragment.delay ?? 0
            return (frame(fragment, hosts), time)
        }
    }

    private func frame(_ fragment: Fragment, _ hosts: Hosts) -> [UInt8] {
        var payload = Self.bytes(fragment.hex ?? "")
        if let slice = fragment.slice { payload = Array(datagram(hosts)[slice[0]..<slice[1]]) }
        let number = fragment.proto ?? (isUDP ? 17 : Self.opaqueProtocol)
        var frame = Frame.ethernet(to: hosts.destinationMAC, from: hosts.sourceMAC)
        if let vlan = fragment.vlan { frame = frame.vlan(vlan) }
        let identification = 0x4242 + (fragment.id ?? 0)
        let (source, destination) = (hosts.address(ip, hosts.source + (fragment.src ?? 0)), hosts.address(ip, hosts.destination))
        if ip == 4 {
            frame = frame.ipv4(
                source, destination, tos: fragment.tc ?? 0, identification: UInt16(truncatingIfNeeded: identification),
                more: fragment.mf == 1, fragmentOffset: fragment.off, options: Self.bytes(fragment.opt ?? ""))
        } else {
            frame = frame.ipv6(source, destination, trafficClass: fragment.tc ?? 0)
            for header in fragment.pre ?? [] { frame = frame.extensionHeader(header.number, bytes: header.bytes) }
            frame = frame.fragmentHeader(offset: fragment.off, more: fragment.mf == 1, identification: identification)
        }
        return frame.ipPayload(number, payload).bytes + Self.bytes(fragment.trailer ?? "")
    }
}
