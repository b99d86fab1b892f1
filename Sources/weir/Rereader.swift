import Appliance
import CLinux
import Classifier
import Fragments
import Glibc
import Reporting
import Ruleset
import Synchronization

/// Reads rules for a run that goes on: its own file once more, another file, or texts of its history.
final class Rereader: Sendable {
    private let path: String
    private let options: RuleOptions
    private let fragments: FragmentMode
    private let ports: [String]
    private let memory: ReloadMemory
    private let say: @Sendable (String) -> Void
    /// Bytes of the tables of connections, which are made with the first rules that ask for them.
    private let connectionBytes: Int
    private let generations: RulesetGenerations
    /// There are tables of connections.
    private let followsConnections: Mutex<Bool>

    /// - Parameters:
    ///   - generations: The rules in force, from which new ones inherit.
    ///   - followsConnections: They ask for connections.
    ///   - connectionBytes: What the tables of connections take if other rules ask for them.
    ///   - memory: What reading rules may take.
    ///   - say: Takes diagnostics, without waiting.
    init(
        path: String, options: RuleOptions, fragments: FragmentMode, ports: [String], generations: RulesetGenerations,
        followsConnections: Bool, connectionBytes: Int, memory: ReloadMemory, say: @escaping @Sendable (String) -> Void
    ) {
        self.path = path
        self.options = options
        self.fragments = fragments
        self.memory = memory
        self.say = say
        self.ports = ports
        self.connectionBytes = connectionBytes
        self.generations = generations
        self.followsConnections = Mutex(followsConnections)
    }

    /// What was asked for.
    private struct Texts {
        var reading: RulesFile.Reading
        /// For messages.
        var name: String
        var isOfOwnFile: Bool
        /// As they were.
        var isUnchanged: Bool
    }

    /// Reads and compiles what is asked for.
    func read(_ wanted: RulesReading) -> Reload {
        do throws(RulesFile.FileFailure) {
            // Afterwards, what was needed to read them.
            defer { weir_trim_memory() }
            let limit = memory.limit
            let texts = try texts(wanted, limit)
            if texts.isUnchanged { return .unchanged }
            var diagnostics = texts.reading.diagnostics.map { $0.render(in: texts.reading.sources) }
            for diagnostic in diagnostics { say(diagnostic) }
            guard let ruleset = texts.reading.ruleset else {
                return .refused("\(texts.name) has errors, see above", diagnostics: diagnostics)
            }
            if ruleset.judgesNoFrame { return .refused("\(texts.name): \(NoFrameJudged.sentence)", diagnostics: diagnostics) }
            let inheritance = StateInheritance(from: generations.current.program, reset: wanted.resetsState ? .asked : nil)
            let program: Program
            do throws(ProgramError) {
                program = try Program(
                    compiling: ruleset, ports: ports, start: Clock.now(), seed: .random(in: .min ... .max),
                    reservation: min(limit, memory.limit), inheriting: inheritance)
            } catch {
                if case .memory = error.reason { return .refused("\(error) (--reload-memory)") }
                guard let diagnostic = error.diagnostic else { return .refused("\(error)") }
                diagnostics.append(diagnostic.render(in: texts.reading.sources))
                say(diagnostics[diagnostics.endIndex - 1])
                return .refused("\(texts.name) has errors, see above", diagnostics: diagnostics)
            }
            if let reason = lackOfTables(program, texts.name) { return .refused(reason) }
            program.commit()
            let sources = texts.reading.sources
            return .changed(
                LoadedRules(
                    program: program, inheritance: inheritance, origin: .ofThisRun(ports: ports, sources: sources, version: weirVersion),
                    files: RuleFile.list(sources), content: texts.reading.content,
                    ownFile: texts.isOfOwnFile ? texts.reading.content : ownFile(wanted.ownFile, limit), isOfOwnFile: texts.isOfOwnFile,
                    diagnostics: diagnostics))
        } catch {
            return .refused(error.reason)
        }
    }

    private func texts(_ wanted: RulesReading, _ limit: Int) throws(RulesFile.FileFailure) -> Texts {
        switch wanted.source {
        case .reload:
            if path == "-" {
                throw RulesFile.FileFailure(reason: "they came from standard input and can't be read again", exitCode: .noInput)
            }
            let reading = try reading(path, limit)
            let isUnchanged = reading.content.files == wanted.ownFile.files
            // A change that the file does not have stays in force, and has its state start again.
            if isUnchanged, wanted.resetsState, wanted.running.files != wanted.ownFile.files {
                return try texts(wanted.running, wanted, limit)
            }
            return Texts(reading: reading, name: path, isOfOwnFile: true, isUnchanged: isUnchanged && !wanted.resetsState)
        case .apply(let other):
            // By the same name as at the start, so that it is known as the same text.
            let isOwn = other.map { Self.isSame($0, path) } ?? true
            let name = isOwn ? path : other ?? path
            if name == "-" {
                throw RulesFile.FileFailure(reason: "they came from standard input and can't be read again", exitCode: .noInput)
            }
            let reading = try reading(name, limit)
            let isUnchanged = !wanted.resetsState && reading.content.files == wanted.running.files
            return Texts(reading: reading, name: name, isOfOwnFile: isOwn, isUnchanged: isUnchanged)
        case .content(let content): return try texts(content, wanted, limit)
        }
    }

    private func texts(_ content: RulesContent, _ wanted: RulesReading, _ limit: Int) throws(RulesFile.FileFailure) -> Texts {
        let reading = try RulesFile.reading(
            of: content, options: options, fragments: fragments, budget: ReadingBudget(limit: limit))
        let isUnchanged = !wanted.resetsState && content.files == wanted.running.files
        return Texts(reading: reading, name: content.main.name, isOfOwnFile: false, isUnchanged: isUnchanged)
    }

    private func reading(_ path: String, _ limit: Int) throws(RulesFile.FileFailure) -> RulesFile.Reading {
        try RulesFile.reading(
            of: path, kind: .regular, options: options, fragments: fragments, budget: ReadingBudget(limit: limit))
    }

    /// What the run's own file says now, or what it said if it can't be read. Mostly it is as it was, and no rules need be read from it.
    private func ownFile(_ known: RulesContent, _ limit: Int) -> RulesContent {
        if path == "-" || RulesFile.saysStill(known, path, options: options, budget: ReadingBudget(limit: limit)) { return known }
        return (try? reading(path, limit))?.content ?? known
    }

    private static func isSame(_ path: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        guard other != "-", stat(path, &first) == 0, stat(other, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// Why the tables of connections can't be made; nil if they need not be, or can.
    private func lackOfTables(_ program: Program, _ name: String) -> String? {
        guard !followsConnections.withLock({ $0 }), !program.connectionNeeds.isEmpty else { return nil }
        if let left = MachineMemory()?.available, connectionBytes > left {
            return "\(name) asks for connections, whose tables would take \(MemoryAmount(connectionBytes)) of memory, and "
                + "\(MemoryAmount(left)) may be taken; start again with smaller --flows or --workers"
        }
        followsConnections.withLock { $0 = true }
        return nil
    }
}
