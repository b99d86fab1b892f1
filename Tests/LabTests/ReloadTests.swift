import Foundation
import Testing

extension LabTests {
    /// SIGHUP: new rules from one frame to the next.
    @Suite("Reload")
    struct ReloadTests {
        /// A run whose rule file is replaced while it goes on.
        private struct Run {
            let lab: Lab
            let file: URL
            let weir: Weir

            init(_ rules: [String], bare: Bool = true, workers: Int = 1, options: [String] = []) throws {
                lab = try Lab(bare: bare)
                file = try lab.write(Weir.chain(rules), to: "rules.nft")
                weir = try Weir(in: lab, rules: file, workers: workers, options: options)
            }

            /// Writes another file and waits until Weir has said something about it.
            func reload(_ text: String?, says words: String) throws {
                let known = weir.log.components(separatedBy: words).count
                if let text { try text.write(to: file, atomically: true, encoding: .utf8) }
                weir.signal(SIGHUP)
                #expect(
                    eventually(within: .seconds(20)) { weir.log.components(separatedBy: words).count > known }, "\(words): \(weir.log)")
            }

            func reload(_ rules: [String]) throws { try reload(Weir.chain(rules), says: "new rules are in force") }
        }

        private static let probe = "near/near4/UDP(dport=9)/data(30)"

        @Test("new rules hold, and count anew; what was counted by reason and port stays", arguments: [1, 2])
        func newRules(workers: Int) throws {
            let run = try Run(["udp dport 9 counter accept"], workers: workers)
            let wiretap = try Wiretap(run.lab)
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1)
            try run.reload(["udp dport 9 counter drop", "udp dport 10 counter accept"])
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            let counters = try run.weir.counters()
            #expect(counters.rules.map(\.frames) == [1, 0])
            #expect(counters.frames(for: "rule") == 1 && counters.frames(for: "accept-by-rule") == 1)
            #expect(counters.ports[0].received.frames == 2)
            #expect(counters.reloads == 1)
            counters.expectToAddUp()
            try run.reload(["udp dport 9 counter accept"])
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1)
            // The old rules' memory is given back by the control thread, and their counts stay.
            Thread.sleep(forTimeInterval: 1.2)
            let last = try run.weir.counters()
            #expect(last.frames(for: "rule") == 1 && last.frames(for: "accept-by-rule") == 2 && last.reloads == 2)
            last.expectToAddUp()
            #expect(run.weir.stop().status == 0)
        }

        @Test(
            "rules that can't be used leave those in force",
            arguments: [
                ("an error in it", Weir.chain(["udp dprot 9 accept"]), " has errors, see above"),
                ("nothing of the kind", "\u{0}\u{1}", "rules stay as they were"),
                ("unchanged", nil, "the rules are as they were"),
                ("nothing", "", "rules stay as they were"),
                ("a chain without its hook", "table bridge t {\n chain c {\n udp dport 9 drop\n }\n}\n", "policy accept; }"),
                (
                    "only what is set aside",
                    "table ip t {\n chain c {\n type nat hook postrouting priority 100;\n masquerade\n }\n}\n",
                    "no chain sees the frames between the ports"
                ),
            ] as [(String, String?, String)])
        func refused(_ what: String, _ text: String?, _ words: String) throws {
            let run = try Run(["udp dport 9 counter drop"])
            let wiretap = try Wiretap(run.lab)
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            try run.reload(text, says: words)
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            let counters = try run.weir.counters()
            #expect(counters.rules.map(\.frames) == [2] && counters.reloads == 0)
            #expect(run.weir.stop().status == 0)
        }

        @Test("a file that is gone leaves the rules in force")
        func gone() throws {
            let run = try Run(["udp dport 9 counter drop"])
            try FileManager.default.removeItem(at: run.file)
            try run.reload(nil, says: "rules stay as they were: ")
            #expect(run.weir.log.contains("can't be read"))
            #expect(try Wiretap(run.lab).send(Self.probe, from: .near).far.isEmpty)
        }

        /// Each frame is numbered: none is missing, none comes twice, none out of order.
        @Test("no frame is lost while rules are changed again and again", arguments: [1, 2])
        func underLoad(workers: Int) throws {
            let run = try Run(["counter"], workers: workers, options: ["--slots", "4096", "--slot-bytes", "2048"])
            let flows = (1...8).map { "near/IP(src='10.77.1.\($0)', dst='10.77.0.2')/UDP(sport=4000, dport=9, chksum=0)/data(26)" }
            let wiretap = try Wiretap(run.lab)
            let isOver = Flag()
            let (file, process) = (run.file, run.weir.processIdentifier)
            let changes = Thread {
                var number = 0
                while !isOver.isSet {
                    number += 1
                    try? Weir.chain(["counter comment \"\(number)\""]).write(to: file, atomically: true, encoding: .utf8)
                    kill(process, SIGHUP)
                    usleep(20_000)
                }
                isOver.isDone = true
            }
            changes.start()
            let result = try wiretap.sequence(of: flows, from: .near, count: 4000)
            isOver.isSet = true
            _ = eventually(within: .seconds(20)) { isOver.isDone }
            let counters = try run.weir.counters()
            let lost = Int(counters.port(Side.near.port)?.kernelDrops ?? 0)
            #expect(result.duplicates == 0 && result.reordered == 0)
            #expect(result.received == 8 * 4000 - lost)
            #expect(lost < 8000)
            #expect(counters.reloads > 2)
            counters.expectToAddUp()
        }

        @Test("a capture says by which rules a frame was dropped, before and after")
        func captures() throws {
            let lab = try Lab(bare: true)
            let capture = lab.directory.appending(path: "drops.pcapng")
            let file = try lab.write(Weir.chain(["udp dport 9 drop comment \"first\""]), to: "rules.nft")
            let weir = try Weir(in: lab, rules: file, options: ["--drops", capture.path])
            let wiretap = try Wiretap(lab)
            _ = try wiretap.send(Self.probe, from: .near)
            try Weir.chain(["tcp dport 1 accept", "udp dport 9 drop comment \"second\""]).write(
                to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(20)) { weir.log.contains("new rules are in force") })
            _ = try wiretap.send(Self.probe, from: .near)
            #expect(weir.stop().status == 0)
            let comments = try Command.require(["tshark", "-r", capture.path, "-T", "fields", "-e", "frame.comment"]).lines
            #expect(comments.count == 2)
            #expect(comments.first?.contains("rules.nft:4 \"first\"") == true, "\(comments)")
            #expect(comments.last?.contains("rules.nft:5 \"second\"") == true, "\(comments)")
            // Every tool reads a file of two sections.
            for tool in [["capinfos", capture.path], ["tcpdump", "-n", "-r", capture.path]] { try Command.require(tool) }
        }
    }
}

/// What two threads of a test tell each other.
private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var values = (isSet: false, isDone: false)

    var isSet: Bool {
        get { lock.withLock { values.isSet } }
        set { lock.withLock { values.isSet = newValue } }
    }

    var isDone: Bool {
        get { lock.withLock { values.isDone } }
        set { lock.withLock { values.isDone = newValue } }
    }
}
