import Foundation
import FragmentCases
import FrameBuilder
import Testing

extension UntimedLabTests {
    /// The same traffic live, and from a capture that was made beside it.
    @Suite("Replay", .needsWeir)
    struct ReplayTests {
        private static let rules = """
            table bridge filter {
                set seen {
                    type ipv4_addr
                    flags dynamic
                    size 100
                }
                chain forward {
                    type filter hook forward priority 0; policy drop;
                    ether type arp accept
                    iifname "eth2" udp dport 9 drop comment "not from there"
                    ip saddr @seen counter
                    tcp dport { 80, 443 } add @seen { ip saddr } accept
                    meta protocol ip udp dport 7 counter accept
                    ip6 nexthdr udp accept
                    vlan id 5 accept
                    meta protocol ip icmp type echo-request drop
                }
            }

            """

        static let frames: [OutgoingFrame] = (0..<40).flatMap { round in
            [
                OutgoingFrame(from: .near, frame: "near/near4/TCP(sport=\(1000 + round), dport=80)"),
                OutgoingFrame(from: .far, frame: "far/far4/TCP(sport=80, dport=\(1000 + round), flags='SA')"),
                OutgoingFrame(from: .far, frame: "far/far4/UDP(dport=9)/data(\(round))"),
                OutgoingFrame(from: .near, frame: "near/near4/UDP(dport=7)/data(\(round * 30))"),
                OutgoingFrame(from: .near, frame: "near/Dot1Q(vlan=5)/near4/UDP(dport=9)/data(\(round))"),
                OutgoingFrame(from: .near, frame: "near/near4/ICMP()"),
                OutgoingFrame(from: .near, frame: "cut(near/near4/UDP(), 20)"),
            ]
        }

        static func replay(_ lab: Lab, _ arguments: [String]) throws -> (output: String, counters: Counters?) {
            let rules = lab.directory.appending(path: "rules.nft").path
            let output = try Command.require(
                [Weir.binary, "replay", "--json", "--rules", rules, "--ports", "\(Lab.ports.near),\(Lab.ports.far)"] + arguments)
            let line = output.lines.last ?? ""
            return (output, try? JSONDecoder().decode(ReplayedCounters.self, from: Data(line.utf8)).counters)
        }

        /// The part of a run's report that a replay has too.
        private struct ReplayedCounters: Decodable {
            struct Port: Decodable {
                let name: String
                let received, sent: Tally
            }

            let ports: [Port]
            let rules: [Counters.Rule]
            let reasons: [String: Tally]
            let held: Counters.Held
            let flows: Counters.Flows?

            var counters: Counters {
                Counters(
                    ports: ports.map {
                        Counters.Port(
                            name: $0.name, up: true, received: $0.received, sent: $0.sent, kernelDrops: 0, tooBig: 0, truncated: 0,
                            sendFailures: [:])
                    }, reloads: 0, rules: rules, reasons: reasons, held: held, capture: nil, flows: flows)
            }
        }

        @Test("verdicts and counters are those of the run", arguments: ["by names", "by stations"])
        func bothPorts(way: String) throws {
            let lab = try Lab(bare: true)
            let raw = lab.directory.appending(path: "raw.pcapng")
            let file = lab.directory.appending(path: "both.pcapng")
            let live = lab.directory.appending(path: "live.pcapng")
            let weir = try Weir(in: lab, rules: Self.rules, options: ["--drops", live.path])
            let recorder = try Recorder(lab, ["dumpcap", "-q", "-i", Lab.ports.near, "-i", Lab.ports.far], to: raw)
            let exchange = try Wiretap(lab).exchange(Self.frames, quiet: .milliseconds(200))
            #expect(exchange.errors.isEmpty)
            // Before the run ends: the host speaks on the ports as soon as it has them again.
            try recorder.end(after: weir.counters().framesOnPorts)
            let run = try #require(weir.stop().counters)
            // dumpcap reads its interfaces in turn.
            try Command.require(["reordercap", raw.path, file.path])

            let dropped = lab.directory.appending(path: "dropped.pcapng")
            let accepted = lab.directory.appending(path: "accepted.pcapng")
            let stations = ["--ingress-mac", "eth1=02:77:00:00:00:01", "--ingress-mac", "eth2=02:77:00:00:00:02"]
            let (output, counters) = try Self.replay(
                lab,
                (way == "by names" ? [] : stations) + ["--dropped", dropped.path, "--accepted", accepted.path, file.path])
            let replayed = try #require(counters)
            #expect(replayed.reasons == run.reasons)
            #expect(replayed.rules.map(\.frames) == run.rules.map(\.frames) && replayed.rules.map(\.bytes) == run.rules.map(\.bytes))
            #expect(replayed.ports.map(\.received) == run.ports.map(\.received) && replayed.ports.map(\.sent) == run.ports.map(\.sent))
            let verdicts = try output.lines.dropLast().map { line in
                try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
            #expect(verdicts.count == exchange.sent.count)
            #expect(
                verdicts.count { $0["event_type"] as? String == "drop" } == exchange.sent.count - exchange.near.count - exchange.far.count)
            // Both programs say the same of the same frames, but for the order of the two ports.
            #expect(try Self.packets(dropped) == Self.packets(live))
            #expect(try Self.packets(accepted).count == exchange.near.count + exchange.far.count)
            try Self.tools(lab, accepted, dropped)
        }

