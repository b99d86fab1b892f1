import Ruleset
import TOMLKit

/// A settings file's text, as TOML 1.0 reads it.
struct SettingsText {
    /// A value or a table in the file.
    struct Node {
        /// From the outermost table.
        var path: [String]
        var content: Content
    }

    enum Content {
        case boolean(Bool)
        case integer(Int)
        case fraction(Double)
        case string(String)
        case strings([String])
        case table
        /// What no setting is, in words.
        case other(String)
    }

    let source: SourceFile
    /// Tables before what is in them, otherwise by name.
    let nodes: [Node]
    /// The lines with which each path comes into being: see `location(of:)`.
    private let places: [[String]: ClosedRange<Int>]

    init(_ source: SourceFile) throws(Diagnostic) {
        self.source = source
        do {
            nodes = Self.nodes(of: try TOMLTable(string: source.text), under: [])
            places = Self.places(of: source.text)
        } catch let error as TOMLParseError {
            let place = SourceLocation(file: 0, line: error.source.begin.line, column: error.source.begin.column, length: 1)
            throw Diagnostic(
                severity: .error, location: place, message: "this is not TOML: \(error.description)",
                note: "a setting is a line as in  workers = 2  or  rules = \"/etc/weir/edge.nft\"")
        } catch {
            throw Diagnostic(
                severity: .error, location: SourceLocation(file: 0, line: 1, column: 1, length: 1), message: "this is not TOML: \(error)")
        }
    }

    private static func nodes(of table: TOMLTable, under path: [String]) -> [Node] {
        table.keys.sorted().flatMap { key -> [Node] in
            guard let value = table[key] else { return [] }
            let path = path + [key]
            guard let inner = value.table else { return [Node(path: path, content: content(value))] }
            return [Node(path: path, content: .table)] + nodes(of: inner, under: path)
        }
    }

    private static func content(_ value: any TOMLValueConvertible) -> Content {
        if let boolean = value.bool { return .boolean(boolean) }
        if let integer = value.int { return .integer(integer) }
        if let fraction = value.double { return .fraction(fraction) }
        if let string = value.string { return .string(string) }
        if let array = value.array {
            let strings = array.compactMap { $0.string ?? $0.int.map(String.init) }
            return strings.count == array.count ? .strings(strings) : .other("an array of other things than strings")
        }
        return .other("a \(value.type)")
    }

    // MARK: places

    /// Where a node stands. The library keeps no places, but says of any number of the first lines what they hold: the line with which a
    /// path comes into being is its own, or the last one of a value that takes several.
    func location(of path: [String]) -> SourceLocation {
        guard let place = places[path] else { return SourceLocation(file: 0, line: 1, column: 1, length: 1) }
        return Self.location(of: path.last ?? "", in: source.text.split(separator: "\n", omittingEmptySubsequences: false), place)
    }

    private static func places(of text: String) -> [[String]: ClosedRange<Int>] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var places: [[String]: ClosedRange<Int>] = [:]
        var first = 0
        for last in lines.indices {
            // Lines without anything bring no path, wherever they stand.
            let line = lines[last].drop(while: \.isWhitespace)
            guard !line.isEmpty, !line.hasPrefix("#"), let table = try? TOMLTable(string: lines[...last].joined(separator: "\n")) else {
                continue
            }
            for node in nodes(of: table, under: []) where places[node.path] == nil { places[node.path] = first...last }
            first = last + 1
        }
        return places
    }

    private static func location(of key: String, in lines: [Substring], _ range: ClosedRange<Int>) -> SourceLocation {
        for line in range {
            let text = Array(lines[line])
            let word = Array(key)
            guard !word.isEmpty, text.count >= word.count, !lines[line].drop(while: \.isWhitespace).hasPrefix("#") else { continue }
            if let column = (0...(text.count - word.count)).first(where: { text[$0...].starts(with: word) }) {
                return SourceLocation(file: 0, line: line + 1, column: column + 1, length: word.count)
            }
        }
        return SourceLocation(file: 0, line: range.upperBound + 1, column: 1, length: 1)
    }
}
