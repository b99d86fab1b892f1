import Classifier
import Glibc
import KernelPath
import PacketIO
import Storage
import Synchronization

/// The sockets and threads that forward between two interfaces as they are now. An interface that was deleted and made again, or was
/// away in another network namespace, is another one: then the session ends and a new one begins, with the same workers.
final class Session {
    private let sockets: [[PortSocket]]
    private let pool: WorkerPool
    private var threads: [NativeThread] = []

    /// Opens all sockets, then lets frames in and starts the threads.
    init(_ links: [Link], pool: WorkerPool, shape: RingShape, processors: [Int32]) throws(SystemCallError) {
        self.pool = pool
        // Worker by worker: the kernel puts a port's sockets back into the group in the order in which they were made, each
        // time that the port comes up, and both ports must keep the same order.
        var sockets: [[PortSocket]] = [[], []]
        for _ in pool.workers {
            sockets[0].append(try PortSocket(links[0], shape: shape))
            sockets[1].append(try PortSocket(links[1], shape: shape))
        }
        let key = UInt32.random(in: .min ... .max)
        for port in sockets { try Fanout.join(port, key: key) }
        for socket in sockets.joined() {
            if let filter = pool.socketFilter { try socket.open(filter: filter.number) } else { try socket.open() }
        }
        self.sockets = sockets
        pool.control.isStopping.store(false, ordering: .relaxed)
        for (number, worker) in pool.workers.enumerated() {
            let near = sockets[0][number]
            let far = sockets[1][number]
            // From the last one down: the first processor is where systems put interrupts and what else there is.
            let processor = processors.isEmpty ? nil : processors[processors.count - 1 - number % processors.count]
            do throws(SystemCallError) {
                threads.append(
                    try NativeThread(name: "weir-worker-\(number)", processor: processor) { worker.run(near, far) })
            } catch {
                stop()
                throw error
            }
        }
    }

    /// All sockets still belong to their interfaces. One that doesn't never will again.
    var isBound: Bool { sockets.joined().allSatisfy(\.isBound) }

    /// Ends the threads; the sockets go with the session.
    func stop() {
        // The workers take back what was carried; nothing may be carried after that.
        pool.fastPath?.setOpen(false)
        pool.control.isStopping.store(true, ordering: .relaxed)
        pool.wake()
        for thread in threads { thread.join() }
        threads = []
        collectKernelDrops()
    }

    /// Adds what the kernel has dropped since the last call to the pool's sums.
    func collectKernelDrops() {
        for (port, sockets) in sockets.enumerated() {
            for socket in sockets { pool.kernelDrops.add(socket.takeKernelDrops(), at: port) }
        }
    }
}
