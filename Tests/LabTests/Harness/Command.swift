import Foundation

/// What a command said and how it ended.
struct CommandResult: Sendable {
    /// Its exit status; 124 if its time ran out, 128 + N if signal N ended it.
    let status: Int32
    let output: String
    let error: String

    var isSuccess: Bool { status == 0 }
}

/// A command that could not be started, or that had to succeed and did not.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
}

/// A running command whose output goes to files, so that nobody has to read along.
final class Background {
    let process = Process()
    private let output: URL
    private let error: URL

    /// Starts `arguments[0]`, looked up in PATH.
    ///
    /// - Parameter directory: where the files with its output are made.
    init(_ arguments: [String], environment: [String: String] = [:], directory: URL) throws {
        let name = UUID().uuidString
        output = directory.appending(path: "\(name).out")
        error = directory.appending(path: "\(name).err")
        for file in [output, error] {
            guard FileManager.default.createFile(atPath: file.path, contents: nil) else {
                throw CommandFailure(description: "can't create \(file.path)")
            }
        }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: error)
        try process.run()
    }

    var outputText: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }
    var outputData: Data { (try? Data(contentsOf: output)) ?? Data() }
    /// Bytes of standard output so far.
    var outputLength: UInt64 { (try? FileManager.default.attributesOfItem(atPath: output.path)[.size] as? UInt64) ?? 0 }
    /// Standard output from a byte on.
    func outputText(from place: UInt64) -> String {
        guard let file = try? FileHandle(forReadingFrom: output), (try? file.seek(toOffset: place)) != nil,
            let data = try? file.readToEnd()
        else { return "" }
        return String(decoding: data, as: UTF8.self)
    }
    var errorText: String { (try? String(contentsOf: error, encoding: .utf8)) ?? "" }

    func signal(_ number: Int32) {
        if process.isRunning { kill(process.processIdentifier, number) }
    }

    /// Waits for the end; nil if it has not come within `limit`.
    func wait(limit: Duration) -> Int32? {
        guard eventually(within: limit, { !process.isRunning }) else { return nil }
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }

    /// Ends it at once, whatever state it is in.
    func end() {
        signal(SIGKILL)
        _ = wait(limit: .seconds(5))
    }
}

/// Commands that are waited for.
enum Command {
    /// Runs a command to its end, or until `limit` seconds are over.
    static func run(_ arguments: [String], limit: Int = 30, environment: [String: String] = [:]) throws -> CommandResult {
        let directory = URL(filePath: NSTemporaryDirectory()).appending(path: "weir-lab-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let command = try Background(["timeout", "-k", "1", "\(limit)"] + arguments, environment: environment, directory: directory)
        guard let status = command.wait(limit: .seconds(limit + 3)) else {
            command.end()
            throw CommandFailure(description: "\(arguments.joined(separator: " ")) outlived its \(limit) s and its signal")
        }
        return CommandResult(status: status, output: command.outputText, error: command.errorText)
    }

    /// Runs a command that has to succeed and returns its standard output.
    @discardableResult
    static func require(_ arguments: [String], limit: Int = 30, environment: [String: String] = [:]) throws -> String {
        let result = try run(arguments, limit: limit, environment: environment)
        guard result.isSuccess else {
            throw CommandFailure(
                description: "\(arguments.joined(separator: " ")) ended with \(result.status): \(result.error)\(result.output)")
        }
        return result.output
    }
}

/// Asks again and again until the answer is yes; false if it was still no at the end.
func eventually(within limit: Duration, every pause: Duration = .milliseconds(5), _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    repeat {
        if try condition() { return true }
        sleep(for: pause)
    } while ContinuousClock.now < deadline
    return try condition()
}

/// The calling thread's sleep: the suite runs one test at a time, and a child is what it waits for.
func sleep(for duration: Duration) {
    Thread.sleep(forTimeInterval: Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18)
}
