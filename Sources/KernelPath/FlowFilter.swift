import CLinux
import Flows

/// The program on the packet sockets of the two ports: looks up the flow of each frame, and decides whether the frame goes up to the worker
/// or is carried. The decision is carried out by the ingress program, to which the same frame comes next on the same processor.
///
/// A frame is carried if it is plain (unfragmented, no IP options or extension headers, no more than one tag), its flow has an entry of the
/// generation in force, and it changes nothing of what the rules said: TCP without SYN, FIN, RST and URG, and inside the windows by all four
/// bounds. Any other frame of a flow ends the carrying in the same step, so that what follows goes up after it, in order; but for fragments,
/// IP options and extension headers, whose flow is not looked up.
struct FlowFilter {
    // `enum bpf_func_id` (include/uapi/linux/bpf.h).
    static let mapLookup: Int32 = 1
    static let clock: Int32 = 5
    static let loadBytes: Int32 = 26

    // `struct __sk_buff`.
    static let length: Int16 = 0
    static let vlanPresent: Int16 = 20
    static let vlanTCI: Int16 = 24
    static let vlanProtocol: Int16 = 28
    static let interface: Int16 = 40
    static let segmentSize: Int16 = 176

    // The stack, from its end: a key of 32 bits, `CarriedKey`, numbers, the link and network headers, the transport header.
    static let index: Int16 = -4
    static let key: Int16 = -48
    static let side: Int16 = -52
    static let frameLength: Int16 = -56
    static let transportPlace: Int16 = -60
    static let transportLength: Int16 = -64
    static let packetLength: Int16 = -68
    static let headerLength: Int16 = -72
    static let isPlain: Int16 = -76
    static let checksumPlace: Int16 = -80
    /// So that the network header lies at a multiple of 8.
    static let link: Int16 = -142
    static let network: Int16 = link + 14
    static let transport: Int16 = -280
    static let pseudoSum: Int16 = -184
    static let time: Int16 = -192
    static let coverage: Int16 = -196
    /// What is read of a tunnel.
    static let inner: Int16 = -208
    /// The highest that a TCP segment acknowledges, its SACK blocks counted.
    static let highest: Int16 = -212
    /// In the key's place, once it has been looked up.
    static let savedSlot: Int16 = -48
    static let lockTries: Int32 = 256

    let context = Register.r6
    let slot = Register.r7
    let entry = Register.r8
    let maps: FlowMaps
    let join: PortJoin?
    var program = Assembler()
    /// The frame goes up, and has no entry.
    let up: Assembler.Label
    /// Its key is known.
    let found: Assembler.Label

    init(_ maps: FlowMaps, join: PortJoin? = nil) {
        self.maps = maps
        self.join = join
        up = program.makeLabel()
        found = program.makeLabel()
    }

    static func instructions(_ maps: FlowMaps, join: PortJoin? = nil) throws(AssemblyError) -> [weir_bpf_instruction] {
        var filter = FlowFilter(maps, join: join)
        filter.write()
        return try filter.program.assembled()
    }

    mutating func write() {
        let noSlot = program.makeLabel()
        program.move(context, .register(.r1))
        program.store(.word, 0, to: .frame, Self.index)
        program.lookUp(maps.slots, key: Self.index)
        program.jump(if: .r0, .equal, 0, to: noSlot)
        program.move(slot, .register(.r0))
        program.store(.word, .constant(FlowMaps.Decision.up), to: slot, FlowMaps.Slot.decision)
        program.store(.word, .constant(FlowMaps.noEntry), to: slot, FlowMaps.Slot.entry)
        program.load(.word, .r1, from: context, Self.interface)
        program.store(.word, .register(.r1), to: slot, FlowMaps.Slot.interface)
        program.load(.word, .r2, from: context, Self.length)
        program.store(.word, .register(.r2), to: slot, FlowMaps.Slot.length)
        program.store(.word, .register(.r2), to: .frame, Self.frameLength)
        if let join { leaveToKernel(join) }

        findSide()
        for place in stride(from: Self.key, to: 0, by: 8) { program.store(.double, 0, to: .frame, place) }
        readTag()
        readNetwork()
        program.place(found)
        lookUp()
        program.place(noSlot)
        program.place(up)
        // All of the frame.
        program.move(.r0, -1)
        program.exit()
    }

