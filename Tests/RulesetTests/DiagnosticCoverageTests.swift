import Foundation
import Ruleset
import Testing

/// Every message that a rule file can be refused or warned with is in a golden file.
struct DiagnosticCoverageTests {
    /// Files that are refused for a single reason, with the message.
    static let singles: [(text: String, message: String)] = {
        let lines = ((try? Golden.text("single.errors")) ?? "").split(separator: "\n").filter { !$0.hasPrefix("#") }
        return zip(lines, lines.dropFirst()).compactMap { first, second in
            guard second.first == "\t", let text = try? JSONDecoder().decode(String.self, from: Data(first.utf8)) else { return nil }
            return (text, String(second.dropFirst()))
        }
    }()

    @Test("a file is refused with this message first", arguments: singles)
    func single(text: String, message: String) throws {
        let rejection = #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: text)) }
        #expect(rejection?.diagnostics.first { $0.severity == .error }?.message == message)
    }

    /// Beginnings of messages that no golden file has, by the reason.
    private static let exempt: [String] = [
        // Limits of size, and files that include others: `SizeTests`, `RobustnessTests`, `PendingChangeTests` and `IncludeTests`.
        "more than \\(Definition.expressionLimit)", "definitions expand to more than", "more than \\(Self.deletionLimit)",
        "more than \\(Self.openLimit)", "more than \\(Self.unpackedLimit)", "more than \\(Self.sourceLimit)", "the rule set has more than",
        "elements are deleted from large sets",
        "files can't be included here", "'\\(printable(text.name))' includes itself",
        "more than \\(Self.insertionLimit)",
        // With `--fragments track` only: `FragmentChangeWarningTests`.
        "with --fragments track '",
        // `JSONReadingTests`.
        "JSON of more than",
        // Of a file as a whole, which the lab asks for.
        "frames with two VLAN tags pass", "frames with a length in place", "packets inside of tunnels pass",
        // What the grammar has refused before: the tree could hold it, and a check that is passed by would not be noticed.
        "only a mark can be set to another mark", "the map is empty", "only sets and maps can have '*'",
        "a field's value can't be assigned", "a constant can't be shifted",
    ]

    /// The literals that the sources of the rule language report, as they are written there.
    private static func messages() throws -> [String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Ruleset").standardized
        // What stands in front of a message: a call that reports, with its place in the file, or a label.
        let call =
            /(?:(?:fail|failure|error|warning)\([^"]{1,160}?,\s*|message:\s*|message = )"((?:[^"\\]|\\\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)|\\.)*)"/
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return try files.filter { $0.hasSuffix(".swift") }.flatMap { file in
            try String(contentsOf: folder.appending(path: file), encoding: .utf8).matches(of: call).map { String($0.1) }
        }
    }

    /// What stands between the values that a literal takes in.
    private static func fixedParts(of literal: String) -> [String] {
        var parts = [""]
        var depth = 0
        var isEscaped = false
        for character in literal {
            if isEscaped, character == "(" {
                depth = 1
                parts.append("")
            } else if depth > 0 {
                depth += character == "(" ? 1 : character == ")" ? -1 : 0
            } else if character != "\\" || isEscaped {
                parts[parts.count - 1].append(character)
            }
            isEscaped = character == "\\" && !isEscaped && depth == 0
        }
        return parts
    }

    private static func isProduced(_ literal: String, in messages: [String]) -> Bool {
        let parts = fixedParts(of: literal)
        return messages.contains { message in
            guard let first = parts.first, let last = parts.last, message.hasPrefix(first), message.hasSuffix(last) else { return false }
            var rest = message[...]
            return parts.allSatisfy { part in
                guard !part.isEmpty else { return true }
                guard let found = rest.range(of: part) else { return false }
                rest = rest[found.upperBound...]
                return true
            }
        }
    }

    @Test func `every message of the sources is in a golden file`() throws {
        let files = ["error", "warnings"].flatMap { ending in Golden.names(withExtension: ending).map { "\($0).\(ending)" } }
        let heads = try files.flatMap { name in
            try Golden.text(name).split(separator: "\n").compactMap { line in
                line.firstMatch(of: /^[^ :]+:\d+:\d+: (?:error|warning): (.*)$/).map { String($0.1) }
            }
        }
        let produced = heads + Self.singles.map(\.message)
        // A literal of one word is part of a message.
        let messages = try Set(Self.messages()).filter { $0.contains(" ") }
        #expect(messages.count > 230)
        for message in messages.sorted() where !Self.exempt.contains(where: message.hasPrefix) {
            #expect(Self.isProduced(message, in: produced), "no golden file has: \(message)")
        }
        for beginning in Self.exempt { #expect(messages.contains { $0.hasPrefix(beginning) }, "there is no message \(beginning)") }
    }
}
