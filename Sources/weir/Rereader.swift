import Appliance
import Classifier
import Reporting
import Ruleset
import Synchronization

/// Reads the rules of a run once more.
final class Rereader: Sendable {
    private let path: String
    private let ports: [String]
    private let say: @Sendable (String) -> Void
    /// The files of the rules in force.
    private let sources: Mutex<[SourceFile]>

    /// - Parameters:
    ///   - sources: The files of the rules that are in force.
    ///   - say: Takes diagnostics, without waiting.
    init(path: String, ports: [String], sources: [SourceFile], say: @escaping @Sendable (String) -> Void) {
        self.path = path
        self.say = say
        self.ports = ports
        self.sources = Mutex(sources)
    }

    /// What the files say now.
    func read() -> Reload {
        do {
            let reading = try RulesFile.reading(of: path, kind: .regular)
            let known = sources.withLock { $0 }
            if reading.sources.elementsEqual(known, by: { $0.name == $1.name && $0.text == $1.text }) { return .unchanged }
            for diagnostic in reading.diagnostics { say(diagnostic.render(in: reading.sources)) }
            guard let ruleset = reading.ruleset else { return .refused("\(path) has errors, see above") }
            let program = try Program(compiling: ruleset, ports: ports, start: Clock.now(), seed: .random(in: .min ... .max))
            sources.withLock { $0 = reading.sources }
            return .changed(program, .ofThisRun(ports: ports, sources: reading.sources, version: weirVersion))
        } catch let failure as RulesFile.FileFailure {
            return .refused(failure.reason)
        } catch {
            return .refused("\(error)")
        }
    }
}
