import KernelPath
import PacketIO
import Synchronization

/// Whether the kernel carries flows that were already judged.
public enum FastPathMode: String, Sendable, CaseIterable {
    /// Where it can.
    case auto
    case off
    /// Don't start where it can't.
    case require
}

/// What carries flows of both ports in the kernel: the maps, the program on the sockets, and which rules they go by.
///
/// The port thread opens and closes it, the thread that reads rules changes the generation; neither waits for the other.
final class FastPath: Sendable {
    private struct State {
        /// One more than the generation of rules in force, so that it is never 0.
        var tag: UInt32
        /// Both guards stand where they should, and the sockets have the program.
        var isOpen = false
    }

    let maps: FlowMaps
    let filter: BPFProgram
    private let state: Mutex<State>

    /// Loads everything that doesn't belong to a port. Needs CAP_BPF and CAP_NET_ADMIN, and Linux 5.12.
    /// - Parameter join: By what the ports are joined when Weir fails.
    init(flows: Int, generation: UInt32, join: PortJoin? = nil) throws(SystemCallError) {
        maps = try FlowMaps(flows: flows)
        filter = try maps.filter(join: join)
        state = Mutex(State(tag: Self.tag(of: generation)))
    }

    /// The entry's generation for flows that these rules let pass.
    static func tag(of generation: UInt32) -> UInt32 { generation &+ 1 }

    /// From now on no frame is carried by earlier rules: the next one of each flow goes up, and is judged by these.
    func use(_ generation: UInt32) {
        state.withLock { state in
            state.tag = Self.tag(of: generation)
            maps.setGeneration(state.isOpen ? state.tag : 0)
        }
    }

    /// Carries flows, or no longer does.
    func setOpen(_ isOpen: Bool) {
        state.withLock { state in
            guard state.isOpen != isOpen else { return }
            state.isOpen = isOpen
            maps.setGeneration(isOpen ? state.tag : 0)
        }
    }
}
