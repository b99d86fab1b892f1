import CLinux
import Flows

/// The program on the packet sockets of the two ports: looks up the flow of each frame, and decides whether the frame goes up to the worker
/// or is carried. The decision is carried out by the ingress program, to which the same frame comes next on the same processor.
///
/// A frame is carried if it is plain (unfragmented, no IP options or extension headers, no more than one tag), its flow has an entry of the
/// generation in force, and it changes nothing of what the rules said: TCP without SYN, FIN, RST and URG, and inside the windows by all four
/// bounds. Any other frame of a flow ends the carrying in the same step, so that what follows goes up after it, in order.
struct FlowFilter {
    // `enum bpf_func_id` (include/uapi/linux/bpf.h).
    static let mapLookup: Int32 = 1
    static let clock: Int32 = 5
    static let loadBytes: Int32 = 26

    // `struct __sk_buff`.
    private static let length: Int16 = 0
    private static let vlanPresent: Int16 = 20
    private static let vlanTCI: Int16 = 24
    private static let vlanProtocol: Int16 = 28
    static let interface: Int16 = 40
    private static let segmentSize: Int16 = 176

    // The stack, from its end: a key of 32 bits, `CarriedKey`, numbers, the link and network headers, the transport header.
    private static let index: Int16 = -4
    private static let key: Int16 = -48
    private static let side: Int16 = -52
    private static let frameLength: Int16 = -56
    private static let transportPlace: Int16 = -60
    private static let transportLength: Int16 = -64
    private static let packetLength: Int16 = -68
    private static let headerLength: Int16 = -72
    private static let isPlain: Int16 = -76
    private static let checksumPlace: Int16 = -80
    /// So that the network header lies at a multiple of 8.
    private static let link: Int16 = -142
    private static let network: Int16 = link + 14
    private static let transport: Int16 = -176
    private static let pseudoSum: Int16 = -184
    private static let time: Int16 = -192
    private static let coverage: Int16 = -196
    /// In the key's place, once it has been looked up.
    private static let savedSlot: Int16 = -48
    private static let lockTries: Int32 = 256

    private let context = Register.r6
    private let slot = Register.r7
    private let entry = Register.r8
    private let maps: FlowMaps
    private var program = Assembler()
    /// The frame goes up, and has no entry.
    private let up: Assembler.Label
    /// Its key is known.
    private let found: Assembler.Label

    init(_ maps: FlowMaps) {
        self.maps = maps
        up = program.makeLabel()
        found = program.makeLabel()
    }

    static func instructions(_ maps: FlowMaps) throws(AssemblyError) -> [weir_bpf_instruction] {
        var filter = FlowFilter(maps)
        filter.write()
        return try filter.program.assembled()
    }

