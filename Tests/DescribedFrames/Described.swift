import Offline
import Ruleset

/// A description that can't be read, with what would be right.
public struct WrongDescription: Error, CustomStringConvertible {
    public let description: String
}

/// The frame that a packet in the words of `weir help packets` stands for, without the port by which it comes. One frame: a datagram's
/// fragments are described one by one.
public func described(_ text: String) throws(WrongDescription) -> [UInt8] {
    let line = "A: " + text
    var time: UInt64 = 0
    let frames: [[UInt8]]
    do throws(Diagnostic) {
        frames = try PacketLanguage.packet(line, ports: ["A", "B"], after: &time).frames
    } catch {
        throw WrongDescription(description: error.render(in: [SourceFile(name: "packet", text: line)]))
    }
    guard frames.count == 1 else { throw WrongDescription(description: "'\(text)' is \(frames.count) frames") }
    return frames[0]
}
