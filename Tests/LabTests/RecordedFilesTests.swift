import FrameBuilder
import Foundation
import Testing

extension UntimedLabTests {
    /// Captures of other programs that `weir replay` reads, and its own that other programs read.
    @Suite("Captures of all kinds", .needsWeir)
    final class RecordedFilesTests {
        private let folder = FileManager.default.temporaryDirectory.appending(path: "weir-recorded-\(UUID().uuidString)")
        private static let start: UInt64 = 1_700_000_000_000_123

        init() throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try "table bridge t { chain c { type filter hook forward priority 0; ct state invalid counter drop; }; }\n"
                .write(to: folder.appending(path: "rules.nft"), atomically: false, encoding: .utf8)
            try Data(Self.capture(isPartial: false).bytes).write(to: folder.appending(path: "talk.pcap"))
            try Data(Self.capture(isPartial: true).bytes).write(to: folder.appending(path: "host.pcap"))
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        private static func capture(isPartial: Bool) -> CaptureBytes {
            RecordedTalk(isPartial: isPartial).frames.enumerated().reduce(CaptureBytes.pcap()) { capture, frame in
                capture.record(frame.element, at: start + UInt64(frame.offset) * 1000)
            }
        }

        private func path(_ name: String) -> String { folder.appending(path: name).path }

        private struct Report: Decodable {
            struct Frames: Decodable {
                var read, judged, unfinishedChecksums: UInt64
            }
            struct Tally: Decodable { var frames: UInt64 }
            var frames: Frames
            var reasons: [String: Tally]
        }

