// Where nft's selectors stand in their headers: bits counted from the header's first, as the RFCs draw them.

extension Field {
    // MARK: Ethernet, and IEEE 802.1Q for tags, whose fields are counted as those of the outermost tag

    public static let etherDaddr = Field("ether daddr", .link, bits: 0..<48)
    public static let etherSaddr = Field("ether saddr", .link, bits: 48..<96)
    public static let etherType = Field("ether type", .link, bits: 96..<112)
    public static let vlanPcp = Field("vlan pcp", .link, bits: 112..<115)
    public static let vlanDei = Field("vlan dei", .link, bits: 115..<116)
    public static let vlanCfi = Field("vlan cfi", .link, bits: 115..<116)
    public static let vlanId = Field("vlan id", .link, bits: 116..<128)
    public static let vlanType = Field("vlan type", .link, bits: 128..<144)

    // MARK: RFC 826, for Ethernet and IPv4

    public static let arpHtype = Field("arp htype", .network, bits: 0..<16)
    public static let arpPtype = Field("arp ptype", .network, bits: 16..<32)
    public static let arpHlen = Field("arp hlen", .network, bits: 32..<40)
    public static let arpPlen = Field("arp plen", .network, bits: 40..<48)
    public static let arpOperation = Field("arp operation", .network, bits: 48..<64)
    public static let arpSaddrEther = Field("arp saddr ether", .network, bits: 64..<112)
    public static let arpSaddrIp = Field("arp saddr ip", .network, bits: 112..<144)
    public static let arpDaddrEther = Field("arp daddr ether", .network, bits: 144..<192)
    public static let arpDaddrIp = Field("arp daddr ip", .network, bits: 192..<224)

    // MARK: RFC 791 3.1, RFC 2474, RFC 3168. `ip frag-off` is the offset with the three flags before it

    public static let ipVersion = Field("ip version", .network, bits: 0..<4)
    public static let ipHdrlength = Field("ip hdrlength", .network, bits: 4..<8)
    public static let ipDscp = Field("ip dscp", .network, bits: 8..<14)
    public static let ipEcn = Field("ip ecn", .network, bits: 14..<16)
    public static let ipLength = Field("ip length", .network, bits: 16..<32)
    public static let ipId = Field("ip id", .network, bits: 32..<48)
    public static let ipFragOff = Field("ip frag-off", .network, bits: 48..<64)
    public static let ipTtl = Field("ip ttl", .network, bits: 64..<72)
    public static let ipProtocol = Field("ip protocol", .network, bits: 72..<80)
    public static let ipChecksum = Field("ip checksum", .network, bits: 80..<96)
    public static let ipSaddr = Field("ip saddr", .network, bits: 96..<128)
    public static let ipDaddr = Field("ip daddr", .network, bits: 128..<160)

    // MARK: RFC 8200 3, RFC 2474, RFC 3168

    public static let ip6Version = Field("ip6 version", .network, bits: 0..<4)
    public static let ip6Dscp = Field("ip6 dscp", .network, bits: 4..<10)
    public static let ip6Ecn = Field("ip6 ecn", .network, bits: 10..<12)
    public static let ip6Flowlabel = Field("ip6 flowlabel", .network, bits: 12..<32)
    public static let ip6Length = Field("ip6 length", .network, bits: 32..<48)
    public static let ip6Nexthdr = Field("ip6 nexthdr", .network, bits: 48..<56)
    public static let ip6Hoplimit = Field("ip6 hoplimit", .network, bits: 56..<64)
    public static let ip6Saddr = Field("ip6 saddr", .network, bits: 64..<192)
    public static let ip6Daddr = Field("ip6 daddr", .network, bits: 192..<320)

    // MARK: RFC 792, RFC 1191

    public static let icmpType = Field("icmp type", .transport, bits: 0..<8)
    public static let icmpCode = Field("icmp code", .transport, bits: 8..<16)
    public static let icmpChecksum = Field("icmp checksum", .transport, bits: 16..<32)
    public static let icmpId = Field("icmp id", .transport, bits: 32..<48)
    public static let icmpSequence = Field("icmp sequence", .transport, bits: 48..<64)
    public static let icmpGateway = Field("icmp gateway", .transport, bits: 32..<64)
    public static let icmpMtu = Field("icmp mtu", .transport, bits: 48..<64)

    // MARK: RFC 4443, RFC 2710

    public static let icmpv6Type = Field("icmpv6 type", .transport, bits: 0..<8)
    public static let icmpv6Code = Field("icmpv6 code", .transport, bits: 8..<16)
    public static let icmpv6Checksum = Field("icmpv6 checksum", .transport, bits: 16..<32)
    public static let icmpv6ParamProblem = Field("icmpv6 param-problem", .transport, bits: 32..<64)
    public static let icmpv6Mtu = Field("icmpv6 mtu", .transport, bits: 32..<64)
    public static let icmpv6Id = Field("icmpv6 id", .transport, bits: 32..<48)
    public static let icmpv6Sequence = Field("icmpv6 sequence", .transport, bits: 48..<64)
    public static let icmpv6MaxDelay = Field("icmpv6 max-delay", .transport, bits: 32..<48)