    /// Has the ingress program hand the frame to the other port where Weir has stepped aside or doesn't move. `r1` is the interface
    /// afterwards too.
    private mutating func leaveToKernel(_ join: PortJoin) {
        let (joined, isOurs) = (program.makeLabel(), program.makeLabel())
        join.expectWeir(&program, else: joined)
        program.load(.word, .r1, from: slot, FlowMaps.Slot.interface)
        program.jump(to: isOurs)
        program.place(joined)
        program.store(.word, .constant(FlowMaps.Decision.join), to: slot, FlowMaps.Slot.decision)
        program.move(.r0, 0)
        program.exit()
        program.place(isOurs)
    }

    /// `r1`: the interface. Writes the side, and sees that anything is carried at all.
    mutating func findSide() {
        let (near, far, known) = (program.makeLabel(), program.makeLabel(), program.makeLabel())
        program.load(.r2, valueOf: maps.control)
        program.load(.word, .r3, from: .r2, Int16(FlowMaps.Control.generation))
        program.jump(if: .r3, .equal, 0, to: up)
        program.load(.word, .r3, from: .r2, Int16(FlowMaps.Control.ports))
        program.jump(if: .r1, .equal, .register(.r3), to: near, .word)
        program.load(.word, .r3, from: .r2, Int16(FlowMaps.Control.ports + FlowMaps.Control.portSize))
        program.jump(if: .r1, .equal, .register(.r3), to: far, .word)
        program.jump(to: up)
        program.place(near)
        program.store(.word, 0, to: .frame, Self.side)
        program.jump(to: known)
        program.place(far)
        program.store(.word, 1, to: .frame, Self.side)
        program.place(known)
        program.store(.word, 1, to: .frame, Self.isPlain)
        program.store(.word, 0, to: .frame, Self.checksumPlace)
        program.store(.word, 0, to: .frame, Self.headerLength)
        program.store(.word, 0, to: .frame, Self.coverage)
        program.store(.double, 0, to: .frame, Self.pseudoSum)
        program.store(.double, 0, to: .frame, Self.time)
    }

    // MARK: The entry

    mutating func lookUp() {
        let (locked, again, goesUp, stops, unlock) = (
            program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel()
        )
        program.lookUp(maps.flows, key: Self.key)
        program.jump(if: .r0, .equal, 0, to: up)
        program.load(.word, .r9, from: .r0, 0)
        program.store(.word, .register(.r9), to: .frame, Self.index)
        program.lookUp(maps.entries, key: Self.index)
        program.jump(if: .r0, .equal, 0, to: up)
        program.move(entry, .register(.r0))
        // Whatever is decided.
        program.store(.word, .register(.r9), to: slot, FlowMaps.Slot.entry)

        // What takes long is not done under the lock, and not for a flow that isn't carried.
        let (isKnown, isCarried) = (program.makeLabel(), program.makeLabel())
        program.load(.word, .r1, from: entry, Int16(CarriedEntry.generation))
        program.jump(if: .r1, .notEqual, 0, to: isCarried)
        // Should it be carried from the next instant on, this frame has not been looked at.
        program.store(.word, 0, to: .frame, Self.isPlain)
        program.jump(to: isKnown)
        program.place(isCarried)
        program.load(.word, .r2, from: .frame, Self.isPlain)
        program.jump(if: .r2, .equal, 0, to: isKnown)
        checkSize()
        checkSum()
        program.call(Self.clock)
        program.store(.double, .register(.r0), to: .frame, Self.time)
        program.place(isKnown)

        program.store(.double, .register(slot), to: .frame, Self.savedSlot)
        program.move(.r9, .constant(Self.lockTries))
        program.place(again)
        program.move(.r0, 0)
        program.move(.r1, 1)
        program.compareExchange(.word, .r1, at: entry, Int16(CarriedEntry.lock))
        program.apply(.and, to: .r0, 1)
        program.jump(if: .r0, .equal, 0, to: locked)
        program.apply(.subtract, to: .r9, 1)
        program.jump(if: .r9, .notEqual, 0, to: again)
        // A worker was interrupted in the middle of its work on the entry.
        program.move(.r1, 1)
        program.atomicAdd(.double, .r1, to: entry, Int16(CarriedEntry.raised))
        program.store(.word, 0, to: entry, Int16(CarriedEntry.generation))
        program.jump(to: up)

        program.place(locked)
        program.load(.r2, valueOf: maps.control)
        program.load(.word, .r3, from: .r2, Int16(FlowMaps.Control.generation))
        program.load(.word, .r1, from: entry, Int16(CarriedEntry.generation))
        program.jump(if: .r1, .notEqual, .register(.r3), to: stops, .word)
        program.jump(if: .r1, .equal, 0, to: goesUp)
        program.load(.word, .r1, from: .frame, Self.isPlain)
        program.jump(if: .r1, .equal, 0, to: stops)
        checkWay(stops)
        advanceWindow(stops)
        carry(unlock)

        program.place(stops)
        program.store(.word, 0, to: entry, Int16(CarriedEntry.generation))
        program.place(goesUp)
        program.move(.r1, 1)
        program.atomicAdd(.double, .r1, to: entry, Int16(CarriedEntry.raised))
        release()
        program.jump(to: up)

        program.place(unlock)
        release()
        program.load(.double, .r7, from: .frame, Self.savedSlot)
        loadOther(.r1, FlowMaps.Control.index)
        program.store(.word, .register(.r1), to: slot, FlowMaps.Slot.target)
        program.store(.word, .constant(FlowMaps.Decision.carry), to: slot, FlowMaps.Slot.decision)
        program.move(.r0, 0)
        program.exit()
    }

