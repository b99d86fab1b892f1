import Capture
import Foundation
import Glibc
import Synchronization
import Testing

#if DEBUG
private let rounds = 20_000
#else
private let rounds = 600_000
#endif

@Suite struct WakeTests {
    /// A worker that queues a frame just as the writer falls asleep: whoever comes second must see the other. Without the fence in `wake`
    /// an optimized build loses one wake-up in some 20,000 rounds on x86, where a load may overtake the store before it.
    @Test("no frame waits in the queue of a writer that sleeps")
    func noLostWakeUps() throws {
        let running = RunningCapture(try DropCapture(path: "/dev/null", workers: 1))
        let frame = [UInt8](repeating: 2, count: 60)
        var lost = 0
        for round in 0..<rounds {
            running.offer(round, frame)
            guard !isTaken(running.capture) else { continue }
            lost += 1
            // The next one wakes it, if another was lost.
            running.capture.wake()
            try #require(isTaken(running.capture))
        }
        #expect(lost == 0, "\(lost) of \(rounds)")
        #expect(running.finish())
        #expect(running.capture.written == UInt64(rounds))
    }

    /// Waits until the queue is empty, busily at first, since the writer must be met on its way to sleep.
    private func isTaken(_ capture: DropCapture) -> Bool {
        for _ in 0..<2000 where !capture.queues[0].isEmpty { sched_yield() }
        for _ in 0..<2000 {
            if capture.queues[0].isEmpty { return true }
            usleep(1000)
        }
        return false
    }
}
