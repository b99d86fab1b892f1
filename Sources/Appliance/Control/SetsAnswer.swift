import Classifier
import Control
import Reporting
import Ruleset

extension SetsRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        let generation = desk.configuration.generations.current
        let program = generation.program
        guard let name = set else {
            return MappedAnswer(SetItem.all(of: program)) { $0.item(form) }
        }
        do throws(ControlFault) {
            let index: Int
            switch program.changingSet(named: name) {
            case .success(let found): index = found
            case .failure(let error): throw ControlFault(.refused, error.words)
            }
            guard let elements else { return SetListing(desk, generation, index, form) }
            do throws(SetChangeError) {
                let change = try program.change(ofSet: index, elements: elements, isRemoval: delete ?? false)
                return SetChangeAnswer(desk, generation, change, form)
            } catch {
                throw ControlFault(.refused, error.words)
            }
        } catch {
            return ReadyAnswer([], error)
        }
    }
}

extension SetChangeError {
    fileprivate var words: String {
        switch self {
        case .message(let text): text
        // Places in a text that the client has not seen say nothing.
        case .rejected(let rejected): rejected.diagnostics.prefix(5).map(\.message).joined(separator: "; ")
        }
    }
}

/// A set that can be changed.
private struct SetItem: AnswerItem {
    var table: String
    var set: String
    var map: Bool
    var elements: Int
    /// Elements that it has room for.
    var capacity: Int

    static func all(of program: Program) -> [SetItem] {
        let now = Clock.now()
        return program.changingSets.indices.map { index in
            let set = program.changingSets[index]
            return SetItem(
                table: set.tableTitle, set: set.name, map: set.isMap, elements: program.elementCount(ofSet: index, at: now),
                capacity: set.capacity)
        }
    }

    var text: String { "\(map ? "map" : "set") \(table) \(set): \(elements) of \(capacity) elements\n" }
}

/// An element of a set.
private struct ElementItem: AnswerItem {
    var element: String
    /// Seconds that it lives; absent for ever.
    var expires: UInt64?

    var text: String { element + (expires.map { " expires \($0)s" } ?? "") + "\n" }
}

/// A worker's errand in parts, at a set's.
class SetErrand: AnswerStream {
    /// Milliseconds that the worker is waited for.
    private static let patience = 2000
    private static let wakeInterval = 20

    let pool: WorkerPool
    let generation: RulesetGeneration
    private let generations: RulesetGenerations
    private var isAsked = false
    private var waited = 0

    init(_ desk: ControlDesk, _ generation: RulesetGeneration) {
        pool = desk.pool
        generations = desk.configuration.generations
        self.generation = generation
    }

    /// The rules of the errand are still those in force.
    var isCurrent: Bool { generations.current.number == generation.number }

    /// What the worker does next; nil when all is done.
    func work() -> (() -> Void)? { nil }

    /// What was done can be looked at.
    func took() {}

    /// An item that is there, or the end.
    func ready() -> AnswerStep? { nil }

    final func next() -> AnswerStep {
        // What the worker still has is the worker's.
        if !isAsked, let step = ready() { return step }
        let errand = pool.errand
        guard errand.isDone else {
            waited += 1
            guard waited <= Self.patience else { return .failed(ControlFault(.refused, "the workers are too busy")) }
            if waited.isMultiple(of: Self.wakeInterval) { pool.wakeForErrand() }
            return .wait(1)
        }
        waited = 0
        if isAsked, errand.holds(self) {
            isAsked = false
            errand.release()
            took()
            return next()
        }
        guard errand.isFree(for: self) else { return .wait(1) }
        guard let work = work() else { return .end }
        isAsked = true
        errand.ask(for: self, work)
        pool.wakeForErrand()
        return .wait(1)
    }
}

/// The elements of a set.
private final class SetListing: SetErrand {
    private static let part = 512

    private let index: Int
    private let form: ControlForm
    private let part = SetElementPart(capacity: SetListing.part)
    private var items: [String] = []
    private var isOver = false

    init(_ desk: ControlDesk, _ generation: RulesetGeneration, _ index: Int, _ form: ControlForm) {
        self.index = index
        self.form = form
        super.init(desk, generation)
    }

    override func work() -> (() -> Void)? {
        let (program, part, index) = (generation.program, part, index)
        return { program.read(part, ofSet: index, at: Clock.now()) }
    }

    override func took() {
        let elements = generation.program.texts(of: part, ofSet: index)
        items = elements.reversed().map { ElementItem(element: $0.element, expires: $0.left.map { $0 / 1_000_000_000 }).item(form) }
        isOver = part.place == nil
    }

    override func ready() -> AnswerStep? {
        if let item = items.popLast() { return .item(item) }
        return isOver ? .end : nil
    }
}

/// Elements on their way into a set, or out of it.
private final class SetChangeAnswer: SetErrand {
    private static let part = 128

    /// Between two threads: see `WorkerErrand`.
    private final class Outcome: @unchecked Sendable { var value = SetChangeOutcome() }

    private let change: SetChange
    private let form: ControlForm
    private let outcome = Outcome()
    private var isTold = false

    init(_ desk: ControlDesk, _ generation: RulesetGeneration, _ change: SetChange, _ form: ControlForm) {
        self.change = change
        self.form = form
        super.init(desk, generation)
    }

    override func work() -> (() -> Void)? {
        let (program, change, outcome) = (generation.program, change, outcome)
        return { program.apply(change, &outcome.value, count: SetChangeAnswer.part, at: Clock.now()) }
    }

    override func ready() -> AnswerStep? {
        let outcome = outcome.value
        guard outcome.place == nil else { return nil }
        guard !isTold else { return .end }
        isTold = true
        if !isCurrent { return .failed(ControlFault(.refused, "new rules came meanwhile; repeat it")) }
        if outcome.refused > 0 {
            return .failed(ControlFault(.refused, "the set is full: \(outcome.refused) elements had no room; its \"size\" makes it larger"))
        }
        if change.isRemoval, outcome.unchanged > 0 {
            return .failed(
                ControlFault(.refused, "\(outcome.unchanged) of \(change.count) elements were not there; the others are taken out"))
        }
        return .item(ChangeItem(changed: outcome.changed, unchanged: outcome.unchanged, isRemoval: change.isRemoval).item(form))
    }
}

/// What became of a change.
private struct ChangeItem: AnswerItem {
    /// Elements that were put in or taken out.
    var changed: Int
    /// Elements that were there already.
    var unchanged: Int
    private let isRemoval: Bool

    private enum CodingKeys: CodingKey { case changed, unchanged }

    init(changed: Int, unchanged: Int, isRemoval: Bool) {
        self.changed = changed
        self.unchanged = unchanged
        self.isRemoval = isRemoval
    }

    /// nft says nothing either.
    var text: String { "" }
}
