import CLinux
import Glibc
public import PacketIO
import Synchronization

/// By what the kernel joins the two ports when Weir fails, or steps aside.
///
/// The program on the packet sockets runs as long as the process has its sockets, and says of each frame that Weir has it. The ingress
/// program hands every other frame to the other port: one that no socket has seen, since the process is gone, and one that the sockets'
/// program leaves to it, since the workers don't move. So nobody has to notice the end of the process, and no frame is both taken and
/// handed over, or neither.
public final class PortJoin: Sendable {
    /// What both programs go by, in the one element of `control`.
    enum Control {
        static let size = 64
        /// 1: the ports are joined, whatever Weir does (32 bits).
        static let bypass: Int16 = 0
        /// By port, the interface's index (32 bits each).
        static let ports: Int16 = 4
        /// Until when frames that no socket has seen are kept (CLOCK_MONOTONIC in nanoseconds, 64 bits).
        static let closedUntil: Int16 = 16
        /// Until when the workers are taken to move, in the same way.
        static let movesUntil: Int16 = 24
        /// By port, the mark under which its egress guard lets joined frames out (32 bits each).
        static let marks: Int16 = 32
    }

    /// By which a guard that joins is known.
    static let mapName = "weir_join"

    let control: BPFMap
    let slots: BPFMap
    private nonisolated(unsafe) let memory: Mapping

    /// Makes the maps. Needs CAP_BPF.
    public init() throws(SystemCallError) {
        control = try BPFMap(.array, valueSize: Control.size, capacity: 1, flags: BPFMap.mappable, name: Self.mapName)
        slots = try BPFMap(.perProcessorArray, valueSize: FlowMaps.Slot.size, capacity: 1, name: "weir_slot")
        memory = try Mapping(control.number, count: 4096)
    }

    // MARK: what holds

    /// Says which interface is a port.
    public func setPort(_ port: Int, interface: Int32) { setWord(Control.ports, port, UInt32(bitPattern: interface)) }

    /// Joined frames leave by a port under this mark; its egress guard lets it out besides the run's own. While a run takes over from
    /// another that has left the ports joined, one port has the new guard and the other has the earlier one, which asks for the earlier mark.
    public func setMark(_ port: Int, _ mark: UInt32) { setWord(Control.marks, port, mark) }

