/// Well-formed frames of every kind that the parser knows, by a name for each.
public enum SampleFrames {
    public struct Sample: Sendable, CustomStringConvertible {
        public var name: String
        public var frame: Frame
        public var description: String { name }
    }

    /// A sample of each kind, untagged and behind one, two and three tags.
    public static let all: [Sample] =
        untagged
        + [1, 2, 3].flatMap { tags in
            kinds.map { name, add in Sample(name: "\(name), \(tags) tags", frame: add(link(tags: tags))) }
        }

    /// A sample of each kind behind a plain Ethernet header.
    public static let untagged: [Sample] = kinds.map { name, add in Sample(name: name, frame: add(link(tags: 0))) }

    private static func link(tags: Int) -> Frame {
        (0..<tags).reduce(Frame.ethernet()) { frame, tag in
            frame.vlan(UInt16(5 + tag), priority: UInt16(tag), tpid: tag == 0 && tags > 1 ? 0x88a8 : 0x8100)
        }
    }

    private static let kinds: [(String, @Sendable (Frame) -> Frame)] = [
        ("arp", { $0.arp() }),
        ("llc", { $0.llc().payload(35) }),
        ("raw ipx", { $0.llc([0xff, 0xff]).payload(30) }),
        ("unknown type", { $0.payload(46) }),
        ("ipv4 tcp", { $0.ipv4().tcp(1024, 443).payload(20) }),
        ("ipv4 tcp, padded", { $0.ipv4().tcp(1024, 443).padded(to: 76) }),
        ("ipv4 udp", { $0.ipv4().udp(1024, 53).payload(8) }),
        ("ipv4 udp with options", { $0.ipv4(options: [1, 1, 1, 0]).udp(1024, 53).payload(8) }),
        ("ipv4 sctp", { $0.ipv4().ports(1024, 2905, of: 132) }),
        ("ipv4 dccp", { $0.ipv4().ports(1024, 5001, of: 33) }),
        ("ipv4 udp-lite", { $0.ipv4().ports(1024, 5002, of: 136) }),
        ("ipv4 icmp", { $0.ipv4().icmp(8).payload(8) }),
        ("ipv4 gre", { $0.ipv4().ipPayload(47, [0, 0, 8, 0]).payload(20) }),
        ("ipv4 esp", { $0.ipv4().ipPayload(50, [0, 0, 0, 1, 0, 0, 0, 2]).payload(20) }),
        ("ipv4 ah", { $0.ipv4().authenticationHeader().tcp(1024, 443) }),
        ("ipv4 first fragment", { $0.ipv4(more: true).udp(1024, 53).payload(24) }),
        ("ipv4 later fragment", { $0.ipv4(fragmentOffset: 32, protocolNumber: 17).payload(24) }),
        ("ipv4 without payload", { $0.ipv4(protocolNumber: 6) }),
        ("ipv6 tcp", { $0.ipv6().tcp(1024, 443).payload(20) }),
        ("ipv6 udp", { $0.ipv6().udp(1024, 53).payload(8) }),
        ("ipv6 icmpv6", { $0.ipv6().icmpv6(128).payload(8) }),
        ("ipv6 no next header", { $0.ipv6(nextHeader: 59).payload(8) }),
        ("ipv6 without payload", { $0.ipv6(nextHeader: 6) }),
        (
            "ipv6 chain",
            { $0.ipv6().extensionHeader(0).extensionHeader(43, units: 3).extensionHeader(60, units: 2).tcp(1024, 443) }
        ),
        ("ipv6 ah", { $0.ipv6().authenticationHeader().tcp(1024, 443) }),
        ("ipv6 atomic fragment", { $0.ipv6().fragmentHeader(offset: 0, more: false).udp(1024, 53).payload(8) }),
        ("ipv6 first fragment", { $0.ipv6().fragmentHeader(offset: 0, more: true).udp(1024, 53).payload(8) }),
        ("ipv6 later fragment", { $0.ipv6().fragmentHeader(offset: 16, more: false, nextHeader: 17).payload(8) }),
    ]
}
