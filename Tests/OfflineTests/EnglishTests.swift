import Foundation
import Testing

/// Holds messages, help and documentation to plain technical English, by a short list of words that read like a translation.
///
/// The rules are those of CONTRIBUTING.md. A shape is listed only if it has no right use in these texts.
@Suite struct EnglishTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        let pattern: String
        let advice: String
        /// Whether comments are free of it too.
        var holdsComments = true

        var testDescription: String { pattern }

        /// Those of the lines that have it.
        func matches(in lines: [Line]) throws -> [Line] {
            let expression = try NSRegularExpression(pattern: pattern)
            return lines.filter { line in
                expression.firstMatch(in: line.text, range: NSRange(line.text.startIndex..., in: line.text)) != nil
            }
        }
    }

    static let shapes = [
        Shape(pattern: #"\bbehind\b(?! them)"#, advice: "after"),
        Shape(pattern: #"\bin front of\b(?! machines)"#, advice: "before"),
        Shape(pattern: #"(?<!leave |leaves )\balone\b"#, advice: "only, by itself"),
        Shape(pattern: #"\banew\b"#, advice: "again, new"),
        Shape(pattern: #"\bof before\b"#, advice: "existing, previous"),
        Shape(pattern: #"\bso many\b"#, advice: "at most N, N files, that many"),
        Shape(pattern: #"\bat the (most|least)\b"#, advice: "at most, at least"),
        Shape(pattern: #"\b[Ww]hoever\b"#, advice: "the caller, the reader, anyone who"),
        Shape(pattern: #"\b[Ll]ikewise\b"#, advice: "too, in the same way, or the fact itself"),
        Shape(pattern: #"manieth"#, advice: "the number of"),
        Shape(pattern: #"(^|[.;:] )(Those|The same) of\b"#, advice: "the noun"),
        Shape(pattern: #"\bbears?\b"#, advice: "has, carries"),
    ]

    /// Rooms whose comments are held too.
    private static let plainRooms = [
        "Answers", "Appliance", "CLinux", "CVectors", "Capture", "Classifier", "Control", "Decisions", "Firewall", "Flows", "Fragments",
        "Interpreter", "KernelPath", "Offline", "PacketIO", "Regions", "Reporting", "Ruleset", "Segmentation", "Storage", "SystemCalls",
        "Wire",
        "weir",
    ]

    struct Line: Sendable {
        let place: String
        let text: String
    }

    /// Files of a folder, seen from the package's root.
    private static func files(in folder: String, endingIn ending: String) -> [String] {
        let found = FileManager.default.enumerator(atPath: packageRoot.appending(path: folder).path)
        return (found?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(ending) }.map { folder + "/" + $0 }.sorted()
    }

    private static func lines(of file: String) throws -> [Line] {
        try String(contentsOf: packageRoot.appending(path: file), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { Line(place: "\(file):\($0.offset + 1)", text: String($0.element)) }
    }

    /// Prose of the documentation: no code, and not the list of what to avoid.
    private static func prose() throws -> [Line] {
        let pages = ["README.md", ".github/CONTRIBUTING.md"] + files(in: "Sources/weir/Weir.docc", endingIn: ".md")
        return try pages.flatMap(lines).filter { !$0.text.hasPrefix("    ") }
    }

    /// Texts in Swift files that have a space: messages, help and parts of them, but no comments.
    private static func messages() throws -> [Line] {
        var texts: [Line] = []
        for file in files(in: "Sources", endingIn: ".swift") {
            var isInside = false
            for line in try lines(of: file) where isInside || !line.text.trimmingPrefix(while: \.isWhitespace).hasPrefix("//") {
                let borders = line.text.components(separatedBy: "\"\"\"").count - 1
                if isInside || borders > 0 {
                    texts.append(line)
                    if borders == 1 { isInside.toggle() }
                } else {
                    let literals = line.text.matches(of: /"(?:[^"\\]|\\.)*"/).map { String($0.output) }
                    texts += literals.filter { $0.contains(" ") }.map { Line(place: line.place, text: $0) }
                }
            }
        }
        return texts
    }

    private static func comments() throws -> [Line] {
        try plainRooms.flatMap { room in [".swift", ".h", ".c"].flatMap { files(in: "Sources/" + room, endingIn: $0) } }
            .flatMap(lines).compactMap { line in
                guard let start = line.text.range(of: "//") else { return nil }
                return Line(place: line.place, text: String(line.text[start.upperBound...].drop { $0 == "/" || $0 == " " }))
            }
    }

    /// Read once: there are thousands, for each shape.
    private static let everyText = Result { try prose() + messages() }
    private static let everyComment = Result { try comments() }

    @Test("documentation and messages", arguments: shapes)
    func texts(_ shape: Shape) throws {
        for line in try shape.matches(in: Self.everyText.get()) {
            Issue.record("\(line.place): write '\(shape.advice)': \(line.text.trimmingCharacters(in: .whitespaces))")
        }
    }

    @Test("comments", arguments: shapes.filter(\.holdsComments))
    func comments(_ shape: Shape) throws {
        for line in try shape.matches(in: Self.everyComment.get()) {
            Issue.record("\(line.place): write '\(shape.advice)': \(line.text)")
        }
    }
}
