import Ruleset

extension PacketParser {
    /// How a header is read.
    struct Header: Sendable {
        /// The words that it knows, for messages.
        var options: [String]
        /// Names of the headers that it may follow; "" is the beginning.
        var predecessors: [String]
        var read: @Sendable (inout PacketParser) throws(Diagnostic) -> PacketLayer
    }

    private static let links = ["", "ether", "vlan"]
    private static let packets = ["ip", "ip6", "hbh", "rt", "dst", "frag", "ah"]

    /// By the words that they begin with.
    static let headers: [String: Header] = [
        "ether": Header(options: etherOptions, predecessors: ["", "gre"]) { (parser) throws(Diagnostic) in try parser.ether() },
        "vlan": Header(options: vlanOptions, predecessors: links) { (parser) throws(Diagnostic) in try parser.vlan() },
        "arp": Header(options: arpOptions, predecessors: links) { (parser) throws(Diagnostic) in try parser.arp() },
        "ip": Header(options: ipOptions, predecessors: links + packets + ["gre"]) { (parser) throws(Diagnostic) in try parser.ip() },
        "ip6": Header(options: ip6Options, predecessors: links + packets + ["gre"]) { (parser) throws(Diagnostic) in try parser.ip6() },
        "hbh": Header(options: optionsHeaderOptions, predecessors: packets.filter { $0 != "ip" }) { (parser) throws(Diagnostic) in
            try parser.optionsHeader(0)
        },
        "dst": Header(options: optionsHeaderOptions, predecessors: packets.filter { $0 != "ip" }) { (parser) throws(Diagnostic) in
            try parser.optionsHeader(60)
        },
        "rt": Header(options: routingOptions, predecessors: packets.filter { $0 != "ip" }) { (parser) throws(Diagnostic) in
            try parser.routingHeader()
        },
        "frag": Header(options: fragmentOptions, predecessors: packets.filter { $0 != "ip" }) { (parser) throws(Diagnostic) in
            try parser.fragmentHeader()
        },
        "ah": Header(options: securityOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.authentication() },
        "esp": Header(options: securityOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.encapsulation() },
        "comp": Header(options: compressionOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.compression() },
        "gre": Header(options: greOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.gre() },
        "tcp": Header(options: tcpOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.tcp() },
        "udp": Header(options: udpOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.udp(isLite: false) },
        "udplite": Header(options: udpliteOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.udp(isLite: true) },
        "icmp": Header(options: icmpOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.icmp(isIPv6: false) },
        "icmpv6": Header(options: icmpOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.icmp(isIPv6: true) },
        "igmp": Header(options: igmpOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.igmp() },
        "sctp": Header(options: sctpOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.sctp() },
        "dccp": Header(options: dccpOptions, predecessors: packets) { (parser) throws(Diagnostic) in try parser.dccp() },
        "payload": Header(options: [], predecessors: headerNames) { (parser) throws(Diagnostic) in try parser.payload() },
    ]

    static let headerNames = [
        "ether", "vlan", "arp", "ip", "ip6", "hbh", "rt", "dst", "frag", "ah", "esp", "comp", "gre", "tcp", "udp", "udplite", "icmp",
        "icmpv6",
        "igmp", "sctp", "dccp",
    ]

    /// What may follow the headers.
    static let frameOptions = ["pad", "cut", "fragments", "fragment"]

    /// What may follow a header of that name.
    static func followers(of name: String) -> [String] {
        (headerNames + ["payload"]).filter { headers[$0]?.predecessors.contains(name) == true }
    }

    func checkPlace(_ header: Header, behind last: PacketLayer?) throws(Diagnostic) {
        guard !header.predecessors.contains(last?.name ?? "") else { return }
        let name = current.text
        guard let last else {
            throw fail(
                current, "a packet can't begin with '\(name)'",
                note: header.predecessors.contains("ether")
                    ? "put ether type, or ip or ip6 with addresses, before it" : "put ip or ip6, with addresses, before it")
        }
        let followers = Self.followers(of: last.name)
        throw fail(
            current, "'\(name)' can't follow '\(last.name)'",
            note: followers.isEmpty ? "nothing can" : "accepted: " + followers.joined(separator: ", "))
    }

    // MARK: What several headers have

    static let checksumOptions = ["checksum", "bad-checksum", "no-checksum"]

    /// True if the next word asks something of the checksum.
    mutating func checksum<T: FixedWidthInteger & UnsignedInteger>(_ wish: inout ChecksumWish, _ type: T.Type = UInt16.self)
        throws(Diagnostic) -> Bool
    {
        switch option(of: Self.checksumOptions) {
        case "bad-checksum": wish = .wrong
        case "no-checksum": wish = .none
        case "checksum": wish = .value(UInt32(try number("the checksum", upTo: T.max)))
        default: return false
        }
        return true
    }

    /// `4000 > 80`, by number or by name.
    mutating func portPair(_ name: String) throws(Diagnostic) -> [UInt8] {
        let source: UInt16 = try number("the source port", .service)
        try greater("\(name) 4000 > 80")
        let destination: UInt16 = try number("the destination port", .service)
        return source.octets + destination.octets
    }

    /// Bytes after all headers.
    mutating func payload() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let bytes = try bytes("the payload")
        return PacketLayer("payload", .payload, at: location(start)) { body, _, _ in bytes + body }
    }
}