    /// Joined frames leave under the run's own marks: both guards are its own.
    public func useOwnMarks() {
        for port in 0..<2 {
            let place = memory.base + Int(Control.ports) + 4 * port
            let interface = place.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .relaxed)
            setMark(port, SendMark.of(Int32(bitPattern: interface)))
        }
    }

    private func setWord(_ place: Int16, _ port: Int, _ value: UInt32) {
        (memory.base + Int(place) + 4 * port).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.store(value, ordering: .relaxed)
    }

    /// The mark under which a joined frame leaves by the interface, by the map of the run that has joined the ports; nil if it isn't about
    /// the interface.
    static func mark(of interface: Int32, in control: BPFMap) -> UInt32? {
        var value = [UInt8](repeating: 0, count: Control.size)
        guard (try? control.read(0, into: &value)) != nil else { return nil }
        func word(_ place: Int16, _ port: Int) -> UInt32 {
            value.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: Int(place) + 4 * port, as: UInt32.self) }
        }
        return (0..<2).first { word(Control.ports, $0) == UInt32(bitPattern: interface) }.map { word(Control.marks, $0) }
    }

    /// Keeps frames that no socket has seen for that long from now on; with zero no longer.
    public func keepClosed(for time: Duration) { setTime(Control.closedUntil, time) }

    /// The workers move, and are taken to for that long from now on. With zero they don't: the ports are joined.
    public func setMoving(for time: Duration) { setTime(Control.movesUntil, time) }

    /// Joins the ports by hand, or has Weir judge again.
    public func setBypass(_ isOn: Bool) {
        (memory.base + Int(Control.bypass)).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
            .store(isOn ? 1 : 0, ordering: .sequentiallyConsistent)
    }

    /// Who judges frames.
    public enum State: Sendable {
        case weir
        /// Nobody: the ports are joined by hand.
        case bypass
        /// Nobody: the workers don't move.
        case stuck
    }

    public var state: State {
        if hasBypass { return .bypass }
        let until = (memory.base + Int(Control.movesUntil)).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .relaxed)
        return Self.now > until ? .stuck : .weir
    }

    /// The ports are joined by hand.
    public var hasBypass: Bool {
        (memory.base + Int(Control.bypass)).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .relaxed) != 0
    }

    /// As `bpf_ktime_get_ns` says it.
    private static var now: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
    }

    private func setTime(_ place: Int16, _ time: Duration) {
        let (seconds, attoseconds) = time.components
        let moment = Self.now &+ UInt64(seconds) &* 1_000_000_000 &+ UInt64(attoseconds / 1_000_000_000)
        (memory.base + Int(place)).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
            .store(time == .zero ? 0 : moment, ordering: .sequentiallyConsistent)
    }

    // MARK: programs

    /// The program for the packet sockets of both ports, where the kernel carries no flows; else that of `FlowMaps` does it too.
    public func filter() throws(SystemCallError) -> BPFProgram {
        let instructions: [weir_bpf_instruction]
        do throws(AssemblyError) {
            instructions = try filterInstructions()
        } catch {
            throw SystemCallError(call: "assemble the socket filter", code: EINVAL, detail: "\(error)")
        }
        return try BPFProgram(.socketFilter, instructions, name: "weir_filter")
    }

    private func filterInstructions() throws(AssemblyError) -> [weir_bpf_instruction] {
        typealias Slot = FlowMaps.Slot
        var program = Assembler()
        let (noSlot, joined) = (program.makeLabel(), program.makeLabel())
        program.move(.r6, .register(.r1))
        program.store(.word, 0, to: .frame, -4)
        program.lookUp(slots, key: -4)
        program.jump(if: .r0, .equal, 0, to: noSlot)
        program.move(.r7, .register(.r0))
        program.store(.word, .constant(FlowMaps.noEntry), to: .r7, Slot.entry)
        program.load(.word, .r1, from: .r6, FlowFilter.interface)
        program.store(.word, .register(.r1), to: .r7, Slot.interface)
        program.load(.word, .r1, from: .r6, FlowFilter.length)
        program.store(.word, .register(.r1), to: .r7, Slot.length)
        expectWeir(&program, else: joined)
        program.store(.word, .constant(FlowMaps.Decision.up), to: .r7, Slot.decision)
        program.place(noSlot)
        // All of the frame.
        program.move(.r0, -1)
        program.exit()
        program.place(joined)
        program.store(.word, .constant(FlowMaps.Decision.join), to: .r7, Slot.decision)
        program.move(.r0, 0)
        program.exit()
        return try program.assembled()
    }

    /// Goes on at the label where Weir has stepped aside or doesn't move. `r0` to `r5` are lost.
    func expectWeir(_ program: inout Assembler, else joined: Assembler.Label) {
        program.load(.r2, valueOf: control)
        program.load(.word, .r3, from: .r2, Control.bypass)
        program.jump(if: .r3, .notEqual, 0, to: joined)
        program.call(FlowFilter.clock)
        program.load(.r2, valueOf: control)
        program.load(.double, .r3, from: .r2, Control.movesUntil)
        program.jump(if: .r0, .greater, .register(.r3), to: joined)
    }

    /// Goes on at the label where frames that no socket has seen are kept. `r0` to `r5` are lost.
    func expectOpen(_ program: inout Assembler, else closed: Assembler.Label) {
        program.call(FlowFilter.clock)
        program.load(.r2, valueOf: control)
        program.load(.double, .r3, from: .r2, Control.closedUntil)
        program.jump(if: .r3, .greater, .register(.r0), to: closed)
    }

    /// `r1` = the index of the other port's interface, `r2` = the mark under which frames leave by it; goes on at the label if there is none.
    /// `r1` is the frame's own before, `r3` is lost.
    func loadOther(_ program: inout Assembler, else missing: Assembler.Label) {
        let (isNear, found) = (program.makeLabel(), program.makeLabel())
        program.load(.r2, valueOf: control)
        program.load(.word, .r3, from: .r2, Control.ports)
        program.jump(if: .r1, .equal, .register(.r3), to: isNear, .word)
        program.load(.word, .r3, from: .r2, Control.ports + 4)
        program.jump(if: .r1, .notEqual, .register(.r3), to: missing, .word)
        program.load(.word, .r1, from: .r2, Control.ports)
        program.load(.word, .r2, from: .r2, Control.marks)
        program.jump(to: found)
        program.place(isNear)
        program.load(.word, .r1, from: .r2, Control.ports + 4)
        program.load(.word, .r2, from: .r2, Control.marks + 4)
        program.place(found)
        program.jump(if: .r1, .equal, 0, to: missing, .word)
    }

    /// Goes on at the label if the mark in `register` is one under which joined frames leave by the interface. `r2` and `r3` are lost.
    func expectMark(_ program: inout Assembler, _ register: Register, of interface: Int32, then isJoined: Assembler.Label) {
        for port: Int16 in 0..<2 {
            let next = program.makeLabel()
            program.load(.r2, valueOf: control)
            program.load(.word, .r3, from: .r2, Control.ports + 4 * port)
            program.jump(if: .r3, .notEqual, .constant(interface), to: next, .word)
            program.load(.word, .r3, from: .r2, Control.marks + 4 * port)
            program.jump(if: .r3, .equal, 0, to: next, .word)
            program.jump(if: .r3, .equal, .register(register), to: isJoined, .word)
            program.place(next)
        }
    }
}
