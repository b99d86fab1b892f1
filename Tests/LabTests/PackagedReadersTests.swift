import Foundation
import FrameBuilder
import Testing

/// Where they are.
enum PackagedReaders {
    static let folder = ProcessInfo.processInfo.environment["WEIR_PYPI"]
    static let schema = ProcessInfo.processInfo.environment["WEIR_EVE_SCHEMA"]
}

extension UntimedLabTests {
    /// Readers that PyPI has: python-pcapng for captures, suricatalog for events, and jsonschema with Suricata's own schema.
    ///
    /// `pip install --target FOLDER python-pcapng suricatalog jsonschema` puts them into a folder, whose path is in WEIR_PYPI;
    /// WEIR_EVE_SCHEMA is the path of etc/schema.json in Suricata's sources. WEIR_PYTHON is the interpreter that pip belongs to, if it isn't
    /// /usr/bin/python3.
    @Suite(
        "Readers of packages", .needsWeir,
        .enabled(if: PackagedReaders.folder != nil, "WEIR_PYPI doesn't say where the packages are"))
    final class PackagedReadersTests {
        private static let python = ProcessInfo.processInfo.environment["WEIR_PYTHON"] ?? "/usr/bin/python3"
        private let folder = FileManager.default.temporaryDirectory.appending(path: "weir-readers-\(UUID().uuidString)")

        /// Packets of all kinds: TCP both ways, UDP, ICMP, IPv6, VLANs, ARP, what is malformed, and a checksum that is wrong.
        init() throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let rules = """
                table bridge t {
                    chain c {
                        type filter hook forward priority 0; policy accept;
                        ct state invalid counter drop
                        tcp dport 80 log prefix "web " level err counter
                        udp dport 53 log group 3
                        udp dport 9 counter reject comment "no discard"
                        tcp dport 23 counter reject with tcp reset
                        meta l4proto { icmp, icmpv6 } counter drop
                        ether type arp log counter drop
                    }
                }

                """
            try rules.write(toFile: path("rules.nft"), atomically: false, encoding: .utf8)
            try "10.0.0.1 one\n2001:db8::1 six\n".write(toFile: path("hosts"), atomically: false, encoding: .utf8)
            let frames = [
                Frame.ethernet(to: 2, from: 1).ipv4().tcp(4000, 80).finished,
                Frame.ethernet(to: 1, from: 2).ipv4("10.0.0.2", "10.0.0.1").tcp(80, 4000, flags: 0x12).finished,
                Frame.ethernet(to: 2, from: 1).ipv4().tcp(4001, 23).finished, Frame.ethernet(to: 2, from: 1).ipv4().udp(5, 9),
                Frame.ethernet(to: 2, from: 1).ipv6().udp(6, 9).payload(30).finished, Frame.ethernet(to: 2, from: 1).ipv4().udp(7, 53),
                Frame.ethernet(to: 2, from: 1).vlan(5).vlan(6).ipv4().icmp(8), Frame.ethernet(to: 2, from: 1).ipv6().icmpv6(128),
                Frame.ethernet(to: 2, from: 1).arp(), Frame.ethernet(to: 2, from: 1).ipv4().udp(1, 2).cut(to: 20),
                Frame.ethernet(to: 2, from: 1).ipv4().tcp(4002, 22).patched(50, [0xde, 0xad]),
                Frame.ethernet(to: 2, from: 1).ipv4(protocolNumber: 132).payload(40),
                Frame.ethernet(to: 2, from: 1).ipv4(protocolNumber: 89).payload(40),
            ]
            let capture = frames.enumerated().reduce(CaptureBytes.pcap()) { capture, frame in
                // Events of the last minutes are what readers show.
                capture.record(frame.element.bytes, at: UInt64(Date.now.timeIntervalSince1970) * 1_000_000 + UInt64(frame.offset))
            }
            try Data(capture.bytes).write(to: folder.appending(path: "all.pcap"))
            try Command.require(
                [
                    Weir.binary, "replay", "-q", "--rules", path("rules.nft"), "--ports", "eth1,eth2", "--ingress-mac",
                    "eth1=00:00:00:00:00:01",
                    "--dropped", path("dropped.pcapng"), "--accepted", path("accepted.pcapng"), "--names", path("hosts"), "--events",
                    path("events.json"), "--events-drops", path("all.pcap"),
                ])
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        private func path(_ name: String) -> String { folder.appending(path: name).path }

