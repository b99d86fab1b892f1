import CLinux
public import Flows
import Glibc
public import PacketIO
import Synchronization

/// What the programs of the kernel path and the workers share: which flows are carried, and what is known of them.
///
/// A program finds a flow's entry by its key in a hash map, and works on it in an array that is mapped into this process, so that a worker
/// reads and writes it without a system call.
public final class FlowMaps: Sendable {
    /// What all flows have in common, in the first element of `control`.
    enum Control {
        static let size = 64
        /// Entries of this generation are carried; 0: none are (32 bits).
        static let generation = 0
        /// By port, from `ports` on: the interface's index, and the MTU (32 bits each).
        static let ports = 8
        static let portSize = 8
        static let index = 0
        static let mtu = 4
    }

    /// What the socket filter has decided on the frame at hand, for the program that comes to it next on the same processor (32 bits each).
    enum Slot {
        static let size = 24
        /// `Decision`; 0 where the filter didn't run.
        static let decision: Int16 = 0
        /// For which frame: the interface by which it came, and its length.
        static let interface: Int16 = 4
        static let length: Int16 = 8
        /// The interface by which it leaves.
        static let target: Int16 = 12
        /// Its entry, if it goes up to the worker; `noEntry` if it has none.
        static let entry: Int16 = 16
    }

    enum Decision {
        static let up: Int32 = 1
        static let carry: Int32 = 2
        /// Handed to the other port, since Weir has stepped aside or doesn't move.
        static let join: Int32 = 3
    }

    static let noEntry: Int32 = -1
    /// Bytes of the transport header and what follows it that a checksum can be computed of, a jumbo frame's; and room for what is read
    /// beyond them.
    static let scratchLimit: Int32 = 9216
    static let scratchSize = 9216 + 64

    let control: BPFMap
    let flows: BPFMap
    let entries: BPFMap
    let slots: BPFMap
    let scratch: BPFMap
    private nonisolated(unsafe) let controlMemory: Mapping
    private nonisolated(unsafe) let entryMemory: Mapping
    public let capacity: Int

    /// Makes the maps. Needs CAP_BPF, and kernel memory: about 400 bytes for each flow.
    public init(flows capacity: Int) throws(SystemCallError) {
        self.capacity = capacity
        control = try BPFMap(.array, valueSize: Control.size, capacity: 1, flags: BPFMap.mappable, name: "weir_control")
        entries = try BPFMap(.array, valueSize: CarriedEntry.size, capacity: capacity, flags: BPFMap.mappable, name: "weir_entries")
        flows = try BPFMap(.hash, keySize: CarriedKey.size, valueSize: 4, capacity: capacity, name: "weir_flows")
        slots = try BPFMap(.perProcessorArray, valueSize: Slot.size, capacity: 1, name: "weir_slot")
        scratch = try BPFMap(.perProcessorArray, valueSize: Self.scratchSize, capacity: 1, name: "weir_scratch")
        controlMemory = try Mapping(control.number, count: 4096)
        entryMemory = try Mapping(entries.number, count: (capacity * CarriedEntry.size + 4095) & ~4095, isPresent: false)
    }

    /// The program for the packet sockets of both ports. It needs Linux 5.12.
    /// - Parameter join: By what the ports are joined when Weir fails.
    public func filter(join: PortJoin? = nil) throws(SystemCallError) -> BPFProgram { try filter(.socketFilter, join: join) }

    /// The same as a program of another kind, which tests can run.
    package func filter(_ kind: BPFProgram.Kind, join: PortJoin? = nil) throws(SystemCallError) -> BPFProgram {
        let instructions: [weir_bpf_instruction]
        do throws(AssemblyError) {
            instructions = try FlowFilter.instructions(self, join: join)
        } catch {
            throw SystemCallError(call: "assemble the socket filter", code: EINVAL, detail: "\(error)")
        }
        return try BPFProgram(kind, instructions, name: "weir_filter")
    }

    /// The part of one of several workers.
    public func part(_ number: Int, of count: Int) -> CarriedEntries {
        let size = capacity / max(1, count)
        let first = size * number
        return unsafe CarriedEntries(
            first: UInt32(first), count: size, base: entryMemory.base + first * CarriedEntry.size, owner: self)
    }

    private func control(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (controlMemory.base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Flows are carried whose entries have this generation, from now on; 0: none are.
    public func setGeneration(_ generation: UInt32) {
        control(Control.generation).pointee.store(generation, ordering: .sequentiallyConsistent)
    }

    public var generation: UInt32 { control(Control.generation).pointee.load(ordering: .relaxed) }

    /// Says which interface is a port, and how long packets may be that leave by it.
    public func setPort(_ port: Int, interface: Int32, mtu: UInt32) {
        let place = Control.ports + port * Control.portSize
        control(place + Control.index).pointee.store(UInt32(bitPattern: interface), ordering: .relaxed)
        control(place + Control.mtu).pointee.store(mtu, ordering: .relaxed)
    }

    /// Says of all frames that went up that they have passed the sockets, for tests that send none.
    package func landAll() {
        for entry in 0..<capacity {
            let place = entryMemory.base + entry * CarriedEntry.size
            let raised = (place + CarriedEntry.raised).load(as: UInt64.self)
            (place + CarriedEntry.landed).storeBytes(of: raised, as: UInt64.self)
        }
    }

    /// Has a key lead to an entry; false if that can't be done.
    public func insert(_ entry: UInt32, _ key: UnsafeRawBufferPointer) -> Bool { (try? flows.set(key, entry)) != nil }

    public func remove(_ key: UnsafeRawBufferPointer) { try? flows.remove(key) }
}