        /// A capture as tshark reads it, sorted: port, comment, length, the frame's bytes.
        static func packets(_ file: URL) throws -> [String] {
            let fields = ["frame.interface_name", "frame.comment", "frame.len"].flatMap { ["-e", $0] }
            let lines = try Command.require(["tshark", "-r", file.path, "-T", "fields"] + fields).lines
            let copy = file.appendingPathExtension("pcap")
            try Command.require(["editcap", "-F", "nsecpcap", file.path, copy.path])
            return try zip(lines, PcapReader(copy).records).map { "\($0) \($1.frame)" }.sorted()
        }

        /// Wireshark's other programs take what a replay writes.
        private static func tools(_ lab: Lab, _ files: URL...) throws {
            let merged = lab.directory.appending(path: "merged.pcapng")
            try Command.require(["mergecap", "-w", merged.path] + files.map(\.path))
            for file in files + [merged] {
                let result = try Command.run(["capinfos", "-c", "-M", file.path])
                #expect(result.isSuccess && result.error.isEmpty, "\(result.error)")
            }
            // A merged file is read back too, with what went out left aside.
            let (_, counters) = try replay(lab, ["-q", merged.path])
            #expect(counters?.ports.reduce(0) { $0 + $1.received.frames } == UInt64(try packets(files[1]).count))
        }

