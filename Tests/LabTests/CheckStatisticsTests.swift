import Foundation
import Testing

extension UntimedLabTests {
    /// What `weir check --stats` says, to people and to machines.
    @Suite("What rule sets cost, as weir check --stats says it")
    struct CheckStatisticsTests {
        /// A chain that is tried rule by rule, one that has an index, a set of its own and one that rules change.
        private static var rules: String {
            let ports = (1...16).map { "tcp dport \($0 * 100) counter drop" }.joined(separator: "\n")
            return """
                table bridge t {
                    set hosts { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 }; }
                    set seen { type ipv4_addr; flags dynamic; size 64; }
                    chain few { ip saddr @hosts accept; add @seen { ip saddr }; }
                    chain many {
                \(ports)
                    }
                }

                """
        }

        private struct Reports: Decodable {
            struct Diagnostic: Decodable { var message: String }

            struct Cost: Decodable {
                struct Chain: Decodable {
                    var chain: String
                    var rules: Int
                    var lookup: String
                    var boxes: Int?
                    var indexBytes: Int?
                    var worstSteps: Int
                }

                struct Lookup: Decodable {
                    var set: String?
                    var structure: String
                    var elements: Int
                    var bytes: Int
                    var worstSteps: Int?
                }

                var rules: Int
                var instructions: Int
                var instructionBytes: Int
                var indexBytes: Int
                var setBytes: Int
                var changingSetBytes: Int
                var chains: [Chain]
                var sets: [Lookup]
            }

            var diagnostics: [Diagnostic]
            var statistics: [Cost]
        }

        @Test("for machines", .needsWeir)
        func json() throws {
            let result = try run(["--stats", "--json"])
            #expect(result.status == 0)
            let reports = try JSONDecoder().decode(Reports.self, from: Data(result.output.utf8))
            #expect(reports.diagnostics.map(\.message) == ["no chain sees the frames between the ports, so all of them pass"])
            let cost = try #require(reports.statistics.first)
            #expect(cost.rules == 18)
            #expect(cost.instructions > 18 && cost.instructionBytes > cost.instructions)
            #expect(cost.setBytes > 0)
            #expect(cost.chains.map(\.chain) == ["few", "many"])
            let (few, many) = (cost.chains[0], cost.chains[1])
            #expect(few.lookup == "scan" && few.rules == 2 && few.worstSteps == 2 && few.boxes == nil)
            #expect(many.lookup == "index" && many.rules == 16 && many.boxes == 16)
            // No more than to try them one by one.
            #expect((1...16).contains(many.worstSteps))
            #expect(many.indexBytes == cost.indexBytes)
            let hosts = try #require(cost.sets.first { $0.set == "hosts" })
            #expect(hosts.structure == "intervals" && hosts.elements == 2 && (hosts.worstSteps ?? 0) > 0)
            let seen = try #require(cost.sets.first { $0.set == "seen" })
            #expect(seen.structure == "changing" && seen.elements == 64 && seen.worstSteps == nil)
            #expect(seen.bytes == cost.changingSetBytes)
        }

        /// The text, with numbers of instructions, nodes and the like as N, and of memory as N B.
        @Test("for people", .needsWeir)
        func text() throws {
            let result = try run(["--stats"])
            #expect(result.status == 0)
            let shape = result.output.split(separator: "\n").dropFirst().map { line in
                line.replacing(/[0-9]+ (instructions|nodes|trees|steps)/) { "N \($0.1)" }.replacing(/[0-9]+ ([KM]i)?B/, with: "N B")
            }
            #expect(
                shape == [
                    "  18 rules in N instructions, N B; indices N B; sets and maps N B, and N B that rules change",
                    "  reading and compiling takes some N B; at most N B of the process were in use",
                    "  bridge t few: 2 rules, tried one by one",
                    "  bridge t many: 16 rules, index of 16 boxes in N trees, N nodes, N B; a lookup takes at most N steps",
                    "  bridge t hosts: 2 elements as intervals, N B; a lookup takes at most N steps",
                    "  bridge t seen: room for 64 elements, N B",
                ])
        }

        private func run(_ options: [String]) throws -> CommandResult {
            let file = URL(filePath: NSTemporaryDirectory()).appending(path: "weir-stats-\(UUID().uuidString).nft")
            defer { try? FileManager.default.removeItem(at: file) }
            try Self.rules.write(to: file, atomically: true, encoding: .utf8)
            return try Command.run([Weir.binary, "check"] + options + [file.path])
        }
    }
}
