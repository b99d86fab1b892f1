package import ArgumentParser
package import Foundation

/// The options that all programs have which hold Weir to the kernel, and their way from round to round.
package struct OracleOptions: ParsableArguments {
    @Option(help: "How long to go on.")
    package var seconds = 30

    @Option(help: "Rounds at the most; the time may end before.")
    package var rounds = Int.max

    @Option(help: "Where the random numbers begin; the same seed makes the same rounds.")
    package var seed: UInt64 = 1

    package init() {}

    /// Calls `body` with a folder that is there only meanwhile, on one processor.
    package func inFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "weir-oracle-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try TestBed.stayOnOneProcessor()
        try body(folder)
    }

    /// Calls `body` with one seed after the other until the rounds or the time end.
    /// - Returns: The seeds that it was called with.
    package func forEachRound(_ body: (UInt64) throws -> Void) rethrows -> Range<UInt64> {
        let end = ContinuousClock.now + .seconds(seconds)
        var round = seed
        while ContinuousClock.now < end, round &- seed < UInt64(rounds) {
            try body(round)
            round &+= 1
        }
        return seed..<max(seed, round)
    }
}
