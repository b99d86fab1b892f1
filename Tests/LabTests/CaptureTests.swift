import Foundation
import Testing

extension UntimedLabTests {
    /// Every dropped frame is in the capture as it came, for any tool that reads pcap.
    @Suite("Drop capture", .needsWeir)
    struct CaptureTests {
        private static let dropAll = Weir.chain(["counter drop comment \"nothing passes\""])

        @Test("dropped frames are captured as they came, tags and all", arguments: [1, 2])
        func frames(workers: Int) throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "drops.pcap")
            let began = Date.now
            let weir = try Weir(in: lab, rules: Self.dropAll, workers: workers, options: ["--drops", file.path])
            let frames = FrameKind.all.flatMap { kind in Side.allCases.map { OutgoingFrame(from: $0, frame: kind.frame) } }
            let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(100))
            #expect(exchange.errors.isEmpty && exchange.near.isEmpty && exchange.far.isEmpty)
            let (status, counters) = weir.stop()
            #expect(status == 0)
            #expect(counters?.capture?.written == UInt64(frames.count))
            #expect(counters?.capture?.lost == 0)

            let records = try PcapReader(file).records
            #expect(records.map(\.frame).sorted() == exchange.sent.compactMap { $0 }.sorted())
            for record in records { #expect(record.originalLength * 2 == record.frame.count) }
            let times = records.map(\.time)
            let lower = UInt64(began.timeIntervalSince1970 * 1e9)
            let upper = UInt64(Date.now.timeIntervalSince1970 * 1e9)
            #expect(times.allSatisfy { (lower...upper).contains($0) })
            #expect(times.contains { $0 % 1000 != 0 }, "nanoseconds")
            if workers == 1 {
                // Both ports' rings are read in turn, each in its own order.
                for side in Side.allCases {
                    let sent = zip(frames, exchange.sent).filter { $0.0.from == side }.compactMap(\.1)
                    #expect(isSubsequence(sent, of: records.map(\.frame)), "from \(side)")
                }
            }
            let listing = try Command.run(["tcpdump", "-nn", "-r", file.path])
            #expect(listing.isSuccess && listing.output.lines.count >= frames.count, "\(listing.error)")
        }

        private func isSubsequence(_ part: [String], of whole: [String]) -> Bool {
            var rest = whole[...]
            for element in part {
                guard let place = rest.firstIndex(of: element) else { return false }
                rest = rest[(place + 1)...]
            }
            return true
        }

        @Test("frames dropped as malformed are captured too")
        func malformed() throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "drops.pcap")
            let weir = try Weir(in: lab, options: ["--drops", file.path])
            let exchange = try Wiretap(lab).exchange(
                ["cut(near/near4/UDP(), 20)", "near/near4/UDP(dport=9)/data(30)"].map { OutgoingFrame(from: .near, frame: $0) })
            #expect(exchange.far.count == 1, "what passes is not in the capture")
            weir.stop()
            #expect(try PcapReader(file).records.map(\.frame) == [exchange.sent[0]])
        }

        /// A checksum left to the hardware would look wrong to whoever opens the file.
        @Test("an unfinished checksum is finished in the capture", arguments: LabTests.OffloadTests.superFrames)
        func checksum(_ frame: LabTests.OffloadTests.SuperFrame) throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "drops.pcap")
            let weir = try Weir(in: lab, rules: Self.dropAll, options: ["--drops", file.path])
            let exchange = try Wiretap(lab).exchange([OutgoingFrame(from: .near, frame: frame.frame, offload: frame.offload)])
            try #require(exchange.errors.isEmpty)
            weir.stop()
            let listing = try Command.require(["tcpdump", "-nn", "-vv", "-r", file.path])
            #expect(listing.contains("correct") || listing.contains("udp sum ok"), "\(listing)")
            #expect(!listing.contains("incorrect") && !listing.contains("bad"), "\(listing)")
            // Nothing but the checksum is touched.
            let record = try #require(try PcapReader(file).records.first)
            let place = (frame.transport + frame.checksum) * 2
            let sent = try #require(exchange.sent[0])
            #expect(record.frame.prefix(place) == sent.prefix(place))
            #expect(record.frame.dropFirst(place + 4) == sent.dropFirst(place + 4))
        }

        @Test("a run without drops leaves a capture without frames")
        func empty() throws {
            let lab = try Lab()
            let file = lab.directory.appending(path: "drops.pcap")
            let weir = try Weir(in: lab, options: ["--drops", file.path])
            #expect(try lab.answers("10.77.0.2"))
            #expect(weir.stop().status == 0)
            #expect(try PcapReader(file).records.isEmpty)
        }
    }
}