        private func replay(_ name: String, _ arguments: [String] = []) throws -> Report {
            let output = try Command.require(
                [
                    Weir.binary, "replay", "--json", "--summary", "--rules", path("rules.nft"), "--ports", "a,b", "--ingress-mac",
                    "a=00:00:00:00:00:01",
                ] + arguments + [path(name)])
            return try JSONDecoder().decode(Report.self, from: Data(try #require(output.lines.last).utf8))
        }

        /// Wireshark's writers of the formats that patched kernels and programs have left behind.
        @Test(
            "formats are read as Wireshark reads them",
            arguments: ["pcap", "nsecpcap", "modpcap", "nokiapcap", "rh6_1pcap", "suse6_3pcap", "pcapng"])
        func formats(_ format: String) throws {
            try Command.require(["editcap", "-F", format, path("talk.pcap"), path("other")])
            let report = try replay("other")
            #expect(report.frames.judged == 21 && report.reasons["accept-by-policy"]?.frames == 21)
        }

        @Test("formats that are refused say how to convert them", arguments: ["snoop", "netmon1", "netmon2", "ngsniffer"])
        func refused(_ format: String) throws {
            try Command.require(["editcap", "-F", format, path("talk.pcap"), path("other")])
            let result = try Command.run(
                [Weir.binary, "replay", "--rules", path("rules.nft"), "--ports", "a,b", "--ingress", "a", path("other")])
            #expect(result.status == 65 && result.error.contains("; editcap -F pcapng FILE NEW converts it"), "\(result.error)")
            try Command.require(["editcap", "-F", "pcapng", path("other"), path("new.pcapng")])
            #expect(try replay("new.pcapng").frames.judged == 21)
        }

        @Test("compressed files are read straight away", arguments: ["gzip -9", "zstd -q", "lz4 -q"])
        func compressed(_ command: String) throws {
            try Command.require(["sh", "-c", "\(command) <'\(path("talk.pcap"))' >'\(path("talk.compressed"))'"])
            let (report, plain) = (try replay("talk.compressed"), try replay("talk.pcap"))
            #expect(report.frames.judged == 21 && report.reasons.mapValues(\.frames) == plain.reasons.mapValues(\.frames))
        }

        @Test("a sending host's own capture has no packet that is invalid")
        func host() throws {
            #expect(try replay("host.pcap").frames.unfinishedChecksums == 14)
            #expect(try replay("host.pcap").reasons["accept-by-policy"]?.frames == 21)
            #expect(try replay("host.pcap", ["--checksums", "verify"]).reasons["rule"]?.frames == 15)
        }

        /// Frames and the first one's time, as other programs read a file.
        private static let readers: [(name: String, command: [String])] = [
            ("tshark", ["sh", "-c", "tshark -r FILE -T fields -e frame.time_epoch | sed -n '1p;$='"]),
            ("tcpdump", ["sh", "-c", "tcpdump -n -tt -r FILE 2>/dev/null | sed -n '1s/ .*//p;$='"]),
            ("capinfos", ["sh", "-c", "capinfos -T -r -m -c -a -S FILE | cut -d, -f2,3"]),
            (
                "scapy",
                [
                    "/usr/bin/python3", "-c",
                    "from scapy.all import rdpcap; p = rdpcap('FILE'); print(p[0].time); print(len(p))",
                ]
            ),
            (
                "dpkt",
                [
                    "/usr/bin/python3", "-c",
                    "import dpkt; p = list(dpkt.pcap.UniversalReader(open('FILE', 'rb'))); print(p[0][0]); print(len(p))",
                ]
            ),
        ]

        @Test(
            "captures are read by other programs", arguments: readers.indices,
            [("new.pcapng", [] as [String]), ("new.pcap", []), ("new.pcap", ["--microseconds"])])
        func readers(_ index: Int, _ file: (name: String, options: [String])) throws {
            _ = try replay("talk.pcap", ["--accepted", path(file.name)] + file.options)
            let reader = Self.readers[index]
            let output = try Command.require(reader.command.map { $0.replacingOccurrences(of: "FILE", with: path(file.name)) })
            #expect(output.contains("1700000000.000123") || reader.name == "dpkt" && output.contains("1700000000.00012"), "\(output)")
            #expect(output.contains("21"), "\(reader.name): \(output)")
        }

        @Test("a direction is in the blocks of a pcapng")
        func blocks() throws {
            _ = try replay("host.pcap", ["--checksums", "verify", "--dropped", path("d.pcapng"), "--accepted", path("a.pcapng")])
            func fields(_ name: String) throws -> Set<String> {
                let output = try Command.require([
                    "tshark", "-r", path(name), "-T", "fields", "-e", "frame.packet_flags_direction",
                ])
                return Set(output.lines)
            }
            let (dropped, accepted) = (try fields("d.pcapng"), try fields("a.pcapng"))
            #expect(!dropped.isEmpty && dropped.allSatisfy { $0.contains("1") })
            #expect(!accepted.isEmpty && accepted.allSatisfy { $0.contains("2") })
        }

        @Test("frames go to a reader on a pipe")
        func pipe() throws {
            let replay =
                "'\(Weir.binary)' replay -q --rules '\(path("rules.nft"))' --ports a,b --ingress-mac a=00:00:00:00:00:01 --checksums verify"
            let output = try Command.require([
                "sh", "-c", "\(replay) --dropped - '\(path("host.pcap"))' 2>/dev/null | tshark -i - -T fields -e frame.comment 2>/dev/null",
            ])
            #expect(output.lines.count == 15 && output.lines.allSatisfy { $0.contains("reason=rule") }, "\(output)")
        }

        @Test("frames go to the program that listens at a Unix socket")
        func socket() throws {
            let listener = try Background(
                [
                    "/usr/bin/python3", "-c",
                    """
                    import socket, sys
                    listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen()
                    connection, _ = listener.accept()
                    with open(sys.argv[2], 'wb') as file:
                        while part := connection.recv(65536): file.write(part)
                    """, path("socket"), path("received.pcapng"),
                ], directory: folder)
            defer { listener.end() }
            #expect(eventually(within: .seconds(10)) { FileManager.default.fileExists(atPath: path("socket")) })
            sleep(for: .milliseconds(200))
            _ = try replay("talk.pcap", ["--accepted", path("socket")])
            #expect(listener.wait(limit: .seconds(10)) != nil)
            #expect(try Command.require(["tshark", "-r", path("received.pcapng")]).lines.count == 21)
            let refused = try Command.run(
                [
                    Weir.binary, "replay", "--rules", path("rules.nft"), "--ports", "a,b", "--ingress", "a", "--accepted", path("socket"),
                    path("talk.pcap"),
                ])
            #expect(refused.status != 0 && refused.error.contains("nobody listens at this socket"), "\(refused.error)")
        }
    }
}
