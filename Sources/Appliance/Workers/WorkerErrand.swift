import Synchronization

/// Something short that a worker does between two batches for another thread: what needs a lock that workers take is done by one of them,
/// since a worker that holds it is never held up as another thread may be.
///
/// Invariant: who may touch `work` is who `turn` says.
package final class WorkerErrand: Sendable {
    private enum Turn {
        static let asker: UInt8 = 0
        static let worker: UInt8 = 1
    }

    private let turn = Atomic<UInt8>(Turn.asker)
    private nonisolated(unsafe) var work: (() -> Void)?
    /// Who of several askers on one thread has asked last, and has not taken the answer yet.
    private nonisolated(unsafe) weak var holder: AnyObject?

    package init() {}

    /// Only on the worker's thread.
    @inline(__always)
    var isAsked: Bool { turn.load(ordering: .relaxed) == Turn.worker }

    /// Only on the worker's thread, or while it has none.
    func run() {
        guard turn.load(ordering: .acquiring) == Turn.worker else { return }
        work?()
        turn.store(Turn.asker, ordering: .releasing)
    }

    // MARK: Askers, all on one thread

    /// What was asked last is done, or nothing was.
    var isDone: Bool { turn.load(ordering: .acquiring) == Turn.asker }

    /// What was done last was this asker's.
    func holds(_ asker: AnyObject) -> Bool { holder === asker }

    /// What was done was taken, or nobody is there any more to take it.
    func isFree(for asker: AnyObject) -> Bool { holder == nil || holder === asker }

    /// Asks; only when all is done, and free.
    /// - Parameter work: Runs on the worker's thread, and must touch nothing that its owner touches before `isDone`.
    func ask(for asker: AnyObject, _ work: @escaping () -> Void) {
        holder = asker
        self.work = work
        turn.store(Turn.worker, ordering: .releasing)
    }

    /// What was done has been taken.
    func release() {
        holder = nil
        work = nil
    }
}
