import CLinux
import PacketIO

/// The two programs of a port's guard, and the maps that belong to them.
///
/// Ingress: every frame ends there, after the packet sockets' tap has had its copy (net/core/dev.c, __netif_receive_skb_core),
/// so that the host neither answers nor routes what Weir judges. Egress: only frames that carry Weir's mark leave.
enum GuardProgram {
    /// Indices of the counters' map; each processor has counters of its own.
    enum Counter: UInt32, CaseIterable {
        /// Frames that came in and were kept from the host.
        case received
        /// Frames of Weir's that left.
        case sent
        /// Frames of the host's that were kept in.
        case silenced
    }

    /// The names by which the guard is known, to `bpftool` too.
    static let countersName = "weir_counters"
    static let noteName = "weir_note"

    static func name(_ side: HookSide) -> String {
        side == .ingress ? "weir_guard_in" : "weir_guard_out"
    }

    /// The value of the note's map: a length of 32 bits in the machine's order, then the note.
    static let noteSize = 4096
    static let noteHeader = 4

    /// `mark` in `struct __sk_buff`.
    private static let markOffset: Int16 = 8
    /// `BPF_FUNC_map_lookup_elem`.
    fileprivate static let mapLookup: Int32 = 1

    static func instructions(
        _ side: HookSide, mark: UInt32, counters: BPFMap, note: BPFMap
    ) throws(AssemblyError) -> [weir_bpf_instruction] {
        var program = Assembler()
        // Read by nobody: naming it makes the note the program's own, so that it stays as long as the guard does.
        program.load(.r7, map: note)
        switch side {
        case .ingress:
            program.count(.received, in: counters)
            program.move(.r0, .constant(TCXHook.Answer.drop))
        case .egress:
            let isOurs = program.makeLabel()
            program.load(.word, .r6, from: .r1, markOffset)
            program.jump(if: .r6, .equal, .constant(Int32(bitPattern: mark)), to: isOurs, .word)
            let isOthers = program.makeLabel()
            TunnelProgram.write(to: &program, mark: mark, others: isOthers)
            program.jump(to: isOurs)
            program.place(isOthers)
            program.count(.silenced, in: counters)
            program.move(.r0, .constant(TCXHook.Answer.drop))
            program.exit()
            program.place(isOurs)
            program.count(.sent, in: counters)
            program.move(.r0, .constant(TCXHook.Answer.next))
        }
        program.exit()
        return try program.assembled()
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