        @Test("fragments come to the same end", arguments: ["reassemble", "track", "drop"])
        func fragments(mode: String) throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "near.pcap")
            let weir = try Weir(in: lab, rules: Self.rules, options: ["--fragments", mode])
            let recorder = try Recorder(
                lab, ["tcpdump", "-U", "-i", Lab.ports.near, "-Q", "in"], ports: [Lab.ports.near], to: file)
            let cases = FragmentCase.all.filter { $0.frames().last?.time == 0 }
            let frames = cases.indices.flatMap { index in
                cases[index].frames(between: Lab.hosts(10 + index)).map { OutgoingFrame(from: .near, frame: $0.frame.hexadecimal) }
            }
            let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(200))
            #expect(exchange.errors.isEmpty && frames.count > 100)
            try recorder.end(after: UInt64(frames.count))
            let run = try #require(weir.stop().counters)
            let replayed = try #require(try Self.replay(lab, ["-q", "--fragments", mode, "--ingress", "eth1", file.path]).counters)
            // What the run still held, the replay gives the time that it needs to die.
            var expected = run.reasons
            expected["fragment-timeout"]?.frames += run.held.frames
            #expect(replayed.held.frames == 0)
            #expect(replayed.reasons.mapValues(\.frames) == expected.mapValues(\.frames))
            #expect(replayed.rules.map(\.frames) == run.rules.map(\.frames))
            #expect(replayed.port("eth2")?.sent == run.port("eth2")?.sent)
        }

        @Test("exit codes, standard input and output")
        func commandLine() throws {
            let lab = try Lab(bare: true)
            let rules = try lab.write(Self.rules, to: "rules.nft").path
            let file = lab.directory.appending(path: "one.pcap")
            let bytes: [UInt8] = CaptureBytes.pcap().record(Frame.ethernet().arp().bytes, at: 1_700_000_000_000_000).bytes
            try Data(bytes).write(to: file)
            let cut = lab.directory.appending(path: "cut.pcap")
            try Data(bytes.dropLast(5)).write(to: cut)
            let link = lab.directory.appending(path: "link.pcap")
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
            let base = "\(Weir.binary) replay --rules \(rules) --ports eth1,eth2"
            for (command, status, words) in [
                ("\(base) --ingress eth1 \(file.path)", 0, ["ARP, Request", "accept by rule \(rules):9", "1 judged"]),
                ("\(base) --ingress eth1 - <\(file.path)", 0, ["ARP, Request"]),
                ("\(base) \(file.path)", 64, ["--ingress-mac eth1=MAC"]),
                ("\(base) --ingress eth3 \(file.path)", 64, ["'eth3' is neither of the ports"]),
                ("\(base) --ingress eth1 \(cut.path)", 65, ["byte 24: the file ends here"]),
                ("\(base) --ingress eth1 \(cut.path) \(file.path)", 65, ["byte 24: the file ends here", "1 judged"]),
                ("\(base) --ingress eth1 /nowhere.pcap", 66, ["/nowhere.pcap can't be read: No such file"]),
                ("\(base) --ingress eth1 --dropped /nowhere/d.pcap \(file.path)", 1, ["/nowhere/d.pcap can't be opened"]),
                ("\(base) -q --ingress eth1 --accepted - \(file.path) | tcpdump -nn -r -", 0, ["Request who-has 10.0.0.2"]),
                ("\(base) --ingress eth1 --events - --events-drops \(file.path)", 0, ["events: 0 written, 0 left out"]),
                ("\(base) --ingress eth1 --group 3=/dev/null \(file.path)", 0, ["no rule has \"log group 3\""]),
                ("\(base) --ingress eth1 --events-rate 5 \(file.path)", 64, ["--events-rate needs --events"]),
                ("\(base) --ingress eth1 --group 3=a --group 3=b \(file.path)", 64, ["--group 3 is given twice"]),
                ("\(base) --ingress eth1 --events x --dropped x \(file.path)", 64, ["x would be written by two outputs"]),
                ("\(base) --ingress eth1 --events \(file.path) \(file.path)", 64, ["would be both read and written"]),
                ("\(base) --ingress eth1 --dropped \(link.path) \(file.path)", 64, ["would be both read and written"]),
                ("\(base) --ingress eth1 --dropped \(rules) \(file.path)", 64, ["would be both read and written"]),
                ("\(base) --ingress eth1 \(file.path) >/dev/full", 1, ["can't be written: No space left"]),
            ] {
                let result = try Command.run(["bash", "-c", command])
                #expect(result.status == status, "\(command): \(result.error)")
                for word in words { #expect((result.output + result.error).contains(word), "\(command): \(result.output)\(result.error)") }
            }
        }

        /// Whether all that was written into a named pipe has been read, and by somebody who still has it open: else it would be gone.
        private static func isDrained(_ pipe: String) throws -> Bool {
            let descriptor = open(pipe, O_RDONLY | O_NONBLOCK)
            guard descriptor >= 0 else { throw CommandFailure(description: "\(pipe): error \(errno)") }
            defer { close(descriptor) }
            var count: Int32 = 0
            return ioctl(descriptor, UInt(FIONREAD), &count) == 0 && count == 0
        }

        @Test("a signal ends it with what there is so far, also while it waits for more")
        func interruption() throws {
            let lab = try Lab(bare: true)
            let rules = try lab.write(Self.rules, to: "rules.nft").path
            let file = lab.directory.appending(path: "one.pcap")
            try Data(CaptureBytes.pcap().record(Frame.ethernet().arp().bytes, at: 1).bytes).write(to: file)
            // A pipe that it has open for writing too never ends.
            let pipe = lab.directory.appending(path: "pipe").path
            let command = "exec \(Weir.binary) replay -q --rules \(rules) --ports a,b --ingress a - <>\(pipe)"
            try Command.require(["mkfifo", pipe])
            let process = try lab.start(in: .fw, ["bash", "-c", command])
            try Command.require(["bash", "-c", "cat \(file.path) >\(pipe)"])
            #expect(try eventually(within: .seconds(20)) { try Self.isDrained(pipe) })
            process.signal(SIGTERM)
            #expect(process.wait(limit: .seconds(20)) == 0)
            #expect(process.outputText.contains("1 frame in -") && process.errorText.contains("interrupted"), "\(process.errorText)")
        }
    }
}
