import Firewall
import Fragments
import Glibc
import PacketIO
import Synchronization

/// The sockets and threads that forward between two interfaces as they are now. An interface that was deleted and made again
/// under its name is another one: then the session ends and a new one begins, with the same workers.
final class Session {
    /// The interfaces' indices, by which a changed one is known.
    let indices: [Int32]
    private let sockets: [[PortSocket]]
    private let crew: Crew
    private var threads: [NativeThread] = []
    private let bells: [SharedBell]

    /// Opens all sockets, then lets frames in and starts the threads.
    init(_ links: [Link], crew: Crew, shape: RingShape, processors: [Int32]) throws(SystemCallError) {
        indices = links.map(\.index)
        self.crew = crew
        // Worker by worker: the kernel puts a port's sockets back into the group in the order in which they were made, each
        // time that the port comes up, and both ports must keep the same order.
        var sockets: [[PortSocket]] = [[], []]
        var bells: [SharedBell] = []
        for _ in crew.workers {
            sockets[0].append(try PortSocket(links[0], shape: shape))
            sockets[1].append(try PortSocket(links[1], shape: shape))
            bells.append(SharedBell(bell: try Bell()))
        }
        let key = UInt32.random(in: .min ... .max)
        for port in sockets { try Fanout.join(port, key: key) }
        for socket in sockets.joined() { try socket.open() }
        self.sockets = sockets
        self.bells = bells
        crew.orders.isStopping.store(false, ordering: .relaxed)
        for (number, worker) in crew.workers.enumerated() {
            let near = sockets[0][number]
            let far = sockets[1][number]
            let bell = bells[number]
            // From the last one down: the first processor is where systems put interrupts and what else there is.
            let processor = processors.isEmpty ? nil : processors[processors.count - 1 - number % processors.count]
            do throws(SystemCallError) {
                threads.append(
                    try NativeThread(name: "weir-worker-\(number)", processor: processor) { worker.run(near, far, bell) })
            } catch {
                stop()
                throw error
            }
        }
    }

    /// Ends the threads; the sockets go with the session.
    func stop() {
        crew.orders.isStopping.store(true, ordering: .relaxed)
        for bell in bells { bell.bell.ring() }
        for thread in threads { thread.join() }
        threads = []
        collectKernelDrops()
    }

    /// Adds what the kernel has dropped since the last call to the crew's sums.
    func collectKernelDrops() {
        for (port, sockets) in sockets.enumerated() {
            for socket in sockets { crew.kernelDrops[port] &+= socket.takeKernelDrops() }
        }
    }
}

/// A bell that a worker and the control thread hold.
final class SharedBell: Sendable {
    let bell: Bell

    init(bell: consuming Bell) {
        self.bell = bell
    }
}

/// The workers with all that outlives a session: their state, their counters.
final class Crew {
    /// A worker between two sessions, or in use by its thread alone.
    final class Member: @unchecked Sendable {
        private var worker: Worker

        init(_ worker: consuming Worker) {
            self.worker = worker
        }

        func run(_ near: PortSocket, _ far: PortSocket, _ bell: SharedBell) {
            worker.run(near, far, bell: bell.bell)
        }
    }

    let orders = Orders()
    let workers: [Member]
    /// By worker, then by port.
    let portCounters: [[PortCounters]]
    /// By worker.
    let firewallCounters: [FirewallCounters]
    /// What `log` statements said, by worker.
    let logs: [LogQueue]
    /// Frames that the kernel couldn't put into a ring, by port.
    var kernelDrops: [UInt64] = [0, 0]

    init(_ configuration: Configuration) {
        var workers: [Member] = []
        var portCounters: [[PortCounters]] = []
        var firewallCounters: [FirewallCounters] = []
        var logs: [LogQueue] = []
        for number in 0..<configuration.workers {
            let counters = [PortCounters(), PortCounters()]
            let firewallCounter = FirewallCounters(for: configuration.program)
            let firewall = Firewall(
                program: configuration.program, counters: firewallCounter,
                fragments: FragmentGatherer(mode: configuration.fragments, limits: configuration.fragmentLimits))
            portCounters.append(counters)
            let log = LogQueue()
            logs.append(log)
            firewallCounters.append(firewallCounter)
            workers.append(
                Member(
                    Worker(
                        number: number, firewall: firewall, counters: counters, orders: orders, drops: configuration.drops, log: log,
                        groups: configuration.groups, reportsDrops: configuration.events?.settings.includesDrops ?? false)))
        }
        self.workers = workers
        self.portCounters = portCounters
        self.firewallCounters = firewallCounters
        self.logs = logs
    }
}
