import Foundation
import Offline
import Ruleset
import Testing

/// The package's folder.
let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// The frames of one description; the ports are A and B.
func frames(_ text: String) throws -> [[UInt8]] {
    var now: UInt64 = 0
    return try PacketLanguage.packet(text, ports: ["A", "B"], after: &now).frames
}

/// The only frame of a description.
func frame(_ text: String) throws -> [UInt8] {
    let frames = try frames(text)
    try #require(frames.count == 1)
    return frames[0]
}

/// What is said of a description that is refused; nil for one that isn't.
func refusal(_ text: String) -> String? {
    do throws(Diagnostic) {
        var now: UInt64 = 0
        _ = try PacketLanguage.packet(text, ports: ["A", "B"], after: &now)
        return nil
    } catch {
        return error.render(in: [SourceFile(name: "packet", text: text)])
    }
}

/// A file beside the tests.
func golden(_ name: String) throws -> String {
    let url = try #require(Bundle.module.url(forResource: "Golden", withExtension: nil)).appending(path: name)
    return String(decoding: try Data(contentsOf: url), as: UTF8.self)
}

func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
