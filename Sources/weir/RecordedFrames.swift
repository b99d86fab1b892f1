import Capture

/// Frames of capture files, for `frame 3 of FILE`.
enum RecordedFrames {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Frames of files that case files name, seen from the folder that the case file is in.
    static func loader(besides caseFile: String) -> (_ number: Int, _ path: String) throws -> [UInt8] {
        let folder = caseFile.lastIndex(of: "/").map { String(caseFile[...$0]) } ?? ""
        return { number, path in try load(number, path.hasPrefix("/") || path == "-" ? path : folder + path) }
    }

    /// - Parameter number: From 1, as Wireshark counts them.
    static func load(_ number: Int, _ path: String) throws -> [UInt8] {
        guard path != "-" else { throw Failure(description: "standard input can't be searched for a frame; name a file") }
        var reader = try CaptureReader(path: path)
        var count = 0
        while let frame = try reader.next() {
            count += 1
            guard count == number else { continue }
            if frame.link == .refused { throw reader.linkTypeFault(of: frame.interface) }
            if frame.link == .unreadable {
                throw Failure(description: "frame \(number) of \(path) is none that a bridge would forward, or can't be read")
            }
            if frame.isCut {
                throw Failure(description: "frame \(number) of \(path) has only \(frame.bytes.count) of its \(frame.length) bytes")
            }
            return Array(frame.bytes)
        }
        throw Failure(description: "\(path) has no frame \(number); it has \(count) frames")
    }
}
