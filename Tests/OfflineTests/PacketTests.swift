import Foundation
import FrameBuilder
import Offline
import Testing
import Wire

/// Descriptions and the frames that they stand for.
@Suite("Described packets") struct PacketTests {
    /// As Tests/FrameBuilder builds them, with checksums.
    static let built: [(String, [UInt8])] = [
        ("A: ip 10.0.0.1 > 10.0.0.2 id 0x1234 tcp 4000 > 80", Frame.ethernet().ipv4().tcp(4000, 80).finished.bytes),
        ("A: ip 10.0.0.1 > 10.0.0.2 id 0x1234 tcp 4000 > http syn", Frame.ethernet().ipv4().tcp(4000, 80).finished.bytes),
        (
            "A: ip 10.0.0.1 > 10.0.0.2 id 0x1234 udp 1024 > domain payload 8",
            Frame.ethernet().ipv4().udp(1024, 53).payload(8).finished.bytes
        ),
        (
            "A: ip6 2001:db8::1 > 2001:db8::2 udp 1 > 53 payload \"abc\"",
            Frame.ethernet().ipv6().udp(1, 53).payload(Array("abc".utf8)).finished.bytes
        ),
        (
            "A: vlan 5 pcp 3 tpid 8021ad vlan 6 ip 10.0.0.1 > 10.0.0.2 id 0x1234 udp 1 > 2 no-checksum",
            Frame.ethernet().vlan(5, priority: 3, tpid: 0x88a8).vlan(6).ipv4().udp(1, 2).bytes
        ),
        (
            "A: ether 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff arp request who-has 10.0.0.2 tell 10.0.0.1",
            Frame.ethernet(to: 0xffff_ffff_ffff).arp().bytes
        ),
        (
            "A: ip 10.0.0.1 > 10.0.0.2 id 0x1234 df proto 17 payload 4 pad 60",
            Frame.ethernet().ipv4(doNotFragment: true, protocolNumber: 17).payload(4).padded(to: 60).bytes
        ),
        (
            "A: ip 10.0.0.1 > 10.0.0.2 id 0x1234 mf offset 24 proto udp payload 16",
            Frame.ethernet().ipv4(more: true, fragmentOffset: 24, protocolNumber: 17).payload(16).bytes
        ),
        (
            "A: ip 10.0.0.1 > 10.0.0.2 id 0x1234 length 1500 version 5 hdrlength 4 proto 17",
            Frame.ethernet().ipv4(protocolNumber: 17, totalLength: 1500, version: 5, headerWords: 4).bytes
        ),
        (
            "A: ip6 2001:db8::1 > 2001:db8::2 hbh frag id 0xfeedbeef mf nexthdr udp payload 8",
            Frame.ethernet().ipv6().extensionHeader(0).fragmentHeader(offset: 0, more: true, nextHeader: 17).payload(8).bytes
        ),
        ("A: ether type 0x88b5 payload 46", Frame.ethernet().payload(46).bytes),
        ("A: ether llc payload 0x424203", Frame.ethernet(type: 3).payload([0x42, 0x42, 3]).bytes),
        (
            "B: ip 10.0.0.1 > 10.0.0.2 id 0x1234 tcp 4000 > 80",
            Frame.ethernet(to: Frame.near, from: Frame.far).ipv4().tcp(4000, 80).finished.bytes
        ),
        ("A: hex 0102 030405 0x0607", [1, 2, 3, 4, 5, 6, 7]),
        ("A: hex 010203 cut 2", [1, 2]),
    ]

