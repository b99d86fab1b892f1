import Foundation
import Testing

extension UntimedLabTests {
    /// Random rules and frames, by the tool that goes on for as long as one likes, and from any seed.
    ///
    /// Here they are always the same files, so that a failure is the change's and not the day's or the machine's: in about one of
    /// several hundred nft 1.0.6 joins matches that Weir keeps apart.
    @Suite("Conformance")
    struct ConformanceTests {
        @Test("random rules say of random frames what nft says", .needsWeir, .timeLimit(.minutes(4)))
        func randomRules() throws {
            let seed = 7000
            let findings = URL(filePath: NSTemporaryDirectory()).appending(path: "weir-findings-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: findings, withIntermediateDirectories: true)
            let tool = URL(filePath: Weir.binary).deletingLastPathComponent().appending(path: "conformance").path
            let result = try Command.run(
                ["unshare", "-n", tool, "--seconds", "90", "--rounds", "400", "--seed", "\(seed)", "--findings", findings.path], limit: 180)
            print(result.output)
            #expect(result.isSuccess, "seed \(seed), see \(findings.path): \(result.output) \(result.error)")
            if result.isSuccess { try FileManager.default.removeItem(at: findings) }
        }

        /// Always the same conversations; others by the tool itself.
        @Test(
            "random conversations are to Weir what they are to the kernel's conntrack, and count as much", .needsWeir,
            .timeLimit(.minutes(3)),
            arguments: [
                ["--rounds", "8", "--seconds", "60", "--seed", "300"], ["--counts", "--rounds", "2", "--seconds", "40", "--seed", "403"],
            ])
        func randomConversations(options: [String]) throws {
            let tool = URL(filePath: Weir.binary).deletingLastPathComponent().appending(path: "flow-conformance").path
            let result = try Command.run(["unshare", "-n", tool] + options, limit: 120)
            print(result.output)
            #expect(result.isSuccess, "\(result.output) \(result.error)")
        }

        /// Always the same packets.
        @Test(
            "the kernel and Weir answer rejected packets alike, at a device and as a router", .needsWeir, .timeLimit(.minutes(2)),
            arguments: [false, true])
        func randomAnswers(isRouted: Bool) throws {
            let tool = URL(filePath: Weir.binary).deletingLastPathComponent().appending(path: "answer-conformance").path
            let options = ["--rounds", "34", "--seconds", "60", "--seed", "17"] + (isRouted ? ["--router"] : [])
            let result = try Command.run(["unshare", "-n", tool] + options, limit: 100)
            print(result.output)
            #expect(result.isSuccess, "\(result.output) \(result.error)")
        }

        /// Always the same packets.
        @Test("a router of the kernel's and Weir cut packets into the same fragments", .needsWeir, .timeLimit(.minutes(2)))
        func randomFragments() throws {
            let tool = URL(filePath: Weir.binary).deletingLastPathComponent().appending(path: "answer-conformance").path
            let options = ["--fragments", "--rounds", "24", "--packets", "200", "--seconds", "60", "--seed", "3"]
            let result = try Command.run(["unshare", "-n", tool] + options, limit: 100)
            print(result.output)
            #expect(result.isSuccess, "\(result.output) \(result.error)")
        }
    }
}
