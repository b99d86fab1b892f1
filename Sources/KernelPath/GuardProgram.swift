import CLinux
import Flows
import PacketIO

/// The two programs of a port's guard, and the maps that belong to them.
///
/// Ingress: every frame ends there, after the packet sockets' tap has had its copy (net/core/dev.c, __netif_receive_skb_core),
/// so that the host neither answers nor routes what Weir judges. Egress: only frames that have the port's mark leave, without it.
enum GuardProgram {
    /// Indices of the counters' map; each processor has counters of its own.
    enum Counter: UInt32, CaseIterable {
        /// Frames that came in and were kept from the host.
        case received
        /// Frames of Weir's that left.
        case sent
        /// Frames of the host's that were kept in.
        case silenced
        /// Frames that came in and were handed to the other port's interface.
        case carried
        /// Frames that the socket filter has not seen, while flows are carried or the ports can be joined.
        case unseen
        /// Frames that came in and were handed to the other port without any rule, since Weir has stepped aside or failed.
        case joined
    }

    /// The names by which the guard is known, to `bpftool` too.
    static let countersName = "weir_counters"
    static let noteName = "weir_note"

    static func name(_ side: HookSide) -> String {
        side == .ingress ? "weir_guard_in" : "weir_guard_out"
    }

    /// The value of the note's map: a length of 32 bits in the machine's order, then the note. One value and not several, since the kernel
    /// writes a value as a whole: a run may be killed at any moment.
    static let noteSizes = 4096...1 << 20
    static let noteHeader = 4

    /// `mark` in `struct __sk_buff`.
    private static let markOffset: Int16 = 8
    /// `BPF_FUNC_map_lookup_elem`.
    fileprivate static let mapLookup: Int32 = 1
    /// `BPF_FUNC_redirect`.
    private static let redirect: Int32 = 23
    /// `len` and `ifindex` in `struct __sk_buff`.
    private static let lengthOffset: Int16 = 0
    private static let interfaceOffset: Int16 = 40

    static func instructions(
        _ side: HookSide, of interface: Int32, counters: BPFMap, note: BPFMap?, flows: FlowMaps? = nil, join: PortJoin? = nil
    ) throws(AssemblyError) -> [weir_bpf_instruction] {
        var program = Assembler()
        // Read by nobody: naming it makes the note the program's own, so that it stays as long as the guard does.
        if let note { program.load(.r7, map: note) }
        switch side {
        case .ingress:
            if let slots = flows?.slots ?? join?.slots {
                carryOut(&program, slots, flows, join, counters)
            } else {
                program.count(.received, in: counters)
                program.move(.r0, .constant(TCXHook.Answer.drop))
            }
        case .egress:
            let isOurs = program.makeLabel()
            program.move(.r9, .register(.r1))
            program.load(.word, .r6, from: .r1, markOffset)
            program.jump(if: .r6, .equal, .constant(Int32(bitPattern: SendMark.of(interface))), to: isOurs, .word)
            if let join { join.expectMark(&program, .r6, of: interface, then: isOurs) }
            let isOthers = program.makeLabel()
            TunnelProgram.write(to: &program, others: isOthers)
            program.jump(to: isOurs)
            program.place(isOthers)
            program.count(.silenced, in: counters)
            program.move(.r0, .constant(TCXHook.Answer.drop))
            program.exit()
            program.place(isOurs)
            program.count(.sent, in: counters)
            // It has served. Beyond the port it would open other ports of this namespace, into which a veth or a bridge leads.
            program.move(.r2, 0)
            program.store(.word, .register(.r2), to: .r9, markOffset)
            program.move(.r0, .constant(TCXHook.Answer.next))
        }
        program.exit()
        return try program.assembled()
    }

