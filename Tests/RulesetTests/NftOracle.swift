import Foundation

/// The installed nft, asked with `-c`, which changes nothing.
enum NftOracle {
    /// Without nft or root there is nothing to ask. In CI that is a failure and no reason to skip.
    static let canRun = isAvailable || ProcessInfo.processInfo.environment["CI"] != nil

    private static let isAvailable = getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/sbin/nft")

    struct Answer {
        var isAccepted: Bool
        var output: String
        var errors: String
    }

    /// - Parameter options: in front of `-f -`.
    static func check(_ text: String, options: [String] = []) throws -> Answer {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-ruleset-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (input, output, errors) = ("input.nft", "output", "errors")
        for name in [output, errors] { try Data().write(to: folder.appendingPathComponent(name)) }
        try Data(text.utf8).write(to: folder.appendingPathComponent(input))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/sbin/nft")
        process.arguments = ["-c"] + options + ["-f", folder.appendingPathComponent(input).path]
        // Times of day are local time.
        process.environment = ProcessInfo.processInfo.environment.merging(["TZ": "UTC"]) { $1 }
        process.standardOutput = try FileHandle(forWritingTo: folder.appendingPathComponent(output))
        process.standardError = try FileHandle(forWritingTo: folder.appendingPathComponent(errors))
        try process.run()
        process.waitUntilExit()
        let read = { (name: String) throws in
            String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
        }
        // A failed assertion ends nft with a signal; that is no answer to rely on, and counts as a refusal.
        let isAccepted = process.terminationReason == .exit && process.terminationStatus == 0
        return Answer(isAccepted: isAccepted, output: try read(output), errors: try read(errors))
    }
}
