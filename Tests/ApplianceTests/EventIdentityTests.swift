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

/// By what events are joined.
@Suite struct EventIdentityTests {
    private static func event(_ frame: Frame, rules: String = "log", seed: UInt16 = 0) throws -> [String: Any] {
        let text = "table bridge t {\n chain c {\n type filter hook forward priority 0;\n \(rules)\n }\n}"
        let program = try Program(compiling: Ruleset.read(SourceFile(name: "r.nft", text: text)).ruleset, ports: ["a", "b"])
        var firewall = Firewall(program: program, counters: FirewallCounters(for: program))
        var bytes = frame.bytes
        let original = bytes
        let judgement = bytes.withUnsafeMutableBytes { buffer in
            var span = buffer.mutableBytes
            return firewall.judge(&span, tag: nil, ingress: 0, at: Instant(monotonic: 0, sinceEpoch: 0))
        }
        let record = original.withUnsafeBytes { buffer in
            LogRecord(event: firewall.event(0), time: 0, ingress: 0, judgement: judgement, bytes: buffer.bytes)
        }
        var line: [UInt8] = []
        var encoder = EventEncoder(program, ports: ["a", "b"], communitySeed: seed)
        encoder.append(record, to: &line)
        return try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }

    /// Made with the reference implementation (pycommunityid's arithmetic: base64 of SHA-1 of seed, addresses, protocol, 0 and ports).
    @Test(
        "community_id is that of other programs",
        arguments: [
            (Frame.ethernet().ipv4("128.232.110.120", "66.35.250.204").tcp(34_855, 80), 0 as UInt16, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (Frame.ethernet().ipv4("66.35.250.204", "128.232.110.120").tcp(80, 34_855), 0, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (Frame.ethernet().ipv4("128.232.110.120", "66.35.250.204").tcp(34_855, 80), 1, "1:3V71V58M3Ksw/yuFALMcW0LAHvc="),
            (Frame.ethernet().ipv4("192.168.1.52", "8.8.8.8").udp(54_585, 53), 0, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (Frame.ethernet().ipv4("192.168.0.89", "192.168.0.1").icmp(8), 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            (Frame.ethernet().ipv4("192.168.0.1", "192.168.0.89").icmp(0), 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        ])
    func communityID(_ frame: Frame, _ seed: UInt16, _ id: String) throws {
        #expect(try Self.event(frame, seed: seed)["community_id"] as? String == id)
    }

    @Test("both directions of a connection have one flow_id, and others another")
    func flowID() throws {
        func id(_ frame: Frame) throws -> Int { try #require(try Self.event(frame)["flow_id"] as? Int) }
        let there = try id(Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(4000, 80))
        #expect(try id(Frame.ethernet().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 4000)) == there)
        #expect(try id(Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(4001, 80)) != there)
        #expect(try id(Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(4000, 80)) != there)
        #expect(there < 1 << 51)
        #expect(try Self.event(Frame.ethernet().arp())["flow_id"] == nil)
    }

    @Test("a rule's signature_id is that of its words")
    func signatureID() throws {
        let frame = Frame.ethernet().ipv4().tcp(4000, 80)
        func id(_ rules: String) throws -> Int {
            let alert = try #require(try Self.event(frame, rules: rules)["alert"] as? [String: Any])
            return try #require(alert["signature_id"] as? Int)
        }
        let first = try id("log prefix \"web\"")
        #expect(try id("tcp dport 81 drop\nlog prefix \"web\"") == first, "wherever it stands")
        #expect(try id("log prefix \"mail\"") != first)
        #expect((1...0x7fff_ffff).contains(first))
    }

    @Test("the way of a packet in its connection is said where connections are followed")
    func direction() throws {
        let frame = Frame.ethernet().ipv4().tcp(4000, 80).finished
        #expect(try Self.event(frame, rules: "ct state new log")["direction"] as? String == "to_server")
        #expect(try Self.event(frame)["direction"] == nil)
    }
}
