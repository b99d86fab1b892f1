import Foundation
import Testing

extension UntimedLabTests.ReplayTests {
    private static let loggingRules = """
        table bridge filter {
            chain early {
                type filter hook forward priority -5; policy accept;
                log prefix "all "
                udp dport 7 log prefix "echo " group 3 snaplen 60
                udp dport 9 log level err
                icmp type echo-request log group 9
            }
            chain late {
                type filter hook forward priority 0; policy drop;
                ip saddr 10.77.0.2 udp dport 9 drop comment "not from there"
                tcp dport 80 counter accept
                udp dport { 7, 9 } ip ttl set 9 accept
            }
        }

        """

    /// No more than a worker's queue of events holds: all that is said live has to be in the file.
    private static let loggedFrames: [OutgoingFrame] =
        frames.prefix(35) + [
            OutgoingFrame(from: .near, frame: "near/Dot1AD(vlan=5)/Dot1Q(vlan=6)/near6/UDP(dport=9)/data(9)"),
            OutgoingFrame(from: .far, frame: "far/far6/ICMPv6EchoRequest()"),
            OutgoingFrame(from: .far, frame: "Ether(src=FAR_MAC, dst=NEAR_MAC, type=0x88b5)/data(46)"),
            OutgoingFrame(
                from: .near, frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', id=7, flags='MF')/UDP(dport=9, len=1008)/data(504)"),
            OutgoingFrame(from: .near, frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', id=7, frag=64, proto=17)/data(496)"),
            OutgoingFrame(
                from: .near, frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', id=8, frag=60, flags='MF', proto=17)/data(21)"),
        ]

    /// A file's events in order, without when and in which files they are, which is of the run or of the replay.
    private static func events(_ file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).lines.map { line in
            var object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            for key in ["timestamp", "pcap_cnt", "pcap_filename", "capture_file"] { object[key] = nil }
            return String(decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
        }.sorted()
    }

    @Test("events and the frames of groups are those of the run")
    func events() throws {
        let lab = try Lab(bare: true)
        func file(_ name: String) -> URL { lab.directory.appending(path: name) }
        func options(_ name: String) -> [String] {
            ["--events", file("\(name).json").path, "--events-drops", "--group", "3=\(file("\(name)-group.pcapng").path)"]
        }
        let weir = try Weir(
            in: lab, rules: Self.loggingRules, options: options("live") + ["--drops", file("live-drops.pcapng").path])
        let recorder = try Recorder(
            lab, ["dumpcap", "-q", "-i", Lab.ports.near, "-i", Lab.ports.far], to: file("raw.pcapng"))
        let exchange = try Wiretap(lab).exchange(Self.loggedFrames)
        #expect(exchange.errors.isEmpty)
        try recorder.end(after: weir.counters().framesOnPorts)
        #expect(weir.stop().status == 0)
        try Command.require(["reordercap", file("raw.pcapng").path, file("both.pcapng").path])

        _ = try Self.replay(
            lab, options("again") + ["-q", "--dropped", file("again-drops.pcapng").path, file("both.pcapng").path])
        let live = try Self.events(file("live.json"))
        #expect(try Self.events(file("again.json")) == live)
        for kind in ["alert", "drop"] { #expect(live.contains { $0.contains("\"event_type\":\"\(kind)\"") }, "\(kind)") }
        #expect(try Self.packets(file("again-group.pcapng")) == Self.packets(file("live-group.pcapng")))
        #expect(try Self.packets(file("live-group.pcapng")).count == 5)
        // What differs is what has to.
        for name in ["live", "again"] {
            let lines = try String(contentsOf: file("\(name).json"), encoding: .utf8).lines
            for line in lines where line.contains("\"event_type\":\"drop\"") {
                #expect(line.contains("\"capture_file\":\"\(file("\(name)-drops.pcapng").path)\""), "\(line)")
            }
            #expect(lines.allSatisfy { $0.contains("\"pcap_filename\"") == (name == "again") })
        }
    }
}
