import Appliance
import Capture
import Classifier
import Decisions
import Firewall
import Foundation
import FrameBuilder
import Reporting
import Ruleset
import Storage
import Testing
import Wire

@Suite struct EventLineTests {
    private static let text = """
        table bridge t {
            chain c {
                type filter hook forward priority 0; policy drop;
                log prefix "seen " group 3 comment "all"
                udp dport 53 log level notice drop comment "no names"
            }
        }
        """

    private static func program() throws -> Program {
        try Program(compiling: Ruleset.read(SourceFile(name: "edge.nft", text: text)).ruleset, ports: ["a", "b"])
    }

    /// A frame, the statement's rule and place or none, the verdict, and the line; 1,700,000,000.123456789 is 2023-11-14 22:13:20.
    static let lines: [(description: String, frame: Frame, event: LoggedStatement?, decision: Decision, line: String)] = [
        (
            "a log statement", Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(40_000, 53), LoggedStatement(rule: 0, statement: 0),
            Decision(verdict: .accept, reason: .acceptByRule, rule: 0, baseChain: 0),
            #""alert":{"action":"allowed","category":"Firewall log","gid":1,"rev":1,"severity":2,"signature":"seen ","#
                + #""signature_id":SID},"community_id":"CID","dest_ip":"10.0.0.2","dest_port":53,"#
                + #""ether":{E,"ether_type":2048,S},"event_type":"alert","flow_id":FID,"in_iface":"a","ip_v":4,"pkt_src":"wire/pcap","#
                + #""proto":"UDP","src_ip":"10.0.0.1","src_port":40000,T,"#
                + #""weir":{"chain":"c","comment":"all","file":"edge.nft","group":3,"line":4,"prefix":"seen ","reason":"accept-by-rule","#
                + #""rule":"log prefix \"seen \" group 3 comment \"all\"","table":"bridge t"}"#
        ),
        (
            "a drop by a rule, of ICMP with two tags", Frame.ethernet().vlan(5).vlan(6).ipv6().icmpv6(128),
            nil, Decision(verdict: .drop, reason: .rule, rule: 1, baseChain: 0),
            #""community_id":"CID","dest_ip":"2001:db8::2","drop":{"flowlbl":0,"hoplimit":64,"icmp_id":1,"icmp_seq":1,"len":8,"reason":"rule","tc":0},"#
                + #""ether":{E,"ether_type":33024,S},"event_type":"drop","flow_id":FID,"#
                + #""icmp_code":0,"icmp_type":128,"in_iface":"a","ip_v":6,"pkt_src":"wire/pcap","proto":"IPv6-ICMP","src_ip":"2001:db8::1",T,"vlan":[5,6],"#
                + #""weir":{"chain":"c","comment":"no names","file":"edge.nft","line":5,"reason":"rule","#
                + #""rule":"udp dport 53 log level notice drop comment \"no names\"","table":"bridge t"}"#
        ),
        (
            "a drop by the policy", Frame.ethernet().arp(), nil, Decision(verdict: .drop, reason: .policy, baseChain: 0),
            #""drop":{"len":42,"reason":"policy"},"ether":{E,"ether_type":2054,S},"event_type":"drop","in_iface":"a","pkt_src":"wire/pcap",T,"#
                + #""weir":{"chain":"c","reason":"policy","table":"bridge t"}"#
        ),
        (
            "a drop before the rules", Frame.ethernet().arp(), nil, Decision(verdict: .drop, reason: .ipv4HeaderCutOff),
            #""drop":{"len":42,"reason":"ipv4-header-cut-off"},"ether":{E,"ether_type":2054,S},"event_type":"drop","in_iface":"a","#
                + #""pkt_src":"wire/pcap",T,"weir":{"reason":"ipv4-header-cut-off"}"#
        ),
        (
            "a drop of TCP", Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(40_000, 53, flags: 0x1a), nil,
            Decision(verdict: .drop, reason: .policy, baseChain: 0),
            #""community_id":"CID","dest_ip":"10.0.0.2","dest_port":53,"drop":{"ack":true,"fin":false,"ipid":IPID,"len":40,"psh":true,"#
                + #""reason":"policy","rst":false,"syn":true,"tcpack":0,"tcpres":0,"tcpseq":1,"tcpurgp":0,"tcpwin":65535,"tos":0,"ttl":64,"#
                + #""urg":false},"ether":{E,"ether_type":2048,S},"event_type":"drop","flow_id":FID,"in_iface":"a","ip_v":4,"#
                + #""pkt_src":"wire/pcap","proto":"TCP","src_ip":"10.0.0.1","src_port":40000,T,"#
                + #""weir":{"chain":"c","reason":"policy","table":"bridge t"}"#
        ),
        (
            "a drop of UDP", Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(40_000, 53).payload(5), nil,
            Decision(verdict: .drop, reason: .policy, baseChain: 0),
            #""community_id":"CID","dest_ip":"10.0.0.2","dest_port":53,"drop":{"ipid":IPID,"len":33,"reason":"policy","tos":0,"ttl":64,"#
                + #""udplen":13},"ether":{E,"ether_type":2048,S},"event_type":"drop","flow_id":FID,"in_iface":"a","ip_v":4,"#
                + #""pkt_src":"wire/pcap","proto":"UDP","src_ip":"10.0.0.1","src_port":40000,T,"#
                + #""weir":{"chain":"c","reason":"policy","table":"bridge t"}"#
        ),
    ]

