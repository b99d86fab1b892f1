import Appliance
import ArgumentParser
import Fragments
import Glibc
import Ruleset

/// Reads rule files for the commands; the core itself opens none.
enum RulesFile {
    /// Maximum bytes of a rule file: some million rules.
    private static let limit = 256 << 20

    /// What became of a rule file: the rule set unless there are errors, and all that there is to say of it.
    struct Reading {
        var ruleset: Ruleset?
        var sources: [SourceFile]
        var diagnostics: [Diagnostic]
        /// The file and what it includes, as they were read.
        var content: RulesContent
    }

    /// Which files are read.
    enum Kind {
        /// Files that can't make the reader wait for somebody else to write.
        case regular
        /// Pipes and terminals too.
        case any
    }

    /// The rule set in a file (`-` for standard input). Diagnostics go to standard error; throws if the rules are refused.
    static func read(
        _ path: String, kind: Kind, options: RuleOptions, fragments: FragmentMode = .reassemble
    ) throws -> Ruleset {
        let reading = try reading(of: path, kind: kind, options: options, fragments: fragments)
        for diagnostic in reading.diagnostics { complain(diagnostic.render(in: reading.sources)) }
        guard let ruleset = reading.ruleset else { throw ExitCode.badRules }
        return ruleset
    }

    /// Reads a file and what it includes; throws if the file itself can't be opened.
    /// - Parameter budget: What reading them may take in memory; what is beyond it is refused.
    static func reading(
        of path: String, kind: Kind = .any, options: RuleOptions, fragments: FragmentMode = .reassemble,
        budget: ReadingBudget = ReadingBudget()
    ) throws(FileFailure) -> Reading {
        let source = SourceFile(name: path, text: try text(path, kind: kind, budget: budget))
        let folders = folders(path, options)
        return reading(of: RulesContent(source), options: options, fragments: fragments) { path throws(InclusionFailure) in
            try IncludedFiles.load(path, folders: folders, budget: budget)
        }
    }

    /// True if a file and all that it includes are as they were.
    static func saysStill(_ content: RulesContent, _ path: String, options: RuleOptions, budget: ReadingBudget) -> Bool {
        guard let text = try? text(path, kind: .regular, budget: budget), text.utf8.elementsEqual(content.main.text.utf8) else {
            return false
        }
        let folders = folders(path, options)
        return content.inclusions.allSatisfy { inclusion in
            guard let now = try? IncludedFiles.load(inclusion.path, folders: folders, budget: budget),
                let then = content.included(inclusion.path), now.count == then.count
            else { return false }
            return zip(now, then).allSatisfy { $0.name == $1.name && $0.text.utf8.elementsEqual($1.text.utf8) }
        }
    }

    private static func folders(_ path: String, _ options: RuleOptions) -> [String] {
        options.includePath + (path == "-" ? [] : [folder(of: path)])
    }

    /// Reads texts that were read before, whatever their files say now.
    static func reading(of content: RulesContent, options: RuleOptions, fragments: FragmentMode, budget: ReadingBudget)
        throws(FileFailure) -> Reading
    {
        for text in [content.main] + content.inclusions.flatMap({ content.included($0.path) ?? [] }) {
            try budget.take(text.text, text.name)
        }
        return reading(of: RulesContent(content.main), options: options, fragments: fragments) { path throws(InclusionFailure) in
            guard let texts = content.included(path) else { throw InclusionFailure(message: "'\(path)' was not kept with these rules") }
            return texts
        }
    }

    private static func reading(
        of main: RulesContent, options: RuleOptions, fragments: FragmentMode,
        loading: (String) throws(InclusionFailure) -> [SourceFile]
    ) -> Reading {
        var content = main
        let source = main.main
        do throws(RejectedRuleset) {
            // The loader does not outlive the reading.
            let (ruleset, warnings) = try withoutActuallyEscaping(loading) { loading throws(RejectedRuleset) in
                try Ruleset.read(
                    source,
                    loader: { path, _ throws(InclusionFailure) in
                        let texts = try loading(path)
                        content.include(path, texts)
                        return texts
                    }, definitions: options.definitions, localTime: .system, fragments: fragments.view, limit: options.errorLimit)
            }
            return Reading(ruleset: ruleset, sources: ruleset.sources, diagnostics: warnings, content: content)
        } catch {
            return Reading(ruleset: nil, sources: error.sources, diagnostics: error.diagnostics, content: content)
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Why a file gives no text.
    struct FileFailure: Error {
        var reason: String
        var exitCode: ExitCode
    }

    /// All of a file's text (`-` for standard input, whatever that is), which is bounded.
    static func text(_ path: String, kind: Kind = .any, budget: ReadingBudget = ReadingBudget()) throws(FileFailure) -> String {
        // Opened without waiting: a named pipe has no writer until somebody comes, who may never do.
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | (kind == .any ? 0 : O_NONBLOCK))
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        if path != "-", kind == .regular { try expectRegular(descriptor, path) }
        try budget.expectRoom(for: descriptor, path)
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path) }
            if count == 0 { break }
            bytes.append(contentsOf: part[..<count])
            guard bytes.count <= limit else { throw FileFailure(reason: "\(path) is larger than \(limit >> 20) MiB", exitCode: .badRules) }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileFailure(reason: "\(path) is not text in UTF-8", exitCode: .badRules)
        }
        try budget.take(text, path)
        return text
    }

    /// Refuses what may make a reader wait for ever: all but files and folders (which can't be read for another reason), and /dev/null.
    private static func expectRegular(_ descriptor: Int32, _ path: String) throws(FileFailure) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path) }
        let thing: String
        switch status.st_mode & S_IFMT {
        case S_IFREG, S_IFDIR: return
        case S_IFIFO: thing = "a pipe"
        case S_IFSOCK: thing = "a socket"
        // The memory devices (Documentation/admin-guide/devices.txt): 1:3 is /dev/null.
        case S_IFCHR where status.st_rdev == 1 << 8 | 3: return
        default: thing = "a device"
        }
        throw FileFailure(
            reason: "\(path) is \(thing), and reading it could wait for ever; name a regular file, or give the rules to standard input (-)",
            exitCode: .noInput)
    }

    /// In the system's own words; to be called right after the call that failed.
    private static func unreadable(_ path: String) -> FileFailure {
        FileFailure(reason: "\(path) can't be read: \(String(cString: strerror(errno)))", exitCode: .noInput)
    }
}

extension ExitCode {
    /// EX_DATAERR (sysexits.h): the rules are refused.
    static let badRules = ExitCode(65)
    /// EX_NOINPUT: there is no such file, or it can't be read.
    static let noInput = ExitCode(66)
}
