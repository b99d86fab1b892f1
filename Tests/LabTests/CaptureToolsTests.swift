import Foundation
import Testing

extension UntimedLabTests {
    /// A drop capture says of every frame why it is there, in a file that every tool reads.
    @Suite("Drop capture that explains itself", .needsWeir)
    struct CaptureToolsTests {
        private static let rules = """
            table bridge filter {
                chain early {
                    type filter hook forward priority -5; policy accept;
                    udp dport 7 log prefix "echo " group 3 snaplen 60
                    udp dport 9 log prefix "discard " level err
                    tcp dport 23 drop comment "no telnet"
                }
                chain late {
                    type filter hook forward priority 0; policy drop;
                    tcp dport 80 accept
                    udp dport 9 goto services
                }
                chain services {
                    counter drop
                }
            }

            """

        /// What is sent, from which side, and what the capture has to say of it; nil of what passes. RULES stands for the file's path.
        private static let sent: [(frame: OutgoingFrame, comment: String?)] = [
            (OutgoingFrame(from: .near, frame: "near/near4/TCP(dport=80)"), nil),
            (OutgoingFrame(from: .near, frame: "near/near4/TCP(dport=23)"), "drop by rule RULES:6 \"no telnet\" (chain early) reason=rule"),
            (
                OutgoingFrame(from: .near, frame: "near/Dot1Q(vlan=5)/near4/UDP(dport=9)/data(1400)"),
                "drop by rule RULES:14 (chain services) reason=rule"
            ),
            (
                OutgoingFrame(from: .far, frame: "far/far4/UDP(dport=7)/data(100)"),
                "drop by policy of chain late (table bridge filter) reason=policy"
            ),
            (OutgoingFrame(from: .near, frame: "cut(near/near4/UDP(), 20)"), "drop reason=ipv4-header-cut-off"),
            (
                OutgoingFrame(
                    from: .near, frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', id=7, frag=60, flags='MF', proto=17)/data(21)"),
                "drop reason=fragment-bad-length"
            ),
        ]

        private struct Packet: Equatable {
            var comment: String
            var port: String
            var length: String
        }

        /// A capture as tshark reads it.
        private static func packets(_ file: URL) throws -> [Packet] {
            let fields = ["frame.comment", "frame.interface_name", "frame.len"].flatMap { ["-e", $0] }
            return try Command.require(["tshark", "-r", file.path, "-T", "fields", "-E", "separator=|"] + fields).lines.map { line in
                let parts = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
                return Packet(comment: parts[0], port: parts.count > 1 ? parts[1] : "", length: parts.count > 2 ? parts[2] : "")
            }
        }

        /// Its frames' bytes, through editcap, which has no code in common with what wrote them.
        private static func frames(_ file: URL) throws -> [String] {
            let copy = file.deletingLastPathComponent().appending(path: "\(UUID().uuidString).pcap")
            try Command.require(["editcap", "-F", "nsecpcap", file.path, copy.path])
            return try PcapReader(copy).records.map(\.frame)
        }

        @Test("every frame with its reason and its bytes, for every tool", arguments: [1, 2])
        func comments(workers: Int) throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "drops.pcapng")
            let group = lab.directory.appending(path: "group.pcapng")
            let events = lab.directory.appending(path: "events.json")
            let weir = try Weir(
                in: lab, rules: Self.rules, workers: workers,
                options: ["--drops", file.path, "--group", "3=\(group.path)", "--events", events.path, "--events-drops"])
            let exchange = try Wiretap(lab).exchange(Self.sent.map(\.frame), quiet: .milliseconds(100), awaiting: 1)
            let name = "\"capture_file\":\"\(file.path)\""
            #expect(
                eventually(within: .seconds(10)) { (try? String(contentsOf: events, encoding: .utf8))?.contains(name) == true },
                "dropped frames' events name the capture")
            #expect(exchange.errors.isEmpty && exchange.far.count == 1 && exchange.near.isEmpty)
            let (status, counters) = weir.stop()
            let dropped = Self.sent.indices.filter { Self.sent[$0].comment != nil }
            #expect(status == 0 && counters?.capture?.written == UInt64(dropped.count) && counters?.capture?.lost == 0)

