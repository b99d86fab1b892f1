import Glibc
import Ruleset

/// Opens what rule files include, as nft does: `./` and `../` begin at the working directory; other relative paths are looked for in the
/// folders that the command names, beside the rule file, and in /etc.
enum IncludedFiles {
    private static let folder = "/etc"

    /// The files for a path or a pattern of glob(7), sorted; a pattern may stand for none.
    /// - Parameter folders: Where to look before /etc.
    static func load(_ path: String, folders: [String], budget: ReadingBudget) throws(InclusionFailure) -> [SourceFile] {
        let isInFolder = !path.hasPrefix("/") && !path.hasPrefix("./") && !path.hasPrefix("../")
        let isPattern = path.contains { "*?[".contains($0) }
        let patterns = isInFolder ? (folders + [folder]).map { "\($0)/\(path)" } : [path]
        var names: [String] = []
        for pattern in patterns where isPattern || names.isEmpty { names += try matches(of: pattern) }
        if names.isEmpty, !isPattern {
            let note = isInFolder ? "Weir looked in \((folders + [folder]).joined(separator: ", "))" : nil
            throw InclusionFailure(message: "no file '\(path)'", note: note)
        }
        var texts: [SourceFile] = []
        for name in names {
            do throws(RulesFile.FileFailure) {
                texts.append(SourceFile(name: name, text: try RulesFile.text(name, kind: .regular, budget: budget)))
            } catch {
                throw InclusionFailure(message: error.reason)
            }
        }
        return texts
    }

    /// Without folders, and without what begins with a dot unless the pattern does.
    private static func matches(of pattern: String) throws(InclusionFailure) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        switch glob(pattern, GLOB_MARK, nil, &found) {
        case 0: break
        case GLOB_NOMATCH: return []
        default: throw InclusionFailure(message: "'\(pattern)' can't be looked up: \(String(cString: strerror(errno)))")
        }
        return (0..<Int(found.gl_pathc)).compactMap { index in
            guard let path = found.gl_pathv?[index] else { return nil }
            let name = String(cString: path)
            return name.hasSuffix("/") ? nil : name
        }
    }
}
