import Foundation
import Testing

/// Frames and bytes.
struct Tally: Sendable, Codable, Equatable {
    var frames: UInt64
    var bytes: UInt64
}

/// One line of `weir run --json`.
struct Counters: Sendable, Codable {
    struct Port: Sendable, Codable {
        let name: String
        let up: Bool
        let received, sent: Tally
        let kernelDrops, tooBig, truncated: UInt64
        var answers: UInt64 = 0
        var answersOverRate: UInt64 = 0
        var fragmented: UInt64 = 0
        var fragments: UInt64 = 0
        let sendFailures: [String: UInt64]
        var `guard` = Guard(kind: "", first: true, restored: 0, unguarded: Guard.Unguarded(received: 0, sent: 0))
    }

    /// What keeps the host off a port.
    struct Guard: Sendable, Codable {
        struct Unguarded: Sendable, Codable {
            let received, sent: UInt64
        }

        let kind: String
        let first: Bool
        let restored: UInt64
        let unguarded: Unguarded
        var silenced: UInt64?
        var joined: UInt64?
        var bypass: Bypass?

        /// What runs before it.
        struct Bypass: Sendable, Codable {
            let present: [String]
            let found, received, sent: UInt64
        }
    }

    struct Rule: Sendable, Codable {
        let table, chain, file: String
        let line: Int
        let text: String
        let frames, bytes: UInt64
    }

    /// Fragments that are held.
    struct Held: Sendable, Codable, Equatable {
        let frames, datagrams, bytes: UInt64
    }

    struct Capture: Sendable, Codable {
        let written, lost: UInt64
    }

    /// Connections; there only where the rules ask for them.
    struct Flows: Sendable, Codable {
        let followed: UInt64
        let events: [String: UInt64]
    }

    /// What the kernel has carried; there only where it may.
    struct FastPath: Sendable, Codable {
        let flows: UInt64
        let carried: Tally
        let keptBack: [String: UInt64]
    }

    let ports: [Port]
    let reloads: Int
    let rules: [Rule]
    let reasons: [String: Tally]
    let held: Held
    let capture: Capture?
    var flows: Flows? = nil
    var fastPath: FastPath? = nil

    /// How many frames were given this reason.
    func frames(for reason: String) -> UInt64 { reasons[reason]?.frames ?? 0 }

    func port(_ name: String) -> Port? { ports.first { $0.name == name } }

    /// Frames that it has taken off the wire, and those that the kernel could not keep for it.
    var taken: UInt64 { ports.reduce(0) { $0 + $1.received.frames + $1.kernelDrops } }

    /// Frames that came and went by both ports.
    var framesOnPorts: UInt64 { ports.reduce(0) { $0 + $1.received.frames + $1.sent.frames } }

    private var received: UInt64 { ports.reduce(0) { $0 + $1.received.frames - $1.truncated } }
    private var judged: UInt64 { reasons.values.reduce(0) { $0 + $1.frames } }
    /// Those that the rules let pass.
    private var passed: UInt64 { ["accept-by-rule", "accept-by-policy", "not-sent"].reduce(0) { $0 + frames(for: $1) } }
    /// Packets that were sent or could not be, each of those once that left in fragments.
    private var left: UInt64 {
        ports.reduce(0) { $0 + $1.sent.frames + $1.fragmented + $1.sendFailures.values.reduce(0, +) - $1.fragments }
    }

    /// Each frame that came was passed, dropped for a reason or is held, and each that passed was sent, or is counted where it was not.
    var addUp: Bool { received == judged + held.frames && passed == left }

    func expectToAddUp(_ location: SourceLocation = #_sourceLocation) {
        #expect(received == judged + held.frames, "received = judged + held", sourceLocation: location)
        #expect(passed == left, "passed = sent + not sent", sourceLocation: location)
    }
}

/// `weir run` between the two ports of a lab.
final class Weir {
    /// The executable under test: $WEIR_BINARY, else the package's release build.
    static let binary =
        ProcessInfo.processInfo.environment["WEIR_BINARY"] ?? Lab.root.appending(path: ".build/release/weir").path

    /// Options of every run: WEIR_OPTIONS="--fast-path require" has all tests run so.
    private static let commonOptions = (ProcessInfo.processInfo.environment["WEIR_OPTIONS"] ?? "").split(separator: " ").map(String.init)

    /// By which Weir's filters are known in tc's listings ("Weir" in ASCII).
    static let filterHandle = "0x57656972"

    static let passAll = chain([])

    /// The text of a rule file with one base chain.
    static func chain(_ rules: [String], policy: String = "accept") -> String {
        """
        table bridge filter {
            chain forward {
                type filter hook forward priority 0; policy \(policy);
        \(rules.map { "        " + $0 }.joined(separator: "\n"))
            }
        }

        """
    }

