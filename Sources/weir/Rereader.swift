import Appliance
import CLinux
import Classifier
import Fragments
import Reporting
import Ruleset
import Synchronization

/// Reads the rules of a run once more.
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
    private let existing: Mutex<Existing>

    private struct Existing {
        /// The files of the rules in force.
        var sources: [SourceFile]
        /// There are tables of connections.
        var followsConnections: Bool
    }

    /// - Parameters:
    ///   - generations: The rules in force, from which new ones inherit.
    ///   - sources: The files of the rules that are in force.
    ///   - followsConnections: They ask for connections.
    ///   - connectionBytes: What the tables of connections take if other rules ask for them.
    ///   - memory: What reading rules may take.
    ///   - say: Takes diagnostics, without waiting.
    init(
        path: String, options: RuleOptions, fragments: FragmentMode, ports: [String], generations: RulesetGenerations,
        sources: [SourceFile], followsConnections: Bool,
        connectionBytes: Int, memory: ReloadMemory,
        say: @escaping @Sendable (String) -> Void
    ) {
        self.path = path
        self.options = options
        self.fragments = fragments
        self.memory = memory
        self.say = say
        self.ports = ports
        self.connectionBytes = connectionBytes
        self.generations = generations
        existing = Mutex(Existing(sources: sources, followsConnections: followsConnections))
    }

    /// What the files say now.
    /// - Parameter resetsState: Nothing goes on, and rules that are as they were are new ones too.
    func read(resetsState: Bool) -> Reload {
        do throws(RulesFile.FileFailure) {
            // Afterwards, what was needed to read them.
            defer { weir_trim_memory() }
            let limit = memory.limit
            let reading = try RulesFile.reading(
                of: path, kind: .regular, options: options, fragments: fragments, budget: ReadingBudget(limit: limit))
            let known = existing.withLock { $0 }
            if !resetsState, reading.sources.elementsEqual(known.sources, by: { $0.name == $1.name && $0.text == $1.text }) {
                return .unchanged
            }
            var diagnostics = reading.diagnostics.map { $0.render(in: reading.sources) }
            for diagnostic in diagnostics { say(diagnostic) }
            guard let ruleset = reading.ruleset else { return .refused("\(path) has errors, see above", diagnostics: diagnostics) }
            if ruleset.judgesNoFrame { return .refused("\(path): \(NoFrameJudged.sentence)", diagnostics: diagnostics) }
            let program: Program
            let inheritance = StateInheritance(from: generations.current.program, reset: resetsState ? .asked : nil)
            do throws(ProgramError) {
                program = try Program(
                    compiling: ruleset, ports: ports, start: Clock.now(), seed: .random(in: .min ... .max),
                    reservation: min(limit, memory.limit),
                    inheriting: inheritance)
            } catch {
                if case .memory = error.reason { return .refused("\(error) (--reload-memory)") }
                guard let diagnostic = error.diagnostic else { return .refused("\(error)") }
                diagnostics.append(diagnostic.render(in: reading.sources))
                say(diagnostics[diagnostics.endIndex - 1])
                return .refused("\(path) has errors, see above", diagnostics: diagnostics)
            }
            let needsTables = !known.followsConnections && !program.connectionNeeds.isEmpty
            if needsTables, let left = MachineMemory()?.available, connectionBytes > left {
                return .refused(
                    "\(path) asks for connections, whose tables would take \(MemoryAmount(connectionBytes)) of memory, and "
                        + "\(MemoryAmount(left)) may be taken; start again with smaller --flows or --workers")
            }
            program.commit()
            existing.withLock {
                $0.sources = reading.sources
                if needsTables { $0.followsConnections = true }
            }
            return .changed(
                program, inheritance, .ofThisRun(ports: ports, sources: reading.sources, version: weirVersion),
                RuleFile.list(reading.sources),
                diagnostics: diagnostics)
        } catch {
            return .refused(error.reason)
        }
    }
}