    // MARK: RFC 4861 4.3 to 4.5, RFC 2710 3

    public static let icmpv6Taddr = Field("icmpv6 taddr", .transport, bits: 64..<192)
    public static let icmpv6Daddr = Field("icmpv6 daddr", .transport, bits: 192..<320)

    // MARK: RFC 2236 2

    public static let igmpType = Field("igmp type", .transport, bits: 0..<8)
    public static let igmpMrt = Field("igmp mrt", .transport, bits: 8..<16)
    public static let igmpChecksum = Field("igmp checksum", .transport, bits: 16..<32)
    public static let igmpGroup = Field("igmp group", .transport, bits: 32..<64)

    // MARK: RFC 9293 3.1

    public static let tcpSport = Field("tcp sport", .transport, bits: 0..<16)
    public static let tcpDport = Field("tcp dport", .transport, bits: 16..<32)
    public static let tcpSequence = Field("tcp sequence", .transport, bits: 32..<64)
    public static let tcpAckseq = Field("tcp ackseq", .transport, bits: 64..<96)
    public static let tcpDoff = Field("tcp doff", .transport, bits: 96..<100)
    public static let tcpReserved = Field("tcp reserved", .transport, bits: 100..<104)
    public static let tcpFlags = Field("tcp flags", .transport, bits: 104..<112)
    public static let tcpWindow = Field("tcp window", .transport, bits: 112..<128)
    public static let tcpChecksum = Field("tcp checksum", .transport, bits: 128..<144)
    public static let tcpUrgptr = Field("tcp urgptr", .transport, bits: 144..<160)

    // MARK: RFC 768

    public static let udpSport = Field("udp sport", .transport, bits: 0..<16)
    public static let udpDport = Field("udp dport", .transport, bits: 16..<32)
    public static let udpLength = Field("udp length", .transport, bits: 32..<48)
    public static let udpChecksum = Field("udp checksum", .transport, bits: 48..<64)

    // MARK: RFC 3828 3.1

    public static let udpliteSport = Field("udplite sport", .transport, bits: 0..<16)
    public static let udpliteDport = Field("udplite dport", .transport, bits: 16..<32)
    public static let udpliteCsumcov = Field("udplite csumcov", .transport, bits: 32..<48)
    public static let udpliteChecksum = Field("udplite checksum", .transport, bits: 48..<64)

    // MARK: RFC 9260 3.1

    public static let sctpSport = Field("sctp sport", .transport, bits: 0..<16)
    public static let sctpDport = Field("sctp dport", .transport, bits: 16..<32)
    public static let sctpVtag = Field("sctp vtag", .transport, bits: 32..<64)
    public static let sctpChecksum = Field("sctp checksum", .transport, bits: 64..<96)

    // MARK: RFC 4340 5.1

    public static let dccpSport = Field("dccp sport", .transport, bits: 0..<16)
    public static let dccpDport = Field("dccp dport", .transport, bits: 16..<32)
    public static let dccpType = Field("dccp type", .transport, bits: 67..<71)

    // MARK: Any protocol whose header begins with two ports

    public static let thSport = Field("th sport", .transport, bits: 0..<16)
    public static let thDport = Field("th dport", .transport, bits: 16..<32)

    // MARK: RFC 4303 2

    public static let espSpi = Field("esp spi", .transport, bits: 0..<32)
    public static let espSequence = Field("esp sequence", .transport, bits: 32..<64)

    // MARK: RFC 4302 2

    public static let ahNexthdr = Field("ah nexthdr", .transport, bits: 0..<8)
    public static let ahHdrlength = Field("ah hdrlength", .transport, bits: 8..<16)
    public static let ahReserved = Field("ah reserved", .transport, bits: 16..<32)
    public static let ahSpi = Field("ah spi", .transport, bits: 32..<64)
    public static let ahSequence = Field("ah sequence", .transport, bits: 64..<96)

    // MARK: RFC 3173 3.1

    public static let compNexthdr = Field("comp nexthdr", .transport, bits: 0..<8)
    public static let compFlags = Field("comp flags", .transport, bits: 8..<16)
    public static let compCpi = Field("comp cpi", .transport, bits: 16..<32)

    // MARK: RFC 2784 2.1, RFC 2890: the flags are the first five bits

    public static let greFlags = Field("gre flags", .transport, bits: 0..<5)
    public static let greVersion = Field("gre version", .transport, bits: 13..<16)
    public static let greProtocol = Field("gre protocol", .transport, bits: 16..<32)
}
