import Foundation

/// Files for one test, removed with it.
final class Folder {
    let url = FileManager.default.temporaryDirectory.appending(path: "weir-offline-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: url) }

    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return path(name)
    }

    func path(_ name: String) -> String { url.appending(path: name).path }

    func text(_ name: String) throws -> String { try String(contentsOf: url.appending(path: name), encoding: .utf8) }
}

/// A report's JSON, so far as tests look at it.
struct ReadReport: Decodable {
    struct Amount: Decodable { var frames: UInt64 }
    struct Port: Decodable {
        var name: String
        var received, sent: Amount
    }
    struct Frames: Decodable, Equatable {
        var read: UInt64 = 0
        var judged: UInt64 = 0
        var cut: UInt64 = 0
        var filled: UInt64 = 0
        var unfinishedChecksums: UInt64 = 0
        var leaving: UInt64 = 0
        var elsewhere: UInt64 = 0
        var otherLink: UInt64 = 0
        var unreadable: UInt64 = 0
        var givenEthernet: UInt64 = 0
        var unknownStation: UInt64 = 0
        var backwardSteps: UInt64 = 0
        var reordered: UInt64 = 0
    }
    struct Rule: Decodable {
        var line: Int
        var frames, bytes: UInt64
    }

    var frames: Frames
    var ports: [Port]
    var reasons: [String: Amount]
    var rules: [Rule]
    var files: [String]
    var from: String?
    var to: String?
}
