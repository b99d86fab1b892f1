import Reporting
public import Ruleset

/// The texts that rules are made from: the rule file and all that it includes, so that they can be read again when the files have changed.
public struct RulesContent: Codable, Sendable, Equatable {
    public struct File: Codable, Sendable, Equatable {
        public var name: String
        public var text: String
    }

    /// What an `include` stood for.
    public struct Inclusion: Codable, Sendable, Equatable {
        /// As it was written, perhaps a pattern.
        public var path: String
        /// Indices into `files`.
        public var files: [Int]
    }

    /// The rule file first.
    public private(set) var files: [File]
    public private(set) var inclusions: [Inclusion] = []

    public init(_ main: SourceFile) { files = [File(name: main.name, text: main.text)] }

    /// Notes what was included.
    public mutating func include(_ path: String, _ sources: [SourceFile]) {
        guard !inclusions.contains(where: { $0.path == path }) else { return }
        inclusions.append(Inclusion(path: path, files: Array(files.count..<files.count + sources.count)))
        files += sources.map { File(name: $0.name, text: $0.text) }
    }

    /// The rule file.
    public var main: SourceFile { files.first.map(Self.source) ?? SourceFile(name: "", text: "") }

    /// What an `include` stood for; nil for a path that no file here includes.
    public func included(_ path: String) -> [SourceFile]? {
        inclusions.first { $0.path == path }.map { $0.files.filter(files.indices.contains).map { Self.source(files[$0]) } }
    }

    private static func source(_ file: File) -> SourceFile { SourceFile(name: file.name, text: file.text) }

    /// Equal for the same names and texts, and no others.
    package var hash: String {
        var octets: [UInt8] = []
        for file in files {
            octets += Array("\(file.name.utf8.count) \(file.text.utf8.count)\n".utf8) + Array(file.name.utf8) + Array(file.text.utf8)
        }
        return SHA256.hexadecimal(of: octets)
    }

    /// Bytes of all texts.
    var byteCount: Int { files.reduce(0) { $0 + $1.text.utf8.count + $1.name.utf8.count } }
}
