import Foundation
import Testing

extension LabTests {
    /// A file from a stranger costs `weir check` bounded time and memory, whatever is in it.
    @Suite("Large rule files, in processes of their own")
    struct CheckSizeTests {
        struct Case: Sendable, CustomStringConvertible {
            let description: String
            let head: String
            let piece: String
            let count: Int
            var tail = ""
            /// 0 for a rule set, 65 for a refusal.
            var status: Int32 = 65
            /// Of address space, the runtime's own included.
            var megabytes = 1024

            var text: String { head + String(repeating: piece, count: count) + tail }
        }

        static let cases: [Case] = [
            Case(description: "braces", head: "", piece: "{", count: 10_000_000),
            Case(description: "nonsense", head: "", piece: "}x=;", count: 2_500_000),
            Case(description: "one letter in a line", head: "", piece: "x\n", count: 5_000_000),
            Case(description: "quotations", head: "", piece: "\"x\" ", count: 2_500_000),
            Case(description: "sets in sets", head: "table bridge t { chain c { tcp dport ", piece: "{ ", count: 5_000_000),
            Case(
                description: "more elements than are taken", head: "table bridge t { set s { type inet_service; elements = { ",
                piece: "1, ",
                count: 3_300_000, tail: "2 } } }"),
            Case(description: "one comment", head: "#", piece: "x", count: 10_000_000, tail: "\n", status: 0),
            Case(description: "zero bytes", head: "", piece: "\0", count: 10_000_000),
            Case(
                description: "rules", head: "table bridge t { chain c {\n", piece: "ip saddr 10.0.0.1 tcp dport 80 counter\n",
                count: 60_000,
                tail: "}\n}\n", status: 0),
        ]

        @Test("it ends within its bounds", .needsWeir, arguments: cases)
        func bounded(_ sample: Case) throws {
            let file = URL(filePath: NSTemporaryDirectory()).appending(path: "weir-size-\(UUID().uuidString).nft")
            defer { try? FileManager.default.removeItem(at: file) }
            try sample.text.write(to: file, atomically: true, encoding: .utf8)
            let limits = "ulimit -v \(sample.megabytes * 1024); ulimit -t 20; exec \"$0\" check \"$1\""
            let result = try Command.run(["bash", "-c", limits, Weir.binary, file.path], limit: 120)
            #expect(result.status == sample.status, "\(result.error.prefix(400))")
            // What is said of the worst file can be read by a person.
            #expect(result.error.utf8.count < 20_000)
        }
    }
}
