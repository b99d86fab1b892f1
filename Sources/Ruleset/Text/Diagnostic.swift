/// Something that a reader of rules has to say about a place in them.
public struct Diagnostic: Error, Sendable, Equatable {
    /// Whether the rule set can be used in spite of it.
    public enum Severity: String, Sendable {
        case error, warning
        /// A part of the file that no frame meets is not used.
        case setAside = "set aside"
    }

    public var severity: Severity
    public var location: SourceLocation
    /// One line, without a full stop at its end.
    public var message: String
    /// What would be accepted at this place, or why it is refused.
    public var note: String?
    /// nft's language has it and Weir does not: no error where no frame comes.
    var isUnsupported = false
    /// Says no more than an error before it, which is about a declaration that this one misses.
    var isEcho = false
    /// What the error is about, if one error about it is enough.
    var subject: String?

    /// The same, or something close to it that nft takes.
    var isLimit: Bool { isUnsupported || message.contains("not supported") || Self.versions.contains { note?.contains($0) == true } }

    /// How notes speak of what nft does not do well.
    private static let versions = ["some versions of nft", "nft turns the bits", "nft needs the family"]

    public init(severity: Severity, location: SourceLocation, message: String, note: String? = nil) {
        self.severity = severity
        self.location = location
        self.message = message
        self.note = note
    }

    /// The diagnostic as a compiler prints it: place and message, the source line, a caret under the place, the note.
    ///
    /// Control characters of the source are shown as `?`, since the text may come from a stranger and goes to a terminal.
    /// Only the part around the place is shown of a very long line.
    ///
    /// - Parameter sources: the texts that `SourceLocation.file` counts.
    public func render(in sources: [SourceFile]) -> String {
        let source = sources.indices.contains(location.file) ? sources[location.file] : nil
        let name = source.map { printable($0.name, limit: 4096) } ?? "?"
        var text = "\(name):\(location.line):\(location.column): \(severity.rawValue): \(message)\n"
        if severity != .setAside, let line = source.flatMap({ Self.line(location.line, of: $0.text) }) {
            text += Self.excerpt(of: line, column: location.column, length: location.length)
        }
        if let note {
            text += "  note: \(note)\n"
        }
        return text
    }

    /// The line's scalars, or nil if the text has fewer lines.
    private static func line(_ number: Int, of text: String) -> [Unicode.Scalar]? {
        var current = 1
        var scalars: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if scalar == "\n" {
                if current == number { return scalars }
                current += 1
            } else if current == number {
                scalars.append(scalar)
            }
        }
        return current == number ? scalars : nil
    }

    /// Two lines: the source and the caret, whose padding repeats the source's tabs so that it stands under its place.
    private static func excerpt(of line: [Unicode.Scalar], column: Int, length: Int) -> String {
        let window = 160
        let caret = min(max(column - 1, 0), line.count)
        let start = line.count > window ? max(0, caret - window / 2) : 0
        let end = min(line.count, start + window)
        let lead = start > 0 ? "…" : ""
        var shown = "    \(lead)"
        var padding = start > 0 ? "     " : "    "
        for index in start..<end {
            shown += display(line[index])
            if index < caret {
                padding += line[index] == "\t" ? "\t" : " "
            }
        }
        let tail = max(0, min(length - 1, end - caret - 1))
        return "\(shown)\(end < line.count ? "…" : "")\n\(padding)^\(String(repeating: "~", count: tail))\n"
    }

    private static func display(_ scalar: Unicode.Scalar) -> String {
        scalar == "\t" ? "\t" : scalar.properties.generalCategory.isShown ? String(scalar) : "?"
    }
}

/// A rule set that can't be used, with everything that is wrong with it, as far as that can be told in one go.
public struct RejectedRuleset: Error, Sendable, Equatable {
    /// At most this many errors are reported unless more are asked for, and as many warnings beside them; what follows a mistake is often
    /// its echo.
    public static let diagnosticLimit = 20

    public var sources: [SourceFile]
    /// In the order of the text; at least one is an error.
    public var diagnostics: [Diagnostic]

    public init(sources: [SourceFile], diagnostics: [Diagnostic]) {
        self.sources = sources
        self.diagnostics = diagnostics
    }

    /// All diagnostics as text, one after the other.
    public func render() -> String {
        diagnostics.map { $0.render(in: sources) }.joined()
    }
}

/// Collects what lexer, parser and checker find; what exceeds the limit is dropped, since it would only bury the first.
struct DiagnosticSink {
    private(set) var errors: [Diagnostic] = []
    private(set) var warnings: [Diagnostic] = []
    private(set) var setAside: [Diagnostic] = []
    /// What errors have been about so far.
    private var subjects: Set<String> = []
    /// Errors that are kept, and warnings.
    private let limit: Int

    init(limit: Int = RejectedRuleset.diagnosticLimit) { self.limit = limit }

    /// Another that keeps as many, for what may turn out to be no fault. `add` counts what it takes over with the rest.
    var empty: DiagnosticSink { DiagnosticSink(limit: limit) }

    /// True if no further error is kept.
    var isFull: Bool { errors.count >= limit }

    mutating func error(_ location: SourceLocation, _ message: String, note: String? = nil, isUnsupported: Bool = false) {
        var diagnostic = Diagnostic(severity: .error, location: location, message: message, note: note)
        diagnostic.isUnsupported = isUnsupported
        report(diagnostic)
    }

    mutating func warning(_ location: SourceLocation, _ message: String, note: String? = nil) {
        report(Diagnostic(severity: .warning, location: location, message: message, note: note))
    }

    mutating func report(_ diagnostic: Diagnostic) {
        if diagnostic.isEcho, !errors.isEmpty { return }
        if let subject = diagnostic.subject, !subjects.insert(subject).inserted { return }
        switch diagnostic.severity {
        case .error where errors.count < limit: errors.append(diagnostic)
        case .warning where warnings.count < limit: warnings.append(diagnostic)
        case .setAside: setAside.append(diagnostic)
        case .error, .warning: break
        }
    }

    /// Takes over what another has collected.
    mutating func add(_ other: DiagnosticSink) {
        for diagnostic in other.errors + other.warnings + other.setAside { report(diagnostic) }
    }

    /// What is wrong, and what else there is to say of rules, in the order of the text; without what is set aside.
    var faults: [Diagnostic] {
        var faults = self
        faults.setAside = []
        return faults.all
    }

    /// All of them in the order of the text.
    var all: [Diagnostic] {
        (errors + warnings + setAside).sorted { first, second in
            (first.location.file, first.location.line, first.location.column)
                < (second.location.file, second.location.line, second.location.column)
        }
    }
}

/// Text from a rule file as it may stand in a message: short, and without control characters.
func printable(_ text: String, limit: Int = 40) -> String {
    var shown = ""
    var count = 0
    for scalar in text.unicodeScalars {
        if count == limit { return shown + "…" }
        shown += scalar.properties.generalCategory.isShown ? String(scalar) : "?"
        count += 1
    }
    return shown
}

extension Unicode.GeneralCategory {
    /// True if a terminal shows a scalar of this category and does nothing else with it.
    fileprivate var isShown: Bool {
        switch self {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