    /// Loads a field of the other port. `r1` and `r2` are lost.
    mutating func loadOther(_ register: Register, _ field: Int) {
        program.load(.r2, valueOf: maps.control)
        program.load(.word, .r1, from: .frame, Self.side)
        program.apply(.exclusiveOr, to: .r1, 1)
        program.apply(.and, to: .r1, 1)
        program.apply(.shiftLeft, to: .r1, 3)
        program.apply(.add, to: .r2, .register(.r1))
        program.load(.word, register, from: .r2, Int16(FlowMaps.Control.ports + field))
    }

    mutating func release() {
        program.move(.r1, 0)
        program.exchange(.word, .r1, at: entry, Int16(CarriedEntry.lock))
    }

    /// Under the lock: the direction is carried, and comes from where it did. `r9` is the block of the frame's side after it.
    mutating func checkWay(_ stops: Assembler.Label) {
        let addresses = program.makeLabel()
        program.load(.word, .r1, from: .frame, Self.side)
        program.apply(.and, to: .r1, 1)
        program.move(.r2, .register(.r1))
        program.apply(.add, to: .r2, 1)
        program.load(.word, .r3, from: entry, Int16(CarriedEntry.flags))
        program.move(.r4, .register(.r3))
        program.apply(.and, to: .r4, .register(.r2))
        program.jump(if: .r4, .equal, 0, to: stops)
        program.apply(.shiftLeft, to: .r1, 6)
        program.move(.r9, .register(entry))
        program.apply(.add, to: .r9, .register(.r1))
        program.apply(.add, to: .r9, .constant(Int32(CarriedEntry.sides)))
        program.apply(.and, to: .r3, .constant(Int32(CarriedEntry.Flag.checksMAC)))
        program.jump(if: .r3, .equal, 0, to: addresses)
        for (stack, place, width): (Int16, Int, Width) in [
            (0, CarriedEntry.Side.macStart, .half), (10, CarriedEntry.Side.macEnd, .half), (2, CarriedEntry.Side.macFirst, .word),
            (6, CarriedEntry.Side.macSecond, .word),
        ] {
            program.load(width, .r1, from: .frame, Self.link + stack)
            program.load(width, .r2, from: .r9, Int16(place))
            program.jump(if: .r1, .notEqual, .register(.r2), to: stops)
        }
        program.place(addresses)
    }

    /// Counts the frame.
    mutating func carry(_ next: Assembler.Label) {
        func add(_ program: inout Assembler, _ place: Int, _ amount: (inout Assembler) -> Void) {
            program.load(.double, .r1, from: .r9, Int16(place))
            amount(&program)
            program.store(.double, .register(.r1), to: .r9, Int16(place))
        }
        add(&program, CarriedEntry.Side.frames) { $0.apply(.add, to: .r1, 1) }
        add(&program, CarriedEntry.Side.packetBytes) {
            $0.load(.word, .r2, from: .frame, Self.packetLength)
            $0.apply(.add, to: .r1, .register(.r2))
        }
        add(&program, CarriedEntry.Side.frameBytes) {
            $0.load(.word, .r2, from: .frame, Self.frameLength)
            $0.apply(.add, to: .r1, .register(.r2))
        }
        program.load(.double, .r1, from: .frame, Self.time)
        program.store(.double, .register(.r1), to: entry, Int16(CarriedEntry.lastSeen))
        program.jump(to: next)
    }
}

extension Assembler {
    /// `r0` = the address of the element that a key on the stack leads to; 0 if there is none.
    mutating func lookUp(_ map: BPFMap, key: Int16) {
        load(.r1, map: map)
        move(.r2, .register(.frame))
        apply(.add, to: .r2, .constant(Int32(key)))
        call(FlowFilter.mapLookup)
    }
}