    @Test("a description stands for these bytes", arguments: built)
    func bytes(_ text: String, _ expected: [UInt8]) throws { #expect(hex(try frame(text)) == hex(expected)) }

    /// The same descriptions in the words of scapy, which knows the protocols by itself.
    static let scapy: [(String, String)] = [
        (
            "ip 10.0.0.1 > 10.0.0.2 ttl 9 dscp ef ecn ce id 77 df tcp 4000 > 22 psh,ack seq 5 ack 6 win 7 payload 5",
            "IP(src='10.0.0.1',dst='10.0.0.2',ttl=9,tos=0xbb,id=77,flags='DF')/TCP(sport=4000,dport=22,flags='PA',seq=5,ack=6,window=7)/bytes(range(5))"
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 tcp 1 > 2 [S.] mss 1460 sackok ts 9 8 nop wscale 7",
            "IP(src='10.0.0.1',dst='10.0.0.2')/TCP(sport=1,dport=2,flags='SA',seq=1,window=65535,options=[('MSS',1460),('SAckOK',b''),('Timestamp',(9,8)),('NOP',None),('WScale',7)])"
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 tcp 1 > 2 ack sack 1:2,3:4 nop nop",
            "IP(src='10.0.0.1',dst='10.0.0.2')/TCP(sport=1,dport=2,flags='A',seq=1,window=65535,options=[('SAck',(1,2,3,4)),('NOP',None),('NOP',None)])"
        ),
        (
            "ip6 2001:db8::1 > 2001:db8::2 hoplimit 3 dscp af11 flowlabel 0x12345 tcp 1 > 2 rst payload 9",
            "IPv6(src='2001:db8::1',dst='2001:db8::2',hlim=3,tc=40,fl=0x12345)/TCP(sport=1,dport=2,flags='R',seq=1,window=65535)/bytes(range(9))"
        ),
        ("ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload 9", "IP(src='10.0.0.1',dst='10.0.0.2')/UDP(sport=1,dport=2)/bytes(range(9))"),
        ("ip6 fe80::1 > fe80::2 udp 1 > 2 payload 10", "IPv6(src='fe80::1',dst='fe80::2',hlim=64)/UDP(sport=1,dport=2)/bytes(range(10))"),
        (
            "ip 10.0.0.1 > 10.0.0.2 icmp echo-request id 3 seq 4 payload 7",
            "IP(src='10.0.0.1',dst='10.0.0.2')/ICMP(type=8,id=3,seq=4)/bytes(range(7))"
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 icmp destination-unreachable code frag-needed mtu 1400 (ip 10.0.0.2 > 10.0.0.1 udp 5 > 6)",
            "IP(src='10.0.0.1',dst='10.0.0.2')/ICMP(type=3,code=4,nexthopmtu=1400)/IPerror(src='10.0.0.2',dst='10.0.0.1')/UDPerror(sport=5,dport=6)"
        ),
        (
            "ip6 fe80::1 > fe80::2 icmpv6 echo-reply id 3 seq 4 payload 7",
            "IPv6(src='fe80::1',dst='fe80::2',hlim=64)/ICMPv6EchoReply(id=3,seq=4,data=bytes(range(7)))"
        ),
        (
            "ip6 fe80::1 > ff02::1:ff00:2 hoplimit 255 icmpv6 nd-neighbor-solicit target fe80::2",
            "IPv6(src='fe80::1',dst='ff02::1:ff00:2')/ICMPv6ND_NS(tgt='fe80::2')"
        ),
        (
            "ip6 fe80::1 > fe80::2 icmpv6 packet-too-big mtu 1280 (ip6 fe80::2 > fe80::1 udp 5 > 6)",
            "IPv6(src='fe80::1',dst='fe80::2',hlim=64)/ICMPv6PacketTooBig(mtu=1280)/IPerror6(src='fe80::2',dst='fe80::1',hlim=64)/UDPerror(sport=5,dport=6)"
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 sctp 1 > 2 vtag 9 chunk data tsn 5 stream 6 ssn 7 ppid 8 data \"hello\"",
            "IP(src='10.0.0.1',dst='10.0.0.2')/SCTP(sport=1,dport=2,tag=9)/SCTPChunkData(tsn=5,stream_id=6,stream_seq=7,proto_id=8,beginning=1,ending=1,data=b'hello')"
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 sctp 1 > 2 chunk init vtag 3 tsn 4",
            "IP(src='10.0.0.1',dst='10.0.0.2')/SCTP(sport=1,dport=2)/SCTPChunkInit(init_tag=3,a_rwnd=65535,n_out_streams=10,n_in_streams=10,init_tsn=4)"
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 gre key 5 seq 6 checksum ip 10.1.0.1 > 10.1.0.2 udp 1 > 2",
            "IP(src='10.0.0.1',dst='10.0.0.2')/GRE(chksum_present=1,key_present=1,seqnum_present=1,key=5,seqence_number=6)/IP(src='10.1.0.1',dst='10.1.0.2')/UDP(sport=1,dport=2)"
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 ip6 fe80::1 > fe80::2 udp 1 > 2",
            "IP(src='10.0.0.1',dst='10.0.0.2',proto=41)/IPv6(src='fe80::1',dst='fe80::2',hlim=64)/UDP(sport=1,dport=2)"
        ),
        (
            "ip6 fe80::1 > fe80::2 rt type 2 address 2001:db8::3 udp 1 > 2 no-checksum",
            "IPv6(src='fe80::1',dst='fe80::2',hlim=64)/IPv6ExtHdrRouting(type=2,segleft=1,addresses=['2001:db8::3'])/UDP(sport=1,dport=2,chksum=0)"
        ),
        (
            "ip6 fe80::1 > fe80::2 frag id 7 offset 16 mf nexthdr udp payload 8",
            "IPv6(src='fe80::1',dst='fe80::2',hlim=64)/IPv6ExtHdrFragment(nh=17,id=7,offset=2,m=1)/bytes(range(8))"
        ),
        ("ip 10.0.0.1 > 10.0.0.2 esp spi 4 seq 5 payload 12", "IP(src='10.0.0.1',dst='10.0.0.2')/ESP(spi=4,seq=5,data=bytes(range(12)))"),
        (
            "ip 10.0.0.1 > 10.0.0.2 ah spi 4 seq 5 udp 1 > 2 no-checksum",
            "IP(src='10.0.0.1',dst='10.0.0.2')/AH(nh=17,payloadlen=4,spi=4,seq=5,icv=bytes(12))/UDP(sport=1,dport=2,chksum=0)"
        ),
    ]

    static let hasScapy =
        FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")
        && FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/scapy")

    @Test("scapy builds the same bytes", .enabled(if: hasScapy, "python3-scapy is not installed (tools/setup)"))
    func scapyAgrees() throws {
        var lines = ["import logging; logging.getLogger('scapy').setLevel(logging.ERROR)", "from scapy.all import *"]
        lines += Self.scapy.map { "print(bytes(\($0.1)).hex())" }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-c", lines.joined(separator: "\n")]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let answers = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self).split(separator: "\n")
        process.waitUntilExit()
        try #require(answers.count == Self.scapy.count)
        for (pair, answer) in zip(Self.scapy, answers) {
            #expect(hex(Array(try frame("A: " + pair.0).dropFirst(14))) == answer, "\(pair.0)")
        }
    }

    /// Wrong on request: the same but for the checksum, which no receiver takes.
    @Test(
        "a wrong checksum is wrong and nothing else is",
        arguments: [
            "ip 10.0.0.1 > 10.0.0.2 % udp 1 > 2", "ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 %", "ip 10.0.0.1 > 10.0.0.2 tcp 1 > 2 %",
            "ip6 fe80::1 > fe80::2 udp 1 > 2 % payload 3", "ip6 fe80::1 > fe80::2 icmpv6 echo-request %",
            "ip 10.0.0.1 > 10.0.0.2 icmp echo-reply %",
            "ip 10.0.0.1 > 10.0.0.2 sctp 1 > 2 % chunk init", "ip 10.0.0.1 > 10.0.0.2 dccp 1 > 2 request %",
            "ip 10.0.0.1 > 10.0.0.2 igmp leave-group %",
            "ip 10.0.0.1 > 10.0.0.2 udplite 1 > 2 % payload 5",
        ])
    func wrongChecksum(_ text: String) throws {
        let right = try frame("A: " + text.replacing("%", with: ""))
        let wrong = try frame("A: " + text.replacing("%", with: "bad-checksum"))
        let other = zip(right, wrong).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
        #expect(right.count == wrong.count)
        #expect((1...2).contains(other.count), "\(other)")
    }

    @Test(
        "fragments put together are the datagram, whatever the number",
        arguments: [
            ("A: ip 10.0.0.1 > 10.0.0.2 id 7 option ra udp 1 > 53 payload 100", 1...14),
            ("A: vlan 5 ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 3000", 1...10),
            ("A: ip6 2001:db8::1 > 2001:db8::2 hbh rt address 2001:db8::3 udp 1 > 53 payload 100", 1...14),
        ])
    func fragments(_ text: String, _ counts: ClosedRange<Int>) throws {
        let whole = try frame(text)
        let parsed = ParsedFrame.parse(whole.span.bytes, tag: nil)
        for count in counts where refusal("\(text) fragments \(count)") == nil {
            var datagram: [UInt8] = []
            let parts = try frames("\(text) fragments \(count)")
            #expect(parts.count == count)
            for (index, part) in parts.enumerated() {
                let fragment = ParsedFrame.parse(part.span.bytes, tag: nil)
                #expect(fragment.malformation == nil)
                if count > 1 { #expect(fragment.isFragment && fragment.moreFragments == (index < count - 1)) }
                if count > 1 {
                    #expect(fragment.fragmentOffset == datagram.count)
                    datagram += part[fragment.fragmentPayloadOffset..<fragment.networkEnd]
                }
                #expect(try frame("\(text) fragment \(index + 1) of \(count)") == part)
            }
            if count > 1 { #expect(Array(whole.suffix(datagram.count)) == datagram && datagram.count >= parsed.transportLength) }
        }
    }

    @Test(
        "no line takes much memory, whatever it says",
        arguments: [
            ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload 65000 fragments of 8 pad 65605", "the frames have more than 16 MiB in all"),
            (
                "A: ip6 fe80::1 > fe80::2 " + String(repeating: "hbh option 2000 ", count: 20)
                    + "rt udp 1 > 2 payload 20000 fragments of 16",
                "the frames have more than 16 MiB in all"
            ),
            (
                "A: ip 10.0.0.1 > 10.0.0.2 sctp 1 > 2" + String(repeating: " chunk data data 65535", count: 10_000),
                "the chunks are longer than 65535 bytes"
            ),
            ("A: ip6 fe80::1 > fe80::2 hbh" + String(repeating: " option 65535", count: 20_000), "the options are longer than 2046 bytes"),
        ])
    func memory(_ text: String, _ message: String) throws {
        let found = try #require(refusal(text))
        #expect(found.contains(message), "\(found.prefix(300))")
    }

    @Test func `fragments in another order, and of a size`() throws {
        let text = "A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 92 fragments"
        let parts = try frames("\(text) of 40")
        #expect(parts.map(\.count) == [74, 74, 54])
        #expect(try frames("\(text) of 40 order 3,1,1,2") == [parts[2], parts[0], parts[0], parts[1]])
    }

    @Test(
        "times",
        arguments: [
            ("A: @0.5s hex 00", 500_000_000), ("A: hex 00", 100), ("@1m30s A: hex 00", 90_000_000_000), ("A: +1us hex 00", 1_100),
            ("A: +1.000000001s hex 00", 1_000_000_101), ("A: +2h1ms hex 00", 7_200_001_000_100),
        ] as [(String, UInt64)])
    func times(_ text: String, _ expected: UInt64) throws {
        var now: UInt64 = 100
        #expect(try PacketLanguage.packet(text, ports: ["A", "B"], after: &now).time == expected)
        #expect(now == expected)
    }

    @Test(
        "times more than 100 years from the start",
        arguments: [
            ("@36525d", nil), ("@36525d1ns", "not a time"), ("@36526d", "not a time"),
            // More nanoseconds than 64 bits count: by a fraction, and by a second part.
            ("@213503.99999d", "not a time"), ("@36525d213503d", "not a time"),
        ] as [(String, String?)])
    func longTimes(_ time: String, _ problem: String?) {
        let found = refusal("A: \(time) hex 00")
        #expect((found == nil) == (problem == nil))
        #expect(found?.contains(problem ?? "") ?? true, "\(found ?? "")")
    }

    @Test func `whom frames go to`() throws {
        #expect(try frame("A: ip 10.0.0.1 > 224.0.0.251 udp 1 > 2").starts(with: [1, 0, 0x5e, 0, 0, 0xfb, 2, 0, 0, 0, 0, 1]))
        #expect(try frame("B: ip6 fe80::1 > ff02::1 udp 1 > 2").starts(with: [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]))
        #expect(try frame("B: vlan 5 arp request who-has 10.0.0.1 tell 10.0.0.2").starts(with: [255, 255, 255, 255, 255, 255]))
        #expect(try frame("A: ip 10.0.0.1 > 255.255.255.255 udp 68 > 67").starts(with: [255, 255, 255, 255, 255, 255]))
    }

    @Test func `every example of the help is one`() throws {
        let examples = PacketLanguage.help.split(separator: "\n").filter { $0.hasPrefix("    A:") || $0.hasPrefix("    B:") }
        #expect(examples.count >= 20)
        for example in examples where refusal(String(example)) != nil { Issue.record("\(refusal(String(example)) ?? "")") }
    }

    @Test func `every word that a header takes stands in the help`() {
        let help = PacketLanguage.help
        for word in PacketLanguage.words where !help.contains(word) { Issue.record("\(word) is not in the help") }
    }
}