    private mutating func write() {
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

    /// `r1`: the interface. Writes the side, and sees that anything is carried at all.
    private mutating func findSide() {
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

    private mutating func readTag() {
        let (none, first, second) = (program.makeLabel(), program.makeLabel(), program.makeLabel())
        program.load(.word, .r1, from: context, Self.vlanPresent)
        program.jump(if: .r1, .equal, 0, to: none)
        program.load(.word, .r1, from: context, Self.vlanTCI)
        program.apply(.and, to: .r1, 0xfff)
        // A tag that names no VLAN counts for nothing, and is looked at by the worker.
        program.jump(if: .r1, .equal, 0, to: up)
        program.store(.half, .register(.r1), to: .frame, Self.key + Int16(CarriedKey.vlan))
        program.load(.word, .r1, from: context, Self.vlanProtocol)
        program.jump(if: .r1, .equal, .constant(Int32(UInt16(0x8100).bigEndian)), to: first)
        program.jump(if: .r1, .equal, .constant(Int32(UInt16(0x88a8).bigEndian)), to: second)
        program.jump(to: up)
        program.place(first)
        program.store(.byte, 1, to: .frame, Self.key + Int16(CarriedKey.tagKind))
        program.jump(to: none)
        program.place(second)
        program.store(.byte, 2, to: .frame, Self.key + Int16(CarriedKey.tagKind))
        program.place(none)
    }

    // MARK: Headers

    private mutating func readNetwork() {
        let six = program.makeLabel()
        read(34, at: .constant(0), to: Self.link)
        program.load(.half, .r1, from: .frame, Self.link + 12)
        program.jump(if: .r1, .equal, .constant(Int32(UInt16(0x86dd).bigEndian)), to: six)
        program.jump(if: .r1, .notEqual, .constant(Int32(UInt16(0x0800).bigEndian)), to: up)
        readIPv4()
        program.place(six)
        readIPv6()
    }

    private mutating func readIPv4() {
        program.load(.byte, .r1, from: .frame, Self.network)
        program.jump(if: .r1, .notEqual, 0x45, to: up)
        program.load(.half, .r1, from: .frame, Self.network + 6)
        program.convertBigEndian(.r1, bits: 16)
        program.jump(if: .r1, .anyBit, 0xbfff, to: up)
        program.load(.half, .r1, from: .frame, Self.network + 2)
        program.convertBigEndian(.r1, bits: 16)
        program.store(.word, .register(.r1), to: .frame, Self.packetLength)
        program.move(.r2, .register(.r1))
        program.apply(.add, to: .r2, 14)
        program.load(.word, .r3, from: .frame, Self.frameLength)
        program.jump(if: .r2, .greater, .register(.r3), to: up)
        program.jump(if: .r1, .less, 24, to: up)
        program.apply(.subtract, to: .r1, 20)
        program.store(.word, .register(.r1), to: .frame, Self.transportLength)
        program.store(.word, 34, to: .frame, Self.transportPlace)
        program.store(.byte, 4, to: .frame, Self.key + Int16(CarriedKey.version))
        program.load(.word, .r1, from: .frame, Self.network + 12)
        program.load(.word, .r2, from: .frame, Self.network + 16)
        program.move(.r4, .register(.r1))
        program.apply(.add, to: .r4, .register(.r2))
        program.store(.double, .register(.r4), to: .frame, Self.pseudoSum)
        swap(.r1, .r2)
        program.store(.word, .register(.r1), to: .frame, Self.key)
        program.store(.word, .register(.r2), to: .frame, Self.key + 16)
        program.load(.byte, .r1, from: .frame, Self.network + 9)
        readTransport(icmp: 1, request: 8, answer: 0, hasPseudoHeader: false)
    }

    private mutating func readIPv6() {
        read(54, at: .constant(0), to: Self.link)
        program.load(.byte, .r1, from: .frame, Self.network)
        program.apply(.shiftRight, to: .r1, 4)
        program.jump(if: .r1, .notEqual, 6, to: up)
        program.load(.half, .r1, from: .frame, Self.network + 4)
        program.convertBigEndian(.r1, bits: 16)
        program.jump(if: .r1, .less, 4, to: up)
        program.store(.word, .register(.r1), to: .frame, Self.transportLength)
        program.apply(.add, to: .r1, 40)
        program.store(.word, .register(.r1), to: .frame, Self.packetLength)
        program.apply(.add, to: .r1, 14)
        program.load(.word, .r3, from: .frame, Self.frameLength)
        program.jump(if: .r1, .greater, .register(.r3), to: up)
        program.store(.word, 54, to: .frame, Self.transportPlace)
        program.store(.byte, 6, to: .frame, Self.key + Int16(CarriedKey.version))
        program.move(.r4, 0)
        for offset: Int16 in stride(from: 8, to: 40, by: 4) {
            program.load(.word, .r1, from: .frame, Self.network + offset)
            program.apply(.add, to: .r4, .register(.r1))
        }
        program.store(.double, .register(.r4), to: .frame, Self.pseudoSum)
        for half: Int16 in [0, 8] {
            program.load(.double, .r1, from: .frame, Self.network + 8 + half)
            program.load(.double, .r2, from: .frame, Self.network + 24 + half)
            swap(.r1, .r2)
            program.store(.double, .register(.r1), to: .frame, Self.key + half)
            program.store(.double, .register(.r2), to: .frame, Self.key + 16 + half)
        }
        program.load(.byte, .r1, from: .frame, Self.network + 6)
        readTransport(icmp: 58, request: 128, answer: 129, hasPseudoHeader: true)
    }

    /// Exchanges two registers if the frame came by the second port. `r3` and `r5` are lost.
    private mutating func swap(_ first: Register, _ second: Register) {
        let end = program.makeLabel()
        program.load(.word, .r3, from: .frame, Self.side)
        program.jump(if: .r3, .equal, 0, to: end)
        program.move(.r5, .register(first))
        program.move(first, .register(second))
        program.move(second, .register(.r5))
        program.place(end)
    }

    /// `r1`: the protocol. Goes on at `found`, or at `up` for what no entry can be of.
    private mutating func readTransport(icmp: Int32, request: Int32, answer: Int32, hasPseudoHeader: Bool) {
        let (tcp, udp, lite, echo, gre) = (
            program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel()
        )
        program.store(.byte, .register(.r1), to: .frame, Self.key + Int16(CarriedKey.transportProtocol))
        // The pseudo header's protocol and length; those of the whole, whatever UDP-Lite's checksum covers.
        program.load(.word, .r2, from: .frame, Self.transportLength)
        // Both in the order of the network, in 16 bits each.
        program.move(.r4, .register(.r1))
        program.convertBigEndian(.r4, bits: 16)
        program.convertBigEndian(.r2, bits: 16)
        program.load(.double, .r3, from: .frame, Self.pseudoSum)
        program.apply(.add, to: .r3, .register(.r4))
        program.apply(.add, to: .r3, .register(.r2))
        program.store(.double, .register(.r3), to: .frame, Self.pseudoSum)
        program.jump(if: .r1, .equal, 6, to: tcp)
        program.jump(if: .r1, .equal, 17, to: udp)
        program.jump(if: .r1, .equal, 136, to: lite)
        program.jump(if: .r1, .equal, .constant(icmp), to: echo)
        program.jump(if: .r1, .equal, 47, to: gre)
        for number: Int32 in [0, 1, 33, 43, 44, 51, 58, 59, 60, 132, 135, 139, 140, 253, 254] {
            program.jump(if: .r1, .equal, .constant(number), to: up)
        }
        program.jump(to: found)

        program.place(gre)
        readTransportHeader(4, minimum: 4)
        program.load(.byte, .r1, from: .frame, Self.transport + 1)
        // PPTP's has a call of its own.
        program.jump(if: .r1, .anyBit, 7, to: up)
        program.jump(to: found)

        program.place(echo)
        readEcho(request, answer, hasPseudoHeader: hasPseudoHeader)
        program.place(tcp)
        readTCP()
        program.place(lite)
        readDatagram(isLite: true)
        program.place(udp)
        readDatagram(isLite: false)
    }

    private mutating func readEcho(_ request: Int32, _ answer: Int32, hasPseudoHeader: Bool) {
        let (asks, answers, both) = (program.makeLabel(), program.makeLabel(), program.makeLabel())
        readTransportHeader(8, minimum: 8)
        program.load(.byte, .r1, from: .frame, Self.transport)
        program.load(.word, .r2, from: .frame, Self.side)
        program.jump(if: .r1, .equal, .constant(request), to: asks)
        program.jump(if: .r1, .equal, .constant(answer), to: answers)
        program.jump(to: up)
        program.place(answers)
        program.apply(.exclusiveOr, to: .r2, 1)
        program.place(asks)
        program.place(both)
        program.store(.byte, .register(.r2), to: .frame, Self.key + Int16(CarriedKey.farPort))
        program.load(.byte, .r1, from: .frame, Self.transport + 1)
        program.store(.byte, .register(.r1), to: .frame, Self.key + Int16(CarriedKey.farPort) + 1)
        program.load(.half, .r1, from: .frame, Self.transport + 4)
        program.store(.half, .register(.r1), to: .frame, Self.key + Int16(CarriedKey.nearPort))
        if !hasPseudoHeader { program.store(.double, 0, to: .frame, Self.pseudoSum) }
        program.store(.word, 2, to: .frame, Self.checksumPlace)
        coverAll()
        program.jump(to: found)
    }

    private mutating func readPorts() {
        program.load(.half, .r1, from: .frame, Self.transport)
        program.load(.half, .r2, from: .frame, Self.transport + 2)
        swap(.r1, .r2)
        program.store(.half, .register(.r1), to: .frame, Self.key + Int16(CarriedKey.nearPort))
        program.store(.half, .register(.r2), to: .frame, Self.key + Int16(CarriedKey.farPort))
    }

    private mutating func coverAll() {
        program.load(.word, .r1, from: .frame, Self.transportLength)
        program.store(.word, .register(.r1), to: .frame, Self.coverage)
    }

    private mutating func readTCP() {
        let (plain, odd) = (program.makeLabel(), program.makeLabel())
        readTransportHeader(20, minimum: 20)
        readPorts()
        coverAll()
        program.store(.word, 16, to: .frame, Self.checksumPlace)
        program.load(.byte, .r1, from: .frame, Self.transport + 12)
        program.apply(.shiftRight, to: .r1, 4)
        program.apply(.shiftLeft, to: .r1, 2)
        program.store(.word, .register(.r1), to: .frame, Self.headerLength)
        program.jump(if: .r1, .less, 20, to: odd)
        program.load(.word, .r2, from: .frame, Self.transportLength)
        program.jump(if: .r1, .greater, .register(.r2), to: odd)
        // ACK, and none of FIN, SYN, RST, URG.
        program.load(.byte, .r3, from: .frame, Self.transport + 13)
        program.apply(.and, to: .r3, 0x37)
        program.jump(if: .r3, .notEqual, 0x10, to: odd)
        program.jump(if: .r1, .equal, 20, to: plain)
        // Timestamps, where every segment of a connection has them (RFC 7323, appendix A); other options go up, SACK among them.
        program.jump(if: .r1, .notEqual, 32, to: odd)
        read(32, at: .register(.r2), to: Self.transport, place: Self.transportPlace)
        program.load(.word, .r1, from: .frame, Self.transport + 20)
        program.jump(if: .r1, .equal, .constant(Int32(UInt32(0x0101_080a).bigEndian)), to: plain)
        program.place(odd)
        program.store(.word, 0, to: .frame, Self.isPlain)
        program.place(plain)
        program.jump(to: found)
    }

    private mutating func readDatagram(isLite: Bool) {
        let (sound, odd, whole) = (program.makeLabel(), program.makeLabel(), program.makeLabel())
        readTransportHeader(8, minimum: 8)
        readPorts()
        program.store(.word, 8, to: .frame, Self.headerLength)
        program.load(.half, .r1, from: .frame, Self.transport + 4)
        program.convertBigEndian(.r1, bits: 16)
        program.load(.word, .r2, from: .frame, Self.transportLength)
        if isLite {
            program.jump(if: .r1, .notEqual, 0, to: whole)
            program.move(.r1, .register(.r2))
            program.place(whole)
            program.load(.half, .r3, from: .frame, Self.transport + 6)
            program.jump(if: .r3, .equal, 0, to: odd)
        }
        program.jump(if: .r1, .less, 8, to: odd)
        program.jump(if: .r1, .greater, .register(.r2), to: odd)
        if !isLite {
            // All of the packet: conntrack sums what IP says.
            program.move(.r1, .register(.r2))
            program.load(.half, .r3, from: .frame, Self.transport + 6)
            // No checksum (RFC 768).
            program.jump(if: .r3, .equal, 0, to: sound)
        }
        program.store(.word, .register(.r1), to: .frame, Self.coverage)
        program.store(.word, 6, to: .frame, Self.checksumPlace)
        program.jump(to: sound)
        program.place(odd)
        program.store(.word, 0, to: .frame, Self.isPlain)
        program.place(sound)
        program.jump(to: found)
    }

    private mutating func readTransportHeader(_ count: Int32, minimum: Int32) {
        program.load(.word, .r2, from: .frame, Self.transportLength)
        program.jump(if: .r2, .less, .constant(minimum), to: up)
        read(count, at: .register(.r2), to: Self.transport, place: Self.transportPlace)
    }

    /// `bpf_skb_load_bytes`; a frame that is too short goes up.
    private mutating func read(_ count: Int32, at offset: Operand, to stack: Int16, place: Int16? = nil) {
        program.move(.r1, .register(context))
        if let place { program.load(.word, .r2, from: .frame, place) } else { program.move(.r2, offset) }
        program.move(.r3, .register(.frame))
        program.apply(.add, to: .r3, .constant(Int32(stack)))
        program.move(.r4, .constant(count))
        program.call(Self.loadBytes)
        program.jump(if: .r0, .notEqual, 0, to: up)
    }

    // MARK: The entry

    private mutating func lookUp() {
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
        // The other port's interface.
        program.load(.r2, valueOf: maps.control)
        program.load(.word, .r1, from: .frame, Self.side)
        program.apply(.exclusiveOr, to: .r1, 1)
        program.apply(.and, to: .r1, 1)
        program.apply(.shiftLeft, to: .r1, 3)
        program.apply(.add, to: .r2, .register(.r1))
        program.load(.word, .r1, from: .r2, Int16(FlowMaps.Control.ports))
        program.store(.word, .register(.r1), to: slot, FlowMaps.Slot.target)
        program.store(.word, .constant(FlowMaps.Decision.carry), to: slot, FlowMaps.Slot.decision)
        program.move(.r0, 0)
        program.exit()
    }

    private mutating func release() {
        program.move(.r1, 0)
        program.exchange(.word, .r1, at: entry, Int16(CarriedEntry.lock))
    }

    /// A frame that doesn't fit the other port is not plain.
    private mutating func checkSize() {
        let (segments, fits, tooLong, tcp) = (program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel())
        program.load(.r2, valueOf: maps.control)
        program.load(.word, .r1, from: .frame, Self.side)
        program.apply(.exclusiveOr, to: .r1, 1)
        program.apply(.and, to: .r1, 1)
        program.apply(.shiftLeft, to: .r1, 3)
        program.apply(.add, to: .r2, .register(.r1))
        program.load(.word, .r3, from: .r2, Int16(FlowMaps.Control.ports + FlowMaps.Control.mtu))
        program.load(.word, .r4, from: context, Self.segmentSize)
        program.jump(if: .r4, .notEqual, 0, to: segments)
        program.load(.word, .r4, from: .frame, Self.frameLength)
        program.apply(.subtract, to: .r4, 14)
        program.jump(if: .r4, .greater, .register(.r3), to: tooLong)
        program.jump(to: fits)
        program.place(segments)
        // Each segment has the headers again.
        program.load(.word, .r1, from: .frame, Self.transportPlace)
        program.apply(.add, to: .r4, .register(.r1))
        program.apply(.subtract, to: .r4, 14)
        program.load(.word, .r1, from: .frame, Self.headerLength)
        program.apply(.add, to: .r4, .register(.r1))
        program.load(.byte, .r1, from: .frame, Self.key + Int16(CarriedKey.transportProtocol))
        program.jump(if: .r1, .equal, 6, to: tcp)
        // What is in a tunnel, if this is one, is not known: as much as an Ethernet header, a tunnel's, IPv6's and TCP's may have.
        program.apply(.add, to: .r4, 160)
        program.place(tcp)
        program.jump(if: .r4, .lessOrEqual, .register(.r3), to: fits)
        program.place(tooLong)
        program.store(.word, 0, to: .frame, Self.isPlain)
        program.place(fits)
    }

    /// Only frames of one segment are looked at: receive offload has verified what it has merged.
    private mutating func checkSum() {
        let (end, wrong, loop, done, compute) = (
            program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel()
        )
        program.load(.word, .r1, from: entry, Int16(CarriedEntry.flags))
        program.jump(if: .r1, .anyBit, .constant(Int32(CarriedEntry.Flag.verifiesChecksum)), to: compute)
        program.jump(to: end)
        program.place(compute)
        program.load(.word, .r1, from: .frame, Self.checksumPlace)
        program.jump(if: .r1, .equal, 0, to: end)
        program.load(.word, .r1, from: context, Self.segmentSize)
        program.jump(if: .r1, .notEqual, 0, to: end)
        program.load(.double, .r9, from: .frame, Self.pseudoSum)
        fold(.r9)
        // Left to hardware: the pseudo header's sum and nothing else. ICMP for IPv4 has none.
        let sum = program.makeLabel()
        program.load(.byte, .r1, from: .frame, Self.key + Int16(CarriedKey.transportProtocol))
        program.jump(if: .r1, .equal, 1, to: sum)
        program.jump(if: .r1, .equal, 58, to: sum)
        let (isTCP, field) = (program.makeLabel(), program.makeLabel())
        program.jump(if: .r1, .equal, 6, to: isTCP)
        program.load(.half, .r2, from: .frame, Self.transport + 6)
        program.jump(to: field)
        program.place(isTCP)
        program.load(.half, .r2, from: .frame, Self.transport + 16)
        program.place(field)
        program.jump(if: .r2, .equal, .register(.r9), to: end)
        program.place(sum)

        program.load(.word, .r1, from: .frame, Self.coverage)
        program.jump(if: .r1, .equal, 0, to: wrong)
        program.jump(if: .r1, .greater, .constant(FlowMaps.scratchLimit), to: wrong)
        program.store(.word, 0, to: .frame, Self.index)
        program.lookUp(maps.scratch, key: Self.index)
        program.jump(if: .r0, .equal, 0, to: wrong)
        program.store(.double, .register(.r0), to: .frame, Self.time)
        program.move(.r3, .register(.r0))
        program.load(.word, .r4, from: .frame, Self.coverage)
        program.jump(if: .r4, .equal, 0, to: wrong)
        program.jump(if: .r4, .greater, .constant(FlowMaps.scratchLimit), to: wrong)
        // What is added beyond the end is 0.
        program.move(.r5, .register(.r3))
        program.apply(.add, to: .r5, .register(.r4))
        for offset in 0..<32 as Range<Int16> { program.store(.byte, 0, to: .r5, offset) }
        program.move(.r1, .register(context))
        program.load(.word, .r2, from: .frame, Self.transportPlace)
        program.call(Self.loadBytes)
        program.jump(if: .r0, .notEqual, 0, to: wrong)
        program.load(.double, .r3, from: .frame, Self.time)
        program.load(.word, .r4, from: .frame, Self.coverage)
        program.move(.r5, 0)
        program.place(loop)
        program.jump(if: .r5, .greaterOrEqual, .register(.r4), to: done)
        program.jump(if: .r5, .greaterOrEqual, .constant(FlowMaps.scratchLimit), to: done)
        program.move(.r1, .register(.r3))
        program.apply(.add, to: .r1, .register(.r5))
        for word: Int16 in stride(from: 0, to: 32, by: 4) {
            program.load(.word, .r2, from: .r1, word)
            program.apply(.add, to: .r9, .register(.r2))
        }
        program.apply(.add, to: .r5, 32)
        program.jump(to: loop)
        program.place(done)
        fold(.r9)
        program.jump(if: .r9, .equal, 0xffff, to: end)
        program.place(wrong)
        program.store(.word, 0, to: .frame, Self.isPlain)
        program.place(end)
    }

    /// The sum of words as one of 16 bits, in ones' complement.
    private mutating func fold(_ sum: Register) {
        program.move(.r1, .register(sum))
        program.apply(.shiftRight, to: .r1, 32)
        program.apply(.shiftLeft, to: sum, 32)
        program.apply(.shiftRight, to: sum, 32)
        program.apply(.add, to: sum, .register(.r1))
        for _ in 0..<3 {
            program.move(.r1, .register(sum))
            program.apply(.shiftRight, to: .r1, 16)
            program.apply(.and, to: sum, 0xffff)
            program.apply(.add, to: sum, .register(.r1))
        }
    }

    /// Under the lock: the direction is carried, and comes from where it did. `r9` is the block of the frame's side after it.
    private mutating func checkWay(_ stops: Assembler.Label) {
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
    private mutating func carry(_ next: Assembler.Label) {
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

// MARK: TCP

extension FlowFilter {
    /// `tcp_in_window`, for a segment with ACK and none of SYN, FIN, RST and URG, in an established connection of which both sides are known:
    /// what `TCPConnection.checkWindow` says of it. `r9`: the sender's block; `r7` becomes the receiver's.
    private mutating func advanceWindow(_ stops: Assembler.Label) {
        typealias Side = CarriedEntry.Side
        let end = program.makeLabel()
        let tracked = program.makeLabel()
        let (sender, receiver): (Register, Register) = (.r9, .r7)
        let (sequence, last, acknowledged): (Register, Register, Register) = (.r1, .r2, .r3)
        program.load(.word, .r1, from: entry, Int16(CarriedEntry.flags))
        program.jump(if: .r1, .anyBit, .constant(Int32(CarriedEntry.Flag.tracksWindow)), to: tracked)
        program.jump(to: end)
        program.place(tracked)
        program.load(.word, .r1, from: .frame, Self.side)
        program.apply(.exclusiveOr, to: .r1, 1)
        program.apply(.and, to: .r1, 1)
        program.apply(.shiftLeft, to: .r1, 6)
        program.move(receiver, .register(entry))
        program.apply(.add, to: receiver, .register(.r1))
        program.apply(.add, to: receiver, .constant(Int32(CarriedEntry.sides)))

        program.load(.word, sequence, from: .frame, Self.transport + 4)
        program.convertBigEndian(sequence, bits: 32)
        program.load(.word, acknowledged, from: .frame, Self.transport + 8)
        program.convertBigEndian(acknowledged, bits: 32)
        program.load(.word, last, from: .frame, Self.transportLength)
        program.load(.word, .r4, from: .frame, Self.headerLength)
        program.apply(.subtract, to: last, .register(.r4), .word)
        program.apply(.add, to: last, .register(sequence), .word)

        // I: sequence before sender.maxEnd + 1.
        program.load(.word, .r4, from: sender, Int16(Side.maxEnd))
        program.apply(.add, to: .r4, 1, .word)
        program.move(.r5, .register(sequence))
        program.apply(.subtract, to: .r5, .register(.r4), .word)
        program.jump(if: .r5, .greaterSigned, -1, to: stops, .word)
        // III: acknowledged before receiver.end + 1.
        program.load(.word, .r4, from: receiver, Int16(Side.end))
        program.apply(.add, to: .r4, 1, .word)
        program.move(.r5, .register(acknowledged))
        program.apply(.subtract, to: .r5, .register(.r4), .word)
        program.jump(if: .r5, .greaterSigned, -1, to: stops, .word)
        // II: end after sender.end − receiver.maxWindow − 1.
        program.load(.word, .r4, from: sender, Int16(Side.end))
        program.load(.word, .r5, from: receiver, Int16(Side.maxWindow))
        program.apply(.subtract, to: .r4, .register(.r5), .word)
        program.apply(.subtract, to: .r4, 1, .word)
        program.apply(.subtract, to: .r4, .register(last), .word)
        program.jump(if: .r4, .greaterSigned, -1, to: stops, .word)
        // IV: acknowledged after receiver.end − max(sender.maxWindow, 66000) − 1.
        let large = program.makeLabel()
        program.load(.word, .r4, from: receiver, Int16(Side.end))
        program.load(.word, .r5, from: sender, Int16(Side.maxWindow))
        program.jump(if: .r5, .greater, 66_000, to: large)
        program.move(.r5, 66_000)
        program.place(large)
        program.apply(.subtract, to: .r4, .register(.r5), .word)
        program.apply(.subtract, to: .r4, 1, .word)
        program.apply(.subtract, to: .r4, .register(acknowledged), .word)
        program.jump(if: .r4, .greaterSigned, -1, to: stops, .word)

        countRetransmission(sender, last, acknowledged)
        advance(sender, receiver, last, acknowledged)
        program.place(end)
    }

    /// As `TCPConnection.countRetransmission`, before the sender's state changes. `r1`, `r4` and `r5` are lost, `r0` too.
    private mutating func countRetransmission(_ sender: Register, _ last: Register, _ acknowledged: Register) {
        typealias Side = CarriedEntry.Side
        let (differs, done, isEmpty) = (program.makeLabel(), program.makeLabel(), program.makeLabel())
        // r4: the digest of the length.
        program.load(.word, .r4, from: .frame, Self.transportLength)
        program.load(.word, .r5, from: .frame, Self.headerLength)
        program.apply(.subtract, to: .r4, .register(.r5), .word)
        program.jump(if: .r4, .equal, 0, to: isEmpty)
        program.apply(.modulo, to: .r4, 15, .word)
        program.apply(.add, to: .r4, 1, .word)
        program.place(isEmpty)
        // r0: the window as it stands.
        program.load(.half, .r0, from: .frame, Self.transport + 14)
        program.convertBigEndian(.r0, bits: 16)
        program.load(.word, .r5, from: .frame, Self.side)
        func compare(_ program: inout Assembler, _ base: Register, _ place: Int, _ value: Register) {
            program.load(.word, .r1, from: base, Int16(place))
            program.jump(if: .r1, .notEqual, .register(value), to: differs, .word)
        }
        compare(&program, entry, CarriedEntry.lastSide, .r5)
        compare(&program, entry, CarriedEntry.lastEnd, last)
        compare(&program, entry, CarriedEntry.lastWindow, .r0)
        compare(&program, entry, CarriedEntry.lastLength, .r4)
        compare(&program, sender, Side.maxAck, acknowledged)
        program.load(.word, .r1, from: sender, Int16(Side.flags))
        program.apply(.and, to: .r1, .constant(Int32(CarriedEntry.PeerFlag.hasMaxAck)))
        program.jump(if: .r1, .equal, 0, to: differs)
        program.load(.word, .r1, from: entry, Int16(CarriedEntry.retransmissions))
        program.jump(if: .r1, .greaterOrEqual, 255, to: done)
        program.apply(.add, to: .r1, 1)
        program.store(.word, .register(.r1), to: entry, Int16(CarriedEntry.retransmissions))
        program.jump(to: done)
        program.place(differs)
        program.store(.word, .register(.r5), to: entry, Int16(CarriedEntry.lastSide))
        program.store(.word, .register(last), to: entry, Int16(CarriedEntry.lastEnd))
        program.store(.word, .register(.r0), to: entry, Int16(CarriedEntry.lastWindow))
        program.store(.word, .register(.r4), to: entry, Int16(CarriedEntry.lastLength))
        program.store(.word, 0, to: entry, Int16(CarriedEntry.retransmissions))
        program.place(done)
    }

    /// Takes over what the segment says.
    private mutating func advance(_ sender: Register, _ receiver: Register, _ last: Register, _ acknowledged: Register) {
        typealias Side = CarriedEntry.Side
        typealias Flag = CarriedEntry.PeerFlag
        // r0: the scaled window.
        program.load(.half, .r0, from: .frame, Self.transport + 14)
        program.convertBigEndian(.r0, bits: 16)
        program.load(.word, .r1, from: sender, Int16(Side.scale))
        program.apply(.and, to: .r1, 15)
        program.apply(.shiftLeft, to: .r0, .register(.r1), .word)
        let (narrow, seen, known, inside, enough, open, unacknowledged) = (
            program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(),
            program.makeLabel()
        )
        program.load(.word, .r1, from: sender, Int16(Side.maxWindow))
        program.jump(if: .r1, .greaterOrEqual, .register(.r0), to: narrow)
        program.store(.word, .register(.r0), to: sender, Int16(Side.maxWindow))
        program.place(narrow)
        program.load(.word, .r4, from: sender, Int16(Side.flags))
        // What is new of the sender's data.
        program.load(.word, .r1, from: sender, Int16(Side.end))
        program.apply(.subtract, to: .r1, .register(last), .word)
        program.jump(if: .r1, .greaterSigned, -1, to: seen, .word)
        program.store(.word, .register(last), to: sender, Int16(Side.end))
        program.apply(.or, to: .r4, .constant(Int32(Flag.hasUnacknowledged)))
        program.place(seen)
        // What is new of its acknowledgement.
        let later = program.makeLabel()
        program.move(.r5, .register(.r4))
        program.apply(.and, to: .r5, .constant(Int32(Flag.hasMaxAck)))
        program.jump(if: .r5, .equal, 0, to: later)
        program.load(.word, .r1, from: sender, Int16(Side.maxAck))
        program.apply(.subtract, to: .r1, .register(acknowledged), .word)
        program.jump(if: .r1, .greaterSigned, -1, to: known, .word)
        program.place(later)
        program.store(.word, .register(acknowledged), to: sender, Int16(Side.maxAck))
        program.apply(.or, to: .r4, .constant(Int32(Flag.hasMaxAck)))
        program.place(known)
        program.store(.word, .register(.r4), to: sender, Int16(Side.flags))
        // More than the receiver said it has room for.
        program.load(.word, .r1, from: sender, Int16(Side.maxEnd))
        program.apply(.subtract, to: .r1, .register(last), .word)
        program.jump(if: .r1, .greaterSigned, -1, to: inside, .word)
        program.load(.word, .r5, from: receiver, Int16(Side.maxWindow))
        program.apply(.subtract, to: .r5, .register(.r1), .word)
        program.store(.word, .register(.r5), to: receiver, Int16(Side.maxWindow))
        program.place(inside)
        // What the sender has room for from now on.
        program.move(.r4, .register(acknowledged))
        program.apply(.add, to: .r4, .register(.r0), .word)
        program.load(.word, .r1, from: receiver, Int16(Side.maxEnd))
        program.apply(.subtract, to: .r1, 1, .word)
        program.apply(.subtract, to: .r1, .register(.r4), .word)
        program.jump(if: .r1, .greaterSigned, -1, to: enough, .word)
        program.jump(if: .r0, .notEqual, 0, to: open)
        program.apply(.add, to: .r4, 1, .word)
        program.place(open)
        program.store(.word, .register(.r4), to: receiver, Int16(Side.maxEnd))
        program.place(enough)
        program.load(.word, .r1, from: receiver, Int16(Side.end))
        program.jump(if: .r1, .notEqual, .register(acknowledged), to: unacknowledged, .word)
        program.load(.word, .r1, from: receiver, Int16(Side.flags))
        program.apply(.and, to: .r1, .constant(Int32(bitPattern: ~Flag.hasUnacknowledged)))
        program.store(.word, .register(.r1), to: receiver, Int16(Side.flags))
        program.place(unacknowledged)
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
