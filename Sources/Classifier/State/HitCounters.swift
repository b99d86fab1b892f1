public import Decisions
import Storage

/// A number of frames and of their bytes.
public struct Hits: Sendable, Equatable {
    public var frames: UInt64
    public var bytes: UInt64

    public init(frames: UInt64 = 0, bytes: UInt64 = 0) {
        self.frames = frames
        self.bytes = bytes
    }

    public static func + (left: Hits, right: Hits) -> Hits {
        Hits(frames: left.frames &+ right.frames, bytes: left.bytes &+ right.bytes)
    }
}

/// What one worker's frames came upon in a program: only that worker writes it, anybody reads it.
///
/// Bytes are counted as the kernel's `counter` counts them: on a bridge from after the outermost tag on
/// (`ParsedFrame.linkPayloadLength`), in the families of IP those of the packet (`ParsedFrame.networkLength`).
public final class HitCounters: Sendable {
    private let ruleCounters: CounterArray
    private let statementCounters: CounterArray
    private let elementCounters: CounterArray
    private let objectCounters: CounterArray
    let events = LoggedStatements()

    /// For programs with as many rules, counter statements, named counters and elements with counters as that.
    public init(rules: Int, counters: Int, namedCounters: Int = 0, elements: Int = 0) {
        ruleCounters = CounterArray(count: 2 * rules)
        statementCounters = CounterArray(count: 2 * counters)
        elementCounters = CounterArray(count: 2 * elements)
        objectCounters = CounterArray(count: 2 * namedCounters)
    }

    /// All counters at 0, for that program.
    public convenience init(for program: Program) {
        self.init(
            rules: program.rules.count, counters: program.counters.count, namedCounters: program.namedCounters.count,
            elements: program.elementCounters.count)
    }

    @inline(__always)
    func countRule(_ rule: Int, bytes: UInt64) {
        ruleCounters.add(1, at: 2 &* rule)
        ruleCounters.add(bytes, at: 2 &* rule &+ 1)
    }

    @inline(__always)
    func countStatement(_ counter: Int, bytes: UInt64) {
        statementCounters.add(1, at: 2 &* counter)
        statementCounters.add(bytes, at: 2 &* counter &+ 1)
    }

    @inline(__always)
    func countElement(_ element: Int, bytes: UInt64) {
        elementCounters.add(1, at: 2 &* element)
        elementCounters.add(bytes, at: 2 &* element &+ 1)
    }

    @inline(__always)
    func countObject(_ counter: Int, bytes: UInt64) {
        objectCounters.add(1, at: 2 &* counter)
        objectCounters.add(bytes, at: 2 &* counter &+ 1)
    }

    /// Counts several frames at a place of a recorded path.
    func add(_ kind: PathStep.Kind, _ index: Int, _ hits: Hits) {
        switch kind {
        case .rule: ruleCounters.add(hits, atPair: index)
        case .statement: statementCounters.add(hits, atPair: index)
        case .element: elementCounters.add(hits, atPair: index)
        case .object: objectCounters.add(hits, atPair: index)
        }
    }

    /// For a frame that no rule sees. Only on the worker's own thread.
    public func discardEvents() { events.removeAll() }

    /// `log` statements that the last frame came to. Only on the worker's own thread.
    public var eventCount: Int { events.count }

    /// The last frame's event of this index; nil where there is none, and for those beyond the first 16, of which none is kept. Only on
    /// the worker's own thread.
    public func event(_ index: Int) -> LoggedStatement? { events[index] }

    /// Frames that a named counter counted, by index into `Program.namedCounters`; zeros for an index that there isn't.
    public func namedCounter(_ index: Int) -> Hits {
        Hits(frames: objectCounters.value(at: 2 &* index), bytes: objectCounters.value(at: 2 &* index &+ 1))
    }

    /// Frames that matched the rule to its end, by index into `Program.rules`; zeros for an index that there isn't.
    public func rule(_ index: Int) -> Hits {
        Hits(frames: ruleCounters.value(at: 2 &* index), bytes: ruleCounters.value(at: 2 &* index &+ 1))
    }

    /// Frames that a `counter` statement counted, by index into `Program.counters`; zeros for an index that there isn't.
    public func counter(_ index: Int) -> Hits {
        Hits(frames: statementCounters.value(at: 2 &* index), bytes: statementCounters.value(at: 2 &* index &+ 1))
    }

    /// Frames for which an element was found, by index into `Program.elementCounters`; zeros for an index that there isn't.
    public func element(_ index: Int) -> Hits {
        Hits(frames: elementCounters.value(at: 2 &* index), bytes: elementCounters.value(at: 2 &* index &+ 1))
    }
}

extension CounterArray {
    /// Frames, and after them bytes.
    fileprivate borrowing func add(_ hits: Hits, atPair index: Int) {
        add(hits.frames, at: 2 &* index)
        add(hits.bytes, at: 2 &* index &+ 1)
    }
}
