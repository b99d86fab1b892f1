public import Ruleset

/// A file that says what the options of the command line would.
public struct SettingsFile: Sendable {
    /// Largest file that is read, in bytes.
    public static let limit = 1 << 16

    public let source: SourceFile
    /// In the order of the file.
    public let settings: [Setting]

    /// Reads a text as TOML 1.0 and holds it to what is known.
    ///
    /// Throws everything that is wrong with it, each with its place: what is not TOML, names and tables that are not known, settings in
    /// the wrong table, and values of another kind.
    public init(_ source: SourceFile, known: [KnownSetting]) throws(RejectedRuleset) {
        self.source = source
        let text: SettingsText
        do {
            text = try SettingsText(source)
        } catch {
            throw RejectedRuleset(sources: [source], diagnostics: [error])
        }
        var reader = SettingsReader(text: text, known: known)
        reader.read()
        guard reader.diagnostics.isEmpty else {
            throw RejectedRuleset(sources: [source], diagnostics: Self.ordered(reader.diagnostics, by: \.location))
        }
        settings = Self.ordered(reader.settings, by: \.location)
    }

    /// The same on the command line.
    public var arguments: [String] { settings.flatMap(\.arguments) }

    private static func ordered<Element>(_ elements: [Element], by location: (Element) -> SourceLocation) -> [Element] {
        elements.sorted { (location($0).line, location($0).column) < (location($1).line, location($1).column) }
    }
}