    private let process: Background
    private let lab: Lab
    /// What wiretaps had sent in the lab before it was there.
    private let framesBefore: UInt64

    /// Starts Weir and returns once it forwards.
    init(in lab: Lab, rules: URL, workers: Int = 1, options: [String] = [], guard kind: GuardKind = .tcx) throws {
        process = try Self.launch(in: lab, rules: rules, workers: workers, options: options, guard: kind)
        self.lab = lab
        framesBefore = lab.framesSent
        lab.middle = self
        guard eventually(within: .seconds(30), { isForwarding || !process.process.isRunning }), isForwarding else {
            let text = process.errorText
            process.end()
            throw CommandFailure(description: "weir does not forward: \(text)")
        }
    }

    /// The same with the text of a rule file.
    convenience init(
        in lab: Lab, rules: String = Weir.passAll, workers: Int = 1, options: [String] = [], guard kind: GuardKind = .tcx
    ) throws {
        try self.init(in: lab, rules: lab.write(rules, to: "rules.nft"), workers: workers, options: options, guard: kind)
    }

    deinit {
        process.end()
    }

    /// Starts Weir whether or not it can run.
    ///
    /// - Parameter hasUsualSocket: With the control socket that a run has by itself. A killed run leaves it beside its notes.
    static func launch(
        in lab: Lab, rules: URL, workers: Int = 1, options: [String] = [], guard kind: GuardKind = .tcx, hasUsualSocket: Bool = false
    ) throws -> Background {
        try lab.start(
            in: .fw,
            kind.prefix + [
                binary, "run", "--ports", "\(Lab.ports.near),\(Lab.ports.far)", "--rules", rules.path, "--workers", "\(workers)",
                "--state-directory", lab.directory.appending(path: "state").path, "--json",
            ] + (hasUsualSocket ? [] : ["--control", "off"]) + commonOptions + options)
    }

    private var isForwarding: Bool { log.contains("forwarding between ") }

    /// What it has logged so far.
    var log: String { process.errorText }
    var isRunning: Bool { process.process.isRunning }
    var processIdentifier: Int32 { process.process.processIdentifier }

    func signal(_ number: Int32) { process.signal(number) }

    /// Asks for the counters and reads them: as they are when every frame that a wiretap has sent is among them, and has come to its end,
    /// unless there is no such moment.
    func counters() throws -> Counters {
        var counters = try ask()
        let deadline = ContinuousClock.now + .seconds(5)
        while counters.taken < lab.framesSent - framesBefore, ContinuousClock.now < deadline {
            usleep(10_000)
            counters = try ask()
        }
        for _ in 0..<5 where !counters.addUp {
            usleep(20_000)
            counters = try ask()
        }
        return counters
    }

    private func ask() throws -> Counters {
        let before = process.outputLength
        process.signal(SIGUSR1)
        var lines: [String] = []
        guard
            eventually(
                within: .seconds(10),
                {
                    lines = process.outputText(from: before).completeLines
                    return !lines.isEmpty
                })
        else {
            throw CommandFailure(description: "no counters upon SIGUSR1; the log: \(log)")
        }
        return try Self.decode(lines[0])
    }

    /// Ends it and returns its exit status and the last counters; the status is nil if it did not end within 15 s. What wiretaps have sent
    /// it has taken by then, unless it is killed.
    @discardableResult
    func stop(_ number: Int32 = SIGTERM) -> (status: Int32?, counters: Counters?) {
        if number != SIGKILL, isRunning, lab.framesSent > framesBefore { _ = try? counters() }
        process.signal(number)
        let status = process.wait(limit: .seconds(15))
        return (status, process.outputText.completeLines.last.flatMap { try? Self.decode($0) })
    }

    private static func decode(_ line: String) throws -> Counters {
        do {
            return try JSONDecoder().decode(Counters.self, from: Data(line.utf8))
        } catch {
            throw CommandFailure(description: "counters that can't be read (\(error)): \(line)")
        }
    }

    /// The processor time it has used, in clock ticks of 10 ms.
    func processorTicks() throws -> Int {
        let stat = try String(contentsOfFile: "/proc/\(processIdentifier)/stat", encoding: .utf8)
        // Behind the command's name, which may hold anything, utime and stime are the 12th and 13th.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Int(fields[12]), let system = Int(fields[13]) else {
            throw CommandFailure(description: "/proc/PID/stat: \(stat)")
        }
        return user + system
    }

    /// Its resident memory in KiB.
    func residentMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(processIdentifier)/status", encoding: .utf8)
        let line = status.lines.first { $0.hasPrefix("VmRSS:") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }
}

extension String {
    var lines: [String] { split(separator: "\n", omittingEmptySubsequences: true).map(String.init) }

    /// Those that have their newline already.
    var completeLines: [String] { hasSuffix("\n") ? lines : Array(lines.dropLast()) }
}
