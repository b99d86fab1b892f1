extension PacketLanguage {
    /// What `weir help packets` prints. Lines that begin with four spaces and a port are examples, which a test reads.
    package static let help = """
        HOW PACKETS ARE DESCRIBED

        "weir explain" and "weir test" take packets in words, a line each: the port by which the packet comes, optionally a time, and the
        headers in order. The words are those of nft(8), tcpdump(8) and the RFCs. Names of services, protocols, ICMP types and code points
        are those of rule files. Fields that you leave out have usual values; lengths, types and checksums are right unless you set them.
        Numbers are decimal, or hexadecimal with 0x. The ports are A and B here.

            A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 80 syn
            B: ip6 2001:db8::2 > 2001:db8::1 udp domain > 4000 payload 100
            A: vlan 5 arp request who-has 10.0.0.2 tell 10.0.0.1

        Times: @0.5s counts from the start, +200ms from the previous packet. A packet without a time comes together with the previous one.
        Units: ns, us, ms, s, m, h, d.

            A: @1.5s ip 10.0.0.1 > 10.0.0.2 icmp echo-request
            B: +1m30s ip 10.0.0.2 > 10.0.0.1 icmp echo-reply

        LINK
          ether [SOURCE > DESTINATION] [type T | llc]
              By default a host at the packet's port sends to a host at the other port: 02:00:00:00:00:01 at the first, 02:00:00:00:00:02
              at the second. Groups and broadcasts have their own addresses. llc writes a length in place of the type.
          vlan N [pcp N] [dei] [tpid T] [type T]      repeat it for more tags; T is 8021q, 8021ad or a number

            A: ether 02:77:00:00:00:01 > ff:ff:ff:ff:ff:ff type 0x88b5 payload 46
            A: vlan 7 tpid 8021ad pcp 3 vlan 5 ip 10.0.0.1 > 10.0.0.2 udp 1 > 2
            A: ether llc payload 0x424203

        NETWORK
          arp request|reply|N [SENDER > TARGET] [who-has IP] [tell IP] [is-at MAC] [saddr MAC] [daddr MAC] [htype|ptype|hlen|plen N]
          ip SOURCE > DESTINATION [ttl N] [tos N | dscp D | ecn E] [id N] [df] [mf] [evil] [offset BYTES] [proto P] [length N]
              [hdrlength WORDS] [version N] [option nop|ra|rr|lsrr|ssrr|timestamp|0x…] [checksum N | bad-checksum | no-checksum]
          ip6 SOURCE > DESTINATION [hoplimit N] [dscp D] [ecn E] [flowlabel N] [nexthdr P] [length N] [version N]
          hbh, dst [option 0x…]      rt [type N] [segleft N] [address IP]…      frag [id N] [offset BYTES] [mf]
          ah, esp [spi N] [seq N]      comp [cpi N]      gre [proto T] [key N] [seq N] [checksum]
              An ip or ip6 after any of these except esp and comp is a packet in a packet.

            A: arp reply 10.0.0.1 is-at 02:77:00:00:00:01 tell 10.0.0.2
            A: ip 10.0.0.1 > 10.0.0.2 dscp ef ecn ect0 ttl 1 option ra proto 200 payload 20
            A: ip6 2001:db8::1 > 2001:db8::2 hbh rt type 2 address 2001:db8::3 frag id 7 tcp 4000 > https
            A: ip 10.0.0.1 > 10.0.0.2 gre key 5 ip 192.0.2.1 > 192.0.2.2 udp 1 > 2
            A: ip 10.0.0.1 > 10.0.0.2 length 1500 bad-checksum udp 1 > 2

        TRANSPORT
          tcp PORT > PORT [FLAG…] [seq N] [ack N] [win N] [urgptr N] [doff WORDS] [mss N] [wscale N] [sackok] [ts N N] [sack N:N,…] [nop]
              [option KIND [0x…]] [checksum N | bad-checksum]
              FLAG: syn, ack, fin, rst, psh, urg, ecn, cwr, several of them with spaces or commas; none; or as in [S.] and [P.].
              The default is a SYN.
          udp PORT > PORT [length N] [checksum N | bad-checksum | no-checksum]      udplite PORT > PORT [csumcov N]
          icmp TYPE [code C] [id N] [seq N] [mtu N] [gateway IP] [pointer N] [(PACKET)]
          icmpv6 TYPE [code C] [id N] [seq N] [mtu N] [target IP | group IP] [maxdelay N] [pointer N] [(PACKET)]
              An error quotes the packet in parentheses. The quoted packet begins with ip or ip6.
          igmp TYPE [group IP] [mrt N]
          sctp PORT > PORT [vtag N] [chunk TYPE [flags N] [tsn N] [stream N] [ssn N] [ppid N] [vtag N] [data BYTES]]…
          dccp PORT > PORT [TYPE] [seq N] [ack N] [service N]
          payload BYTES      a number of bytes, which count up; a text in quotes; or 0x and hexadecimal digits

            A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 80 [S] mss 1460 sackok ts 1 0 nop wscale 7
            B: ip 10.0.0.2 > 10.0.0.1 tcp 80 > 4000 psh,ack seq 1 ack 101 payload "HTTP/1.1 200 OK\\r\\n"
            B: ip 192.0.2.9 > 10.0.0.1 icmp destination-unreachable code frag-needed mtu 1400 (ip 10.0.0.1 > 10.0.0.2 udp 1 > 2)
            B: ip6 fe80::2 > ff02::1:ff00:1 hoplimit 255 icmpv6 nd-neighbor-solicit target fe80::1
            A: ip 10.0.0.1 > 224.0.0.251 ttl 1 igmp membership-report-v2 group 224.0.0.251
            A: ip 10.0.0.1 > 10.0.0.2 sctp 4000 > 2905 vtag 9 chunk data tsn 1 data "hello" chunk sack

        WHOLE FRAMES
          hex 02000000…                 a frame's bytes, without the frame check sequence
          frame N of FILE               a frame of a capture, counted from 1; in a case file, FILE is relative to its folder

            A: hex 02000000000202000000000188b5 0000000000

        After a packet:
          fragments N                   as N frames of about the same size              fragments of BYTES    with at most BYTES in each
          fragments … [id N] [order 3,1,2]                                              fragment 2 of 3       only one of them
          pad BYTES                     zeros at the end, up to that length             cut BYTES             only the first BYTES

            A: ip 10.0.0.1 > 10.0.0.2 id 7 udp 1 > 53 payload 100 fragments 3 order 3,1,2
            A: ip6 2001:db8::1 > 2001:db8::2 udp 1 > 53 payload 100 fragment 1 of 2 id 9
            A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 2 pad 60

        CASE FILES
        "weir test RULES CASES" runs files of packets with their expected verdicts:

          ports A,B                                    at the top, unless --ports says so
          test web servers are reached                 begins a test, with a firewall that knows nothing yet, at time 0
          clock 2026-01-31 17:30                       UTC, for rules about times; by default 2000-01-01 12:00
          fragments track                              as --fragments of "weir run": reassemble, track or drop
          A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 80 => accept
          +30s                                         time passes
          # a comment

          => accept | drop [by FILE:LINE | by "COMMENT" | by policy] [reason REASON]
          => reject [with tcp reset | with icmp CODE | with icmpv6 CODE | with icmpx CODE] [by …]
          => held                                      no frame of it has a verdict when its last one has come
          => held then accept …                        and this is the verdict that they get later
        A packet without "=>" is sent, and any verdict is right.

        """
}
