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

/// Events hold to what Suricata's schema of EVE (version 8) says of the keys that they have.
///
/// The table is of facts: names and types. With WEIR_EVE_SCHEMA in the environment, the path of Suricata's own `etc/schema.json`, the table
/// is held to that file, key by key.
@Suite struct EventShapeTests {
    indirect enum Shape: Sendable {
        case string, integer, boolean
        case array(Shape)
        case object([String: Shape])
    }

    static let verdict = Shape.object(["action": .string])
    /// All but `weir`, which Suricata doesn't know.
    static let event: [String: Shape] = [
        "alert": .object([
            "action": .string, "category": .string, "gid": .integer, "rev": .integer, "severity": .integer, "signature": .string,
            "signature_id": .integer,
        ]),
        "capture_file": .string, "community_id": .string, "dest_ip": .string, "dest_port": .integer, "direction": .string,
        "drop": .object([
            "ack": .boolean, "fin": .boolean, "flowlbl": .integer, "hoplimit": .integer, "icmp_id": .integer, "icmp_seq": .integer,
            "ipid": .integer, "len": .integer, "psh": .boolean, "reason": .string, "rst": .boolean, "syn": .boolean, "tc": .integer,
            "tcpack": .integer, "tcpres": .integer, "tcpseq": .integer, "tcpurgp": .integer, "tcpwin": .integer, "tos": .integer,
            "ttl": .integer, "udplen": .integer, "urg": .boolean,
        ]),
        "ether": .object(["dest_mac": .string, "ether_type": .integer, "src_mac": .string]), "event_type": .string,
        "flow_id": .integer, "icmp_code": .integer, "icmp_type": .integer, "in_iface": .string, "ip_v": .integer, "pcap_cnt": .integer,
        "pcap_filename": .string, "pkt_src": .string, "proto": .string, "src_ip": .string, "src_port": .integer,
        "stats": .object(["detect": .object(["alerts_suppressed": .integer])]), "timestamp": .string, "verdict": verdict,
        "vlan": .array(.integer),
    ]

    private static func check(_ value: Any, _ shape: Shape, _ path: String) {
        switch shape {
        case .string: #expect(value is String, "\(path)")
        case .integer: #expect(value is Int, "\(path)")
        case .boolean: #expect(value is Bool, "\(path)")
        case .array(let element):
            let values = value as? [Any]
            #expect(values?.isEmpty == false, "\(path)")
            for value in values ?? [] { check(value, element, path + "[]") }
        case .object(let keys):
            let members = value as? [String: Any]
            #expect(members != nil, "\(path)")
            for (key, value) in members ?? [:] {
                guard let shape = keys[key] else {
                    Issue.record("\(path).\(key) is not in the schema")
                    continue
                }
                check(value, shape, "\(path).\(key)")
            }
        }
    }

    @Test("events of all frames have the schema's keys and types, and one of their own")
    func shape() throws {
        let text = """
            table bridge t {
                chain c {
                    type filter hook forward priority 0; policy drop;
                    ct state new log prefix "seen "
                    udp dport 53 drop
                    tcp dport 80 reject with tcp reset
                    ip protocol icmp accept
                }
            }
            """
        let program = try Program(compiling: Ruleset.read(SourceFile(name: "r.nft", text: text)).ruleset, ports: ["a", "b"])
        var firewall = Firewall(program: program, counters: FirewallCounters(for: program))
        var encoder = EventEncoder(program, ports: ["a", "b"])
        var kinds: Set<String> = []
        for frame in SampleFrames.all.map(\.frame.bytes) {
            var bytes = frame
            let judgement = bytes.withUnsafeMutableBytes { buffer in
                var span = buffer.mutableBytes
                return firewall.judge(&span, tag: nil, ingress: 0, at: Instant(monotonic: 0, sinceEpoch: 0))
            }
            for event in [firewall.eventCount > 0 ? firewall.event(0) : nil, nil] {
                let record = frame.withUnsafeBytes { LogRecord(event: event, time: 5, ingress: 0, judgement: judgement, bytes: $0.bytes) }
                var line: [UInt8] = []
                encoder.append(
                    record, at: EventEncoder.Place(number: 1, file: "x.pcap"), captureFile: "drops.pcapng", hasVerdict: true, to: &line)
                var members = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
                #expect(members["weir"] is [String: Any])
                members["weir"] = nil
                kinds.insert(members["event_type"] as? String ?? "")
                Self.check(members, .object(Self.event), "event")
            }
        }
        #expect(kinds.isSuperset(of: ["alert", "drop", "packet"]), "\(kinds)")
        var line: [UInt8] = []
        EventEncoder.append(leftOut: 3, time: 5, to: &line)
        var members = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        members["weir"] = nil
        Self.check(members, .object(Self.event), "stats")
    }

    @Test("the table is what Suricata's schema says", .enabled(if: ProcessInfo.processInfo.environment["WEIR_EVE_SCHEMA"] != nil))
    func schema() throws {
        let path = try #require(ProcessInfo.processInfo.environment["WEIR_EVE_SCHEMA"])
        let root = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path))) as? [String: Any])
        func resolved(_ schema: [String: Any]) -> [String: Any] {
            guard let reference = schema["$ref"] as? String, reference.hasPrefix("#/$defs/") else { return schema }
            return (root["$defs"] as? [String: Any])?[String(reference.dropFirst(8))] as? [String: Any] ?? schema
        }
        func hold(_ shape: Shape, _ schema: [String: Any]?, _ path: String) {
            guard let schema = schema.map(resolved) else {
                Issue.record("\(path) is not in the schema")
                return
            }
            let type = schema["type"] as? String
            switch shape {
            case .string: #expect(type == "string", "\(path)")
            case .integer: #expect(type == "integer" || type == "number", "\(path)")
            case .boolean: #expect(type == "boolean", "\(path)")
            case .array(let element):
                #expect(type == "array", "\(path)")
                hold(element, schema["items"] as? [String: Any], path + "[]")
            case .object(let keys):
                #expect(type == "object", "\(path)")
                for (key, shape) in keys { hold(shape, (schema["properties"] as? [String: Any])?[key] as? [String: Any], "\(path).\(key)") }
            }
        }
        hold(.object(Self.event), root, "event")
    }
}
