public import Capture
public import Classifier
import Decisions
import Reporting
public import Ruleset
import Storage
import Synchronization

/// A program in use, and what was made for it: the rules of the start, or those of a reload.
public final class RulesetGeneration: Sendable {
    /// 0 for that of the start, and one more with each reload.
    public let number: UInt32
    public let program: Program
    /// What captures say of the rules' files.
    public let origin: CaptureOrigin
    /// The files that its rules are from.
    public let files: [RuleFile]
    /// When it was made, in nanoseconds since the epoch.
    public let time: UInt64
    /// What it has of the one before; nil for the first.
    let handover: StateHandover?

    init(number: UInt32, program: Program, origin: CaptureOrigin, files: [RuleFile], handover: StateHandover? = nil) {
        self.handover = handover
        self.number = number
        self.program = program
        self.origin = origin
        self.files = files
        time = Clock.now().sinceEpoch
    }
}

/// A file that rules are from.
public struct RuleFile: Codable, Sendable, Equatable {
    /// As it was named.
    public var file: String
    /// As sha256sum(1) gives it.
    public var sha256: String

    /// The files of a reading.
    public static func list(_ sources: [SourceFile]) -> [RuleFile] {
        sources.map { RuleFile(file: $0.name, sha256: SHA256.hexadecimal(of: $0.text.utf8)) }
    }
}

/// The generation in use, and those before it, of which records may still be on their way to a writer.
public final class RulesetGenerations: Sendable {
    /// Generations that are kept: a writer that lags further has lost the frames long ago.
    private static let capacity = 8

    private let known: Mutex<[RulesetGeneration]>

    /// Begins with the rules of the start.
    public init(_ program: Program, origin: CaptureOrigin, files: [RuleFile] = []) {
        known = Mutex([RulesetGeneration(number: 0, program: program, origin: origin, files: files)])
    }

    /// The newest.
    public var current: RulesetGeneration {
        // There is always one: the first is added at once, and only those are removed that newer ones follow.
        known.withLock { $0[$0.endIndex - 1] }
    }

    /// nil for one that is too old.
    public subscript(number: UInt32) -> RulesetGeneration? { known.withLock { known in known.last { $0.number == number } } }

    /// Adds the next.
    /// - Parameter handover: What was just copied to it from the newest.
    public func add(
        _ program: Program, origin: CaptureOrigin, files: [RuleFile] = [], handover: StateHandover? = nil
    ) -> RulesetGeneration {
        // The oldest is freed after the lock is let go: that takes long where it has many elements.
        let (generation, _) = known.withLock { known -> (RulesetGeneration, RulesetGeneration?) in
            let generation = RulesetGeneration(
                number: known[known.endIndex - 1].number &+ 1, program: program, origin: origin, files: files, handover: handover)
            known.append(generation)
            return (generation, known.count > Self.capacity ? known.removeFirst() : nil)
        }
        return generation
    }

    /// Why a frame is in a capture.
    public func comment(on record: CaptureRecord) -> String {
        guard let generation = self[record.decision.generation] else {
            var record = record
            record.decision.forgetRules()
            record.event?.rule = .none
            return CaptureComment.text(of: record, current.program)
        }
        return CaptureComment.text(of: record, generation.program)
    }

    /// A record with the program whose rules it names. If its rules are gone, nothing but the frame is known.
    func resolved(_ record: LogRecord) -> (record: LogRecord, program: Program) {
        if let generation = self[record.decision.generation] { return (record, generation.program) }
        var record = record
        record.event = nil
        record.decision.forgetRules()
        return (record, current.program)
    }
}

/// What became of reading the rules again.
public enum Reload: Sendable {
    /// The files are as they were.
    case unchanged
    /// Why the rules at hand stay in force, and what was found in the files.
    case refused(String, diagnostics: [String] = [])
    case changed(LoadedRules)
}
