import ArgumentParser
import FoundationEssentials
import Glibc
import Ruleset

/// Reads rule files for the commands; the core itself opens none.
enum RulesFile {
    /// Bytes of a rule file at the most: some million rules.
    private static let limit = 256 << 20

    /// The rule set in a file (`-` for standard input). Diagnostics go to standard error; throws if the rules are refused.
    static func read(_ path: String) throws -> Ruleset {
        let source = SourceFile(name: path, text: try text(path))
        do {
            let (ruleset, warnings) = try Ruleset.read(source)
            for warning in warnings { complain(warning.render(in: [source])) }
            return ruleset
        } catch {
            for diagnostic in error.diagnostics { complain(diagnostic.render(in: error.sources)) }
            throw ExitCode.failure
        }
    }

    private static func text(_ path: String) throws -> String {
        let bytes: Data
        do {
            bytes = path == "-" ? standardInput() : try Data(contentsOf: URL(filePath: path))
        } catch {
            throw refuse("\(path) can't be read: \(reason(path, error))")
        }
        guard bytes.count <= limit else { throw refuse("\(path) is larger than \(limit >> 20) MiB") }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw refuse("\(path) is not text in UTF-8") }
        return text
    }

    /// The system's own words where they can be had.
    private static func reason(_ path: String, _ error: any Error) -> String {
        var status = stat()
        if stat(path, &status) != 0 { return String(cString: strerror(errno)) }
        if status.st_mode & S_IFMT == S_IFDIR { return "it is a directory" }
        return access(path, R_OK) != 0 ? String(cString: strerror(errno)) : "\(error)"
    }

    private static func standardInput() -> Data {
        var bytes = Data()
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= limit {
            let count = Glibc.read(STDIN_FILENO, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: part[..<count])
        }
        return bytes
    }
}

/// Says something on standard error.
func complain(_ text: String) {
    FileHandleOutput.standardError.write(text.hasSuffix("\n") ? text : text + "\n")
}

/// Says why it can't be done, and gives the exit code for it.
func refuse(_ reason: String) -> ExitCode {
    complain("weir: \(reason)")
    return .failure
}

/// Whole texts to a descriptor.
struct FileHandleOutput {
    static let standardError = FileHandleOutput(descriptor: STDERR_FILENO)
    static let standardOutput = FileHandleOutput(descriptor: STDOUT_FILENO)

    let descriptor: Int32

    /// Writes all of it, or as much as its reader takes.
    func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