    @Test("an event has the shape of Suricata's", arguments: lines.indices)
    func line(_ index: Int) throws {
        let line = Self.lines[index]
        let bytes = line.frame.bytes
        func mac(_ range: Range<Int>) -> String {
            bytes[range].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
        }
        let program = try Self.program()
        var firewall = Firewall(program: program, counters: FirewallCounters(for: program))
        var copy = bytes
        var span = copy.mutableSpan
        var memory = span.mutableBytes
        var judgement = firewall.judge(&memory, tag: nil, ingress: 0, at: Instant(monotonic: 0, sinceEpoch: 0))
        judgement.decision = line.decision
        let record = LogRecord(
            event: line.event, time: 1_700_000_000_123_456_789, ingress: 0, judgement: judgement, bytes: bytes.span.bytes)
        let expected =
            "{"
            + line.line.replacingOccurrences(of: "{E,", with: "{\"dest_mac\":\"\(mac(0..<6))\",")
            .replacingOccurrences(of: ",S}", with: ",\"src_mac\":\"\(mac(6..<12))\"}")
            .replacingOccurrences(of: ",T,", with: ",\"timestamp\":\"2023-11-14T22:13:20.123456+0000\",") + "}\n"
        var written: [UInt8] = []
        var encoder = EventEncoder(program, ports: ["a", "b"])
        for _ in 0..<2 { encoder.append(record, to: &written) }
        let text = String(decoding: written, as: UTF8.self)
            .replacing(/"signature_id":[0-9]+/, with: "\"signature_id\":SID").replacing(/"flow_id":[0-9]+/, with: "\"flow_id\":FID")
            .replacing(/"community_id":"1:[^"]{28}"/, with: "\"community_id\":\"CID\"").replacing(/"ipid":[0-9]+/, with: "\"ipid\":IPID")
        #expect(text == expected + expected)
    }

    private struct Hashes: Decodable {
        struct Alert: Decodable { var signature_id: UInt64 }
        var flow_id: UInt64?
        var community_id: String?
        var alert: Alert?
    }

    /// Texts that want escaping among the rest.
    private static let odd = """
        table inet t {
            chain c {
                type filter hook forward priority 0;
                log prefix "a / ü" group 65535 comment "a/b ü"
                tcp dport 80 log level debug flags all accept
                log level emerg comment "x"
                meta mark 5 drop
            }
        }
        """

    @Test("every line is, byte by byte, what JSONEncoder makes of the same values", arguments: 1...3 as ClosedRange<UInt64>)
    func sameAsJSONEncoder(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let names = ["a", "b\u{1}\t\u{1f}\"\n\r\u{8}\u{c}"]
        let source = SourceFile(name: "dir/odd\"\\\u{2}.nft", text: Self.odd)
        let program = try Program(compiling: Ruleset.read(source).ruleset, ports: ["a", "b"])
        var encoder = EventEncoder(program, ports: names)
        var firewall = Firewall(program: program, counters: FirewallCounters(for: program))
        let frames = SampleFrames.all.map(\.frame.bytes)
        for _ in 0..<3_000 {
            var bytes = random.pick(frames)
            if random.oneIn(3) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
            for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var copy = bytes
            var span = copy.mutableSpan
            var memory = span.mutableBytes
            var judgement = firewall.judge(&memory, tag: nil, ingress: 0, at: Instant(monotonic: 0, sinceEpoch: 0))
            judgement.decision = Decision(
                verdict: random.pick([.accept, .drop, .hold]), reason: random.pick(Reason.allCases),
                rule: random.pick([.none, 0, 1, 2, 3, 9]), baseChain: random.pick([.none, 0, 5]))
            let event =
                random.oneIn(4)
                ? nil : LoggedStatement(rule: random.pick([.none, 0, 1, 2, 3, 9]), statement: random.pick([0, 1, 2, 3]))
            var record = LogRecord(
                event: event, time: 0, ingress: random.pick([0, 1, 2]), judgement: judgement, bytes: bytes.span.bytes)
            record.time = random.pick([0, 999_999_999, 1_700_000_000_000_001_000, 1_700_000_000_999_999_999, .max])
            let place = random.oneIn(2) ? EventEncoder.Place(number: random.next(), file: random.pick(["-", "x/ü.pcap"])) : nil
            var written: [UInt8] = []
            encoder.append(record, at: place, hasVerdict: place != nil, to: &written)
            var reference =
                place.map { ReferenceEventLine(record, program, ports: names, number: $0.number, file: $0.file) }
                ?? ReferenceEventLine(record, program, ports: names)
            // Hashes are held to others' elsewhere.
            let made = try JSONDecoder().decode(Hashes.self, from: Data(written))
            (reference.flow_id, reference.community_id) = (made.flow_id, made.community_id)
            reference.alert?.signature_id = made.alert?.signature_id
            #expect(String(decoding: written, as: UTF8.self) == String(decoding: reference.encoded, as: UTF8.self))
        }
        var written: [UInt8] = []
        EventEncoder.append(leftOut: 7, time: 5_000, to: &written)
        #expect(written == ReferenceEventLine(leftOut: 7, time: 5_000).encoded)
    }

    @Test func `a second has so many lines, and the others' number is said`() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = try EventWriter(
            EventSettings(path: path, linesPerSecond: 3), RulesetGenerations(Self.program(), origin: CaptureOrigin()), ports: ["a", "b"])
        let queue = LogQueue()
        let bytes = Frame.ethernet().arp().bytes
        for _ in 0..<10 {
            queue.offer(
                LogRecord(
                    event: LoggedStatement(rule: 0, statement: 0), time: 0, ingress: 0, addresses: 0,
                    frame: ParsedFrame.parse(bytes.span.bytes, tag: nil)))
        }
        writer.write([queue], isLast: true)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines.last?.contains("\"event_type\":\"stats\"") == true && lines.last?.contains("\"events_left_out\":7") == true)
    }

    private static var changed: Decision {
        var decision = Decision(verdict: .drop, reason: .policy, baseChain: 0)
        decision.isChanged = true
        return decision
    }

    @Test(
        "a captured frame's comment",
        arguments: [
            (
                CaptureRecord(time: 0, length: 0, port: 0, decision: Decision(verdict: .drop, reason: .rule, rule: 1, baseChain: 0)),
                "drop by rule edge.nft:5 \"no names\" (chain c) reason=rule"
            ),
            (
                CaptureRecord(time: 0, length: 0, port: 0, decision: Decision(verdict: .drop, reason: .policy, baseChain: 0)),
                "drop by policy of chain c (table bridge t) reason=policy"
            ),
            (
                CaptureRecord(time: 0, length: 0, port: 0, decision: changed),
                "drop by policy of chain c (table bridge t) headers changed by rules reason=policy"
            ),
            (
                CaptureRecord(time: 0, length: 0, port: 0, decision: Decision(verdict: .drop, reason: .ipv4HeaderCutOff)),
                "drop reason=ipv4-header-cut-off"
            ),
            (
                CaptureRecord(time: 0, length: 0, port: 0, decision: Decision(verdict: .drop, reason: .fragmentOverlap)),
                "drop reason=fragment-overlap"
            ),
            (
                CaptureRecord(
                    time: 0, length: 0, port: 0, decision: Decision(verdict: .drop, reason: .rule, rule: 1, baseChain: 0),
                    event: LoggedStatement(rule: 0, statement: 0)),
                "log by rule edge.nft:4 \"all\" (chain c) prefix=\"seen \" reason=rule"
            ),
        ])
    func comment(_ record: CaptureRecord, _ comment: String) throws {
        #expect(CaptureComment.text(of: record, try Self.program()) == comment)
    }
}
