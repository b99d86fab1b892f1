import Classifier
import Flows
import Fragments
import PacketIO

/// What a run sets aside, or may come to take, whatever the traffic: so that a start says what it lacks, instead of being killed for it.
package struct StartMemory: Sendable, Equatable {
    /// Bytes of the tables of connections, of all workers.
    package var connections: Int
    /// Bytes of held fragments, at most.
    package var fragments: Int
    /// Bytes of the receive rings. They are the kernel's, and no control group's.
    package var rings: Int

    /// What threads, queues and the like take besides.
    private static let remainder = 4 << 20

    package init(connections: Int = 0, fragments: Int = 0, rings: Int = 0) {
        self.connections = connections
        self.fragments = fragments
        self.rings = rings
    }

    /// - Parameter mtu: The larger one of the ports.
    init(_ configuration: Configuration, mtu: UInt32) {
        let shape = configuration.ring.shape(mtu: mtu)
        self.init(
            connections: configuration.generations.current.program.connectionNeeds.isEmpty ? 0 : configuration.connectionBytes,
            fragments: configuration.fragments == .drop ? 0 : configuration.workers * configuration.fragmentLimits.bytes,
            rings: 2 * configuration.workers * shape.slots * shape.slotBytes)
    }

    /// Why a start can't be; nil if there is room.
    package func problem(within memory: MachineMemory) -> StartProblem? {
        func amount(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }
        let own = connections + fragments
        if own + Self.remainder > memory.available {
            var parts: [String] = []
            if connections > 0 { parts.append("the tables of connections take \(amount(connections))") }
            if fragments > 0 { parts.append("held fragments up to \(amount(fragments))") }
            let needs = parts.joined(separator: ", ")
            return StartProblem(
                """
                there is too little memory: \(needs), and \(amount(memory.available)) may be taken (what the machine or the control group \
                has left); ask for less with --flows, --fragment-memory or --workers
                """)
        }
        if own + rings + Self.remainder > memory.machineAvailable {
            return StartProblem(
                """
                there is too little memory for the receive rings: they take \(amount(rings)), and the machine has \
                \(amount(memory.machineAvailable)) left; ask for less with --slots or --workers
                """)
        }
        return nil
    }
}

extension Configuration {
    /// Bytes of the tables of connections, of all workers.
    var connectionBytes: Int { workers * FlowTracker.bytes(forFlows: flows.flows) }
}
