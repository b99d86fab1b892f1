import Classifier
import Firewall
import Flows
import Storage
import Synchronization

/// How the reporting thread hears of a worker's flows: it asks for a part of the table at a time, and the worker tells of it between
/// two batches.
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
    /// Where to go on; nil after the last.
    private nonisolated(unsafe) var place: Int?
    private nonisolated(unsafe) let flows: UnsafeMutablePointer<FlowDescription?>
    private nonisolated(unsafe) var count = 0

    package init() {
        flows = .allocate(capacity: Self.part)
        flows.initialize(repeating: nil, count: Self.part)
    }

    deinit {
        flows.deinitialize(count: Self.part)
        flows.deallocate()
    }

    /// True if it is the worker's turn. Only on the worker's thread.
    @inline(__always)
    var isAsked: Bool { turn.load(ordering: .relaxed) == Turn.worker }

    /// Only on the worker's thread, or while it has none.
    func tell(_ firewall: borrowing Firewall, at instant: Instant) {
        guard turn.load(ordering: .acquiring) == Turn.worker else { return }
        count = 0
        place = firewall.flows(from: place ?? 0, count: Self.part, at: instant) { _, flow in
            guard count < Self.part else { return }
            flows[count] = flow
            count += 1
        }
        turn.store(Turn.asker, ordering: .releasing)
    }

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
}
