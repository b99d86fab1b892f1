import Classifier
import Firewall
import Flows
import Storage
import Synchronization

/// How another thread hears of a worker's flows, and has some ended: it asks for a part of the table at a time, and the worker tells of it
/// between two batches.
///
/// Invariant: who may touch what is told is who `turn` says.
package final class FlowRequest: Sendable {
    /// Records of the table for each answer: some tens of microseconds of the worker's time.
    private static let part = 1024

    private enum Turn {
        static let asker: UInt8 = 0
        static let worker: UInt8 = 1
    }

    private let turn = Atomic<UInt8>(Turn.asker)
    /// Where to go on; nil after the last, and for none.
    private nonisolated(unsafe) var place: Int?
    private nonisolated(unsafe) let flows: UnsafeMutablePointer<FlowDescription?>
    private nonisolated(unsafe) let references: UnsafeMutablePointer<FlowReference?>
    private nonisolated(unsafe) var count = 0
    /// Flows to end before the part is told.
    private nonisolated(unsafe) var ending: [FlowReference] = []
    private nonisolated(unsafe) var endedCount = 0
    /// Who of several askers on one thread has asked last, and has not taken the answer yet.
    private nonisolated(unsafe) weak var holder: AnyObject?

    package init() {
        flows = .allocate(capacity: Self.part)
        flows.initialize(repeating: nil, count: Self.part)
        references = .allocate(capacity: Self.part)
        references.initialize(repeating: nil, count: Self.part)
    }

    deinit {
        flows.deinitialize(count: Self.part)
        flows.deallocate()
        references.deinitialize(count: Self.part)
        references.deallocate()
    }

    /// True if it is the worker's turn. Only on the worker's thread.
    @inline(__always)
    var isAsked: Bool { turn.load(ordering: .relaxed) == Turn.worker }

    /// Only on the worker's thread, or while it has none.
    func tell(_ firewall: inout Firewall, at instant: Instant) {
        guard turn.load(ordering: .acquiring) == Turn.worker else { return }
        count = 0
        endedCount = 0
        for index in ending.indices where firewall.endFlow(ending[index], at: instant) { endedCount += 1 }
        if let start = place {
            place = firewall.flows(from: start, count: Self.part, at: instant) { record, flow in
                guard count < Self.part else { return }
                flows[count] = flow
                references[count] = firewall.reference(toFlow: record)
                count += 1
            }
        }
        turn.store(Turn.asker, ordering: .releasing)
    }

    // MARK: An asker that waits

    /// All flows, part by part. Only on the reporting thread.
    /// - Parameters:
    ///   - wake: Has the worker look, or calls `tell` where the worker has no thread.
    ///   - isWaiting: Asked while nothing is told; false gives up.
    func forEach(wake: () -> Void, isWaiting: () -> Bool, _ body: (FlowDescription) -> Void) {
        // An answer that was given up may still be on its way, and nobody may be there any more to give it.
        if turn.load(ordering: .acquiring) != Turn.asker { wake() }
        guard isAnswered(isWaiting) else { return }
        place = 0
        repeat {
            turn.store(Turn.worker, ordering: .releasing)
            wake()
            guard isAnswered(isWaiting) else { return }
            for index in 0..<count { if let flow = flows[index] { body(flow) } }
        } while place != nil
    }

    private func isAnswered(_ isWaiting: () -> Bool) -> Bool {
        while turn.load(ordering: .acquiring) != Turn.asker { guard isWaiting() else { return false } }
        return true
    }

    // MARK: Askers that don't wait, all on one thread

    /// The worker has told what was asked last, or nothing was.
    var isAnswered: Bool { turn.load(ordering: .acquiring) == Turn.asker }

    /// What was told is this asker's.
    func holds(_ asker: AnyObject) -> Bool { holder === asker }

    /// What was told has been taken, or nobody is there any more to take it.
    func isFree(for asker: AnyObject) -> Bool { holder == nil || holder === asker }

    /// Asks for a part; only when all is told, and free.
    /// - Parameters:
    ///   - place: Where the part begins; nil for no part.
    ///   - ending: Flows to end first.
    func ask(from place: Int?, ending: [FlowReference], for asker: AnyObject) {
        holder = asker
        self.place = place
        self.ending = ending
        turn.store(Turn.worker, ordering: .releasing)
    }

    /// Flows that were there to be ended.
    var ended: Int { endedCount }

    /// Where the next part begins; nil after the last.
    var nextPlace: Int? { place }

    func forEachTold(_ body: (FlowDescription, FlowReference) -> Void) {
        for index in 0..<count { if let flow = flows[index], let reference = references[index] { body(flow, reference) } }
    }

    /// What was told has been taken.
    func release() {
        holder = nil
        ending = []
    }
}