    /// Carries out what the socket filter has decided on this very frame; without a decision the frame ends here, as all do that go up, or
    /// is handed to the other port if that is what shall become of frames when Weir fails.
    private static func carryOut(
        _ program: inout Assembler, _ slots: BPFMap, _ flows: FlowMaps?, _ join: PortJoin?, _ counters: BPFMap
    ) {
        typealias Slot = FlowMaps.Slot
        let (drops, unseen, carries, joins) = (program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel())
        program.move(.r6, .register(.r1))
        program.count(.received, in: counters)
        program.store(.word, 0, to: .frame, -4)
        program.lookUp(slots, key: -4)
        program.jump(if: .r0, .equal, 0, to: drops)
        program.move(.r7, .register(.r0))
        program.load(.word, .r8, from: .r7, Slot.decision)
        program.store(.word, 0, to: .r7, Slot.decision)
        program.jump(if: .r8, .equal, 0, to: unseen)
        program.load(.word, .r1, from: .r6, interfaceOffset)
        program.load(.word, .r2, from: .r7, Slot.interface)
        program.jump(if: .r1, .notEqual, .register(.r2), to: unseen)
        program.load(.word, .r1, from: .r6, lengthOffset)
        program.load(.word, .r2, from: .r7, Slot.length)
        program.jump(if: .r1, .notEqual, .register(.r2), to: unseen)
        if join != nil { program.jump(if: .r8, .equal, .constant(FlowMaps.Decision.join), to: joins) }
        if let flows {
            program.jump(if: .r8, .equal, .constant(FlowMaps.Decision.carry), to: carries)
            // It has passed the sockets: says so to the worker who waits for that.
            program.load(.word, .r1, from: .r7, Slot.entry)
            program.jump(if: .r1, .equal, .constant(FlowMaps.noEntry), to: drops, .word)
            program.store(.word, .register(.r1), to: .frame, -4)
            program.lookUp(flows.entries, key: -4)
            program.jump(if: .r0, .equal, 0, to: drops)
            program.move(.r1, 1)
            program.atomicAdd(.double, .r1, to: .r0, Int16(CarriedEntry.landed))
        }
        program.jump(to: drops)

        if flows != nil {
            program.place(carries)
            program.count(.carried, in: counters)
            program.load(.word, .r1, from: .r7, Slot.target)
            program.move(.r2, .register(.r1))
            program.apply(.multiply, to: .r2, .constant(Int32(bitPattern: SendMark.step)), .word)
            program.apply(.add, to: .r2, .constant(Int32(bitPattern: SendMark.offset)), .word)
            program.apply(.or, to: .r2, 1, .word)
            hand(&program)
        }
        program.place(unseen)
        program.count(.unseen, in: counters)
        if let join {
            join.expectOpen(&program, else: drops)
            program.place(joins)
            program.load(.word, .r1, from: .r6, interfaceOffset)
            join.loadOther(&program, else: drops)
            program.move(.r8, .register(.r1))
            program.move(.r9, .register(.r2))
            program.count(.joined, in: counters)
            program.move(.r1, .register(.r8))
            program.move(.r2, .register(.r9))
            hand(&program)
        }
        program.place(drops)
        program.move(.r0, .constant(TCXHook.Answer.drop))
    }

    /// Ends the program with the frame, whose context is in `r6`, leaving by the interface of the index in `r1`, under the mark in `r2`.
    private static func hand(_ program: inout Assembler) {
        program.store(.word, .register(.r2), to: .r6, markOffset)
        program.move(.r2, 0)
        program.call(redirect)
        program.exit()
    }
}

extension Assembler {
    /// Adds one to a counter of this processor.
    fileprivate mutating func count(_ counter: GuardProgram.Counter, in map: BPFMap) {
        let done = makeLabel()
        store(.word, .constant(Int32(counter.rawValue)), to: .frame, -4)
        load(.r1, map: map)
        move(.r2, .register(.frame))
        apply(.add, to: .r2, -4)
        call(GuardProgram.mapLookup)
        jump(if: .r0, .equal, 0, to: done)
        load(.double, .r1, from: .r0, 0)
        apply(.add, to: .r1, 1)
        store(.double, .register(.r1), to: .r0, 0)
        place(done)
    }
}
