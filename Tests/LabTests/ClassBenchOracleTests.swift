import ClassBench
import Foundation
import FrameBuilder
import Testing

extension UntimedLabTests {
    /// Large rule sets count on a Linux bridge with nft what they count in Weir, rule by rule.
    @Suite("nft as oracle for ClassBench's sets")
    struct ClassBenchOracleTests {
        /// Of 1,000 rules each, so that Weir asks its index and nft walks.
        @Test("a counter of each of 1,000 rules", arguments: ["acl1_1k", "fw1_1k", "ipc1_1k"])
        func set(name: String) throws {
            let rules = ClassBenchRule.set(name)
            try #require(rules.count > 700)
            var random = SeededGenerator(seed: 0x6b8b_4567)
            let headers = (0..<1500).map { number in
                number % 8 == 7
                    ? ClassBenchHeader(using: &random)
                    : ClassBenchHeader(atCornerOf: rules[Int.random(in: rules.indices, using: &random)], using: &random)
            }
            // Else equal counters would say little.
            let matched = Set(headers.compactMap { header in rules.firstIndex { $0.holds(header) } })
            try #require(matched.count > rules.count / 8)

            let directory = try OracleTests().temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: directory) }
            let file = directory.appending(path: "\(name).nft")
            try ClassBenchRule.table(of: rules).write(to: file, atomically: true, encoding: .utf8)
            let frames = headers.map { header in
                OutgoingFrame(from: .near, frame: "Raw(bytes.fromhex('\(Self.hexadecimal(header.frame))'))")
            }
            try OracleTests().compare(file, frames)
        }

        private static func hexadecimal(_ bytes: [UInt8]) -> String {
            bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        }
    }
}