            let rules = lab.directory.appending(path: "rules.nft").path
            let expected = try dropped.map { index in
                let bytes = try #require(exchange.sent[index])
                return (
                    bytes,
                    Packet(
                        comment: (Self.sent[index].comment ?? "").replacingOccurrences(of: "RULES", with: rules),
                        port: Self.sent[index].frame.from.port, length: "\(bytes.count / 2)")
                )
            }.sorted { $0.0 < $1.0 }
            let found = try zip(Self.frames(file), Self.packets(file)).sorted { $0.0 < $1.0 }
            #expect(found.map(\.0) == expected.map(\.0))
            #expect(found.map(\.1) == expected.map(\.1))

            let logged = try Self.packets(group)
            #expect(
                logged.map(\.comment) == ["log by rule \(rules):4 (chain early) prefix=\"echo \" reason=policy"])
            #expect(try Self.frames(group) == [String((exchange.sent[3] ?? "").prefix(120))])

            try tools(file, packets: dropped.count, with: group)
            let summary = try Command.require(["capinfos", file.path])
            let digest = try Command.require(["sha256sum", rules]).prefix(64)
            for word in ["weir ", "Linux", "eth1", "eth2", "rules.nft sha256 \(digest)", "nanoseconds"] {
                #expect(summary.contains(word), "\(summary)")
            }
            try check(events, drops: dropped.count)
        }

        /// capinfos, editcap, mergecap and tcpdump take the file as it is.
        private func tools(_ file: URL, packets: Int, with other: URL) throws {
            let folder = file.deletingLastPathComponent()
            let copy = folder.appending(path: "copy.pcapng")
            let merged = folder.appending(path: "merged.pcapng")
            for command in [
                ["capinfos", "-M", "-c", file.path], ["editcap", file.path, copy.path],
                ["mergecap", "-w", merged.path, file.path, other.path],
                ["tcpdump", "-nn", "-r", file.path], ["capinfos", "-M", "-c", copy.path],
            ] {
                let result = try Command.run(command)
                #expect(result.isSuccess, "\(command): \(result.error)")
                for word in ["cut short", "damaged", "corrupt", "invalid"] {
                    #expect(!result.error.contains(word), "\(command): \(result.error)")
                }
                if command[0] == "capinfos" { #expect(result.output.contains("Number of packets:   \(packets)"), "\(result.output)") }
            }
            #expect(try Self.packets(copy) == Self.packets(file))
        }

        /// A line of JSON for each event, in Suricata's words.
        private func check(_ file: URL, drops: Int) throws {
            let lines = try String(contentsOf: file, encoding: .utf8).lines.map { line in
                try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
            #expect(lines.filter { $0["event_type"] as? String == "drop" }.count == drops)
            let alerts = lines.filter { $0["event_type"] as? String == "alert" }
            #expect(alerts.count == 1, "the group's frames are no events")
            let alert = try #require(alerts.first)
            #expect(alert["in_iface"] as? String == "eth1" && alert["src_ip"] as? String == "10.77.0.1")
            #expect(alert["dest_port"] as? Int == 9 && alert["vlan"] as? [Int] == [5])
            #expect((alert["alert"] as? [String: Any])?["action"] as? String == "blocked")
            #expect((alert["weir"] as? [String: Any])?["prefix"] as? String == "discard ")
        }

        @Test("standard output is a capture, and what is printed goes to standard error")
        func standardOutput() throws {
            let lab = try Lab(bare: true)
            let process = try Weir.launch(in: lab, rules: lab.write(Weir.chain(["drop"]), to: "rules.nft"), options: ["--drops", "-"])
            #expect(eventually(within: .seconds(30)) { process.errorText.contains("forwarding between") }, "\(process.errorText)")
            _ = try Wiretap(lab).exchange((0..<5).map { _ in OutgoingFrame(from: .near, frame: "near/near4/UDP(dport=9)/data(30)") })
            process.signal(SIGTERM)
            #expect(process.wait(limit: .seconds(15)) == 0)
            #expect(process.errorText.contains("\"capture\":{"), "the counters")
            let file = lab.directory.appending(path: "out.pcapng")
            try process.outputData.write(to: file)
            #expect(try Self.packets(file).count == 5)
        }

        @Test("a reader that goes away ends neither Weir nor the forwarding")
        func deadReader() throws {
            let lab = try Lab()
            let rules = try lab.write(Weir.chain(["icmp type echo-request drop"]), to: "rules.nft")
            let command =
                "\(Weir.binary) run --ports eth1,eth2 --rules \(rules.path) --workers 1 --json --drops - --state-directory "
                + lab.directory.appending(path: "state").path
            let process = try lab.start(in: .fw, ["bash", "-c", "\(command) | head -c 200 >/dev/null; sleep 30"])
            #expect(eventually(within: .seconds(30)) { process.errorText.contains("forwarding between") }, "\(process.errorText)")
            for _ in 0..<5 { _ = try lab.run(in: .near, ["ping", "-c", "1", "-W", "1", "10.77.0.2"], limit: 3) }
            #expect(eventually(within: .seconds(20)) { process.errorText.contains("missing in the capture") }, "\(process.errorText)")
            #expect(try lab.run(in: .near, ["arping", "-c", "1", "-w", "2", "-I", "near0", "10.77.0.2"]).isSuccess, "it forwards")
        }

        @Test("SIGHUP goes on in a new file, and Weir goes on")
        func hangUp() throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "drops.pcapng")
            let moved = lab.directory.appending(path: "drops.1.pcapng")
            let weir = try Weir(in: lab, rules: Weir.chain(["drop"]), options: ["--drops", file.path])
            let wiretap = try Wiretap(lab)
            _ = try wiretap.send("near/near4/UDP(dport=9)/data(30)", from: .near)
            // Else the writer might hear the signal before it sees the frame.
            #expect(try eventually(within: .seconds(10)) { try weir.counters().capture?.written == 1 })
            try FileManager.default.moveItem(at: file, to: moved)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(10)) { FileManager.default.fileExists(atPath: file.path) })
            _ = try wiretap.exchange((0..<2).map { _ in OutgoingFrame(from: .far, frame: "far/far4/UDP(dport=9)/data(30)") })
            #expect(weir.stop().status == 0)
            #expect(try Self.packets(moved).map(\.port) == ["eth1"])
            #expect(try Self.packets(file).map(\.port) == ["eth2", "eth2"])
        }

        @Test("killed in the middle of a flood it leaves whole files", arguments: [[], ["--drops-size", "1M", "--drops-files", "3"]])
        func killed(ring: [String]) throws {
            let lab = try Lab(bare: true)
            let flood = try lab.write("{ fill(0x02, 12), 0x08, 0x00, fill(0x45, 60), drnd(20) }\n", to: "flood.cfg")
            try lab.start(in: .near, ["trafgen", "--dev", Lab.interfaces.near, "--conf", flood.path, "--cpus", "1"])
            for round in 0..<4 {
                let folder = lab.directory.appending(path: "round\(round)")
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                let weir = try Weir(
                    in: lab, rules: Weir.chain(["drop"]), options: ["--drops", folder.appending(path: "drops.pcapng").path] + ring)
                func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
                let isWriting = try eventually(within: .seconds(20)) {
                    try files().contains { name in
                        let status = try? FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
                        return status?[.size] as? UInt64 ?? 0 > 1 << 16
                    }
                }
                #expect(isWriting)
                sleep(for: .milliseconds(37 * round))
                weir.signal(SIGKILL)
                #expect(eventually(within: .seconds(15)) { !weir.isRunning })
                let names = try files()
                #expect(ring.isEmpty ? names.count == 1 : (1...3).contains(names.count), "\(names)")
                var packets = 0
                for name in names {
                    let result = try Command.run(["capinfos", "-c", "-M", "-T", "-r", folder.appending(path: name).path])
                    #expect(result.isSuccess && !result.error.contains("cut short"), "\(name): \(result.error)")
                    packets += result.output.lines.first?.split(separator: "\t").last.flatMap { Int($0) } ?? 0
                }
                #expect(packets > 0)
            }
        }
    }
}
