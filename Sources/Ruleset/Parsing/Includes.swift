/// Opens what rule files include, for the core opens no file.
///
/// The first argument is the path as it was written, perhaps a pattern; the second the name of the text it stands in. The result has
/// the texts in the order in which they are read; for a pattern there may be none.
public typealias RuleLoader = (_ path: String, _ includer: String) throws(InclusionFailure) -> [SourceFile]

/// Why nothing could be included.
public struct InclusionFailure: Error, Sendable, Equatable {
    public var message: String
    public var note: String?

    public init(message: String, note: String? = nil) {
        self.message = message
        self.note = note
    }
}

extension Parser {
    /// Texts that are open within each other, as nft bounds them.
    private static let openLimit = 16
    private static let sourceLimit = 4096

    /// `include "PATH"`: the texts are read as if they stood here, each of them whole statements.
    mutating func include(item: (inout Parser) throws(Abandoned) -> Void) throws(Abandoned) {
        let start = index
        next()
        guard current.kind == .quoted else { throw unexpected(expecting: "a path in quotes") }
        let path = next().text
        let place = location(from: start)
        guard current.isSeparator else { throw unexpected(expecting: "a newline or ';'") }
        guard let loader else { throw fail(place, "files can't be included here") }
        guard openSources.count < Self.openLimit else {
            throw fail(place, "more than \(Self.openLimit) files within each other")
        }
        let texts: [SourceFile]
        do throws(InclusionFailure) {
            texts = try loader(path, sources[openSources[openSources.count - 1]].name)
        } catch {
            throw fail(place, error.message, note: error.note)
        }
        for text in texts {
            if openSources.contains(where: { sources[$0].name == text.name }) {
                throw fail(place, "'\(printable(text.name))' includes itself")
            }
            guard sources.count < Self.sourceLimit else {
                throw fail(place, "more than \(Self.sourceLimit) files in one rule set")
            }
            read(text, item: item)
        }
    }

    mutating func read(_ text: SourceFile, item: (inout Parser) throws(Abandoned) -> Void) {
        let outer = (tokens: tokens, index: index, depth: depth)
        openSources.append(sources.count)
        tokens = Lexer.tokens(
            of: text.text, file: sources.count, limit: max(0, Lexer.tokenLimit - tokenCount), threshold: packingThreshold)
        tokenCount += tokens.count
        if Self.hasUselessChains(tokens) { keepsText = true }
        sources.append(text)
        (index, depth) = (0, 0)
        wholeText(isIncluded: true, item: item)
        openSources.removeLast()
        (tokens, index, depth) = outer
    }
}