        private func run(_ program: String, _ arguments: [String]) throws -> [String] {
            try Command.require([Self.python, "-c", program] + arguments, environment: ["PYTHONPATH": PackagedReaders.folder ?? ""]).lines
        }

        @Test("python-pcapng reads captures, their comments and their names")
        func captures() throws {
            let program = """
                import sys
                from pcapng import FileScanner
                from pcapng.blocks import EnhancedPacket, InterfaceStatistics, NameResolution
                packets = comments = counted = 0
                names = []
                with open(sys.argv[1], "rb") as file:
                    for block in FileScanner(file):
                        if isinstance(block, EnhancedPacket):
                            packets += 1
                            comments += "reason=" in str(block.options["opt_comment"])
                            assert block.timestamp > 1_700_000_000 and block.options["epb_flags"].inout in ("inbound", "outbound")
                        if isinstance(block, NameResolution): names += [str(record) for record in block.records]
                        if isinstance(block, InterfaceStatistics): counted += block.options["isb_usrdeliv"]
                print(packets, comments, counted)
                print(*names)
                """
            for (name, count) in [("dropped.pcapng", 9), ("accepted.pcapng", 4)] {
                let lines = try run(program, [path(name)])
                #expect(lines.first == "\(count) \(count) \(count)", "\(name): \(lines)")
                #expect(lines.last?.contains("one") == true && lines.last?.contains("six") == true, "\(lines)")
            }
        }

        @Test("suricatalog finds the alerts among the events, and when they were")
        func alerts() throws {
            let program = """
                import sys
                from suricatalog.filter import AlwaysTrueFilter, OnlyAlertsFilter
                from suricatalog.log import EveLogHandler
                from suricatalog.time import parse_timestamp
                handler = EveLogHandler()
                for event in handler.get_events(eve_files=[sys.argv[1]], data_filter=OnlyAlertsFilter()):
                    alert = event["alert"]
                    print(parse_timestamp(event["timestamp"]).year, alert["severity"], alert["signature"], event.get("proto"))
                print(sum(1 for _ in handler.get_events(eve_files=[sys.argv[1]], data_filter=AlwaysTrueFilter())))
                """
            let lines = try run(program, [path("events.json")])
            #expect(lines.count == 4, "\(lines)")
            #expect(lines[0].hasSuffix(" 1 web  TCP") && lines[1].hasSuffix(" udp dport 53 log group 3 UDP"), "\(lines)")
            #expect(lines[2].hasSuffix(" ether type arp log counter drop None") && lines.allSatisfy { $0.hasPrefix("20") || $0 == "12" })
            #expect(lines[3] == "12", "nine drops and three statements")
        }

        @Test("events are valid by Suricata's schema, but for the key that only Weir has", .enabled(if: PackagedReaders.schema != nil))
        func valid() throws {
            let program = """
                import json, sys
                import jsonschema
                schema = json.load(open(sys.argv[1]))
                validator = jsonschema.validators.validator_for(schema)(schema)
                count = 0
                for line in open(sys.argv[2]):
                    event = json.loads(line)
                    event.pop("weir")
                    for error in validator.iter_errors(event): print(error.json_path, error.message[:200], line[:300])
                    count += 1
                print(count)
                """
            let lines = try run(program, [PackagedReaders.schema ?? "", path("events.json")])
            #expect(lines == ["12"], "\(lines)")
        }
    }
}
