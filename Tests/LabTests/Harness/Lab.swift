import Foundation

/// Where in the lab a command runs.
enum Place: String, Sendable, CaseIterable {
    case near, fw, far
}

/// Three namespaces of its own, made by `tools/lab` and gone with the value:
/// a host `near`, a host `far`, and `fw` between them with a port to each.
final class Lab {
    /// The hosts' interfaces, and the ports that face them.
    static let ports = (near: "eth1", far: "eth2")
    static let interfaces = (near: "near0", far: "far0")
    /// The repository this test was built from.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The path of a script among the tests' resources.
    static func script(_ name: String) throws -> String {
        guard let script = Bundle.module.url(forResource: "Support/\(name)", withExtension: "py") else {
            throw CommandFailure(description: "Support/\(name).py is not among the tests' resources")
        }
        return script.path
    }

    /// For this lab's files; removed with it.
    let directory: URL
    private let suffix: String
    private var background: [Background] = []
    /// Frames that wiretaps have sent from both ends, so that it is known how many the middle has to see.
    var framesSent: UInt64 = 0
    /// Weir, if that is in the middle.
    weak var middle: Weir?

    /// - Parameter bare: the hosts have no address and say nothing of their own, so that what comes out is what a test sent.
    init(bare: Bool = false) throws {
        suffix = "-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0...0xffff_ffff))"
        directory = URL(filePath: NSTemporaryDirectory()).appending(path: "weir-lab\(suffix)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try tool(["up"] + (bare ? ["--bare"] : []))
    }

    deinit {
        for process in background { process.end() }
        _ = try? Command.run([Self.root.appending(path: "tools/lab").path, "down"], environment: ["LAB_SUFFIX": suffix])
        try? FileManager.default.removeItem(at: directory)
    }

    private func tool(_ arguments: [String]) throws {
        try Command.require(
            [Self.root.appending(path: "tools/lab").path] + arguments, environment: ["LAB_SUFFIX": suffix, "LAB_QUIET": "1"])
    }

    func namespace(of place: Place) -> String { "weir-\(place.rawValue)\(suffix)" }

    private func inside(_ place: Place, _ arguments: [String]) -> [String] {
        ["ip", "netns", "exec", namespace(of: place)] + arguments
    }

    /// Runs a command in one of the namespaces.
    func run(in place: Place, _ arguments: [String], limit: Int = 30) throws -> CommandResult {
        try Command.run(inside(place, arguments), limit: limit)
    }

    /// Runs one that has to succeed; the command is split at blanks.
    @discardableResult
    func require(in place: Place, _ command: String, limit: Int = 30) throws -> String {
        try Command.require(inside(place, command.split(separator: " ").map(String.init)), limit: limit)
    }

    /// Starts a command that goes on until the lab ends.
    @discardableResult
    func start(in place: Place, _ arguments: [String], environment: [String: String] = [:]) throws -> Background {
        let process = try Background(inside(place, arguments), environment: environment, directory: directory)
        background.append(process)
        return process
    }

    /// Ends every process in a namespace, the children of what was started there too.
    func endAll(in place: Place, with signal: Int32 = SIGKILL) throws {
        for process in try Command.require(["ip", "netns", "pids", namespace(of: place)]).lines.compactMap({ Int32($0) }) {
            kill(process, signal)
        }
    }

    /// Writes a file into the lab's directory.
    func write(_ text: String, to name: String) throws -> URL {
        let file = directory.appending(path: name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file
    }

    /// The kernel's bridge in the middle, with nft's rules on it if any are given.
    func startBridge(rules: URL? = nil) throws {
        try tool(["bridge", "--wire"])
        if let rules { try require(in: .fw, "nft -f \(rules.path)") }
    }

    /// A value under /proc/sys, as `place` sees it.
    func sysctl(_ key: String, in place: Place) throws -> String {
        try require(in: place, "sysctl -n \(key)").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The hardware address of one of the firewall's ports, which is another in each lab: by it Weir knows an interface again, wherever
    /// it is.
    func address(of port: String) throws -> String {
        try require(in: .fw, "cat /sys/class/net/\(port)/address").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A counter of an interface under /sys/class/net/…/statistics.
    func statistic(_ name: String, of interface: String, in place: Place) throws -> Int {
        let text = try require(in: place, "cat /sys/class/net/\(interface)/statistics/\(name)")
        guard let value = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw CommandFailure(description: "\(interface) \(name): \(text)")
        }
        return value
    }
}
