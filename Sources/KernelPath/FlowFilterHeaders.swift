import Flows

// Link, network and transport headers: the key of the flow, and whether the frame is plain.
extension FlowFilter {
    mutating func readTag() {
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

    mutating func readNetwork() {
        let six = program.makeLabel()
        read(34, at: .constant(0), to: Self.link)
        program.load(.half, .r1, from: .frame, Self.link + 12)
        program.jump(if: .r1, .equal, .constant(Int32(UInt16(0x86dd).bigEndian)), to: six)
        program.jump(if: .r1, .notEqual, .constant(Int32(UInt16(0x0800).bigEndian)), to: up)
        readIPv4()
        program.place(six)
        readIPv6()
    }

    mutating func readIPv4() {
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

    mutating func readIPv6() {
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
    mutating func swap(_ first: Register, _ second: Register) {
        let end = program.makeLabel()
        program.load(.word, .r3, from: .frame, Self.side)
        program.jump(if: .r3, .equal, 0, to: end)
        program.move(.r5, .register(first))
        program.move(first, .register(second))
        program.move(second, .register(.r5))
        program.place(end)
    }

    /// `r1`: the protocol. Goes on at `found`, or at `up` for what no entry can be of.
    mutating func readTransport(icmp: Int32, request: Int32, answer: Int32, hasPseudoHeader: Bool) {
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

    mutating func readEcho(_ request: Int32, _ answer: Int32, hasPseudoHeader: Bool) {
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

    mutating func readPorts() {
        program.load(.half, .r1, from: .frame, Self.transport)
        program.load(.half, .r2, from: .frame, Self.transport + 2)
        swap(.r1, .r2)
        program.store(.half, .register(.r1), to: .frame, Self.key + Int16(CarriedKey.nearPort))
        program.store(.half, .register(.r2), to: .frame, Self.key + Int16(CarriedKey.farPort))
    }

    mutating func coverAll() {
        program.load(.word, .r1, from: .frame, Self.transportLength)
        program.store(.word, .register(.r1), to: .frame, Self.coverage)
    }

    mutating func readTCP() {
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
        program.load(.word, .r5, from: .frame, Self.transport + 8)
        program.convertBigEndian(.r5, bits: 32)
        program.store(.word, .register(.r5), to: .frame, Self.highest)
        program.jump(if: .r1, .equal, 20, to: plain)
        readTCPOptions(plain: plain, odd: odd)
        program.place(odd)
        program.store(.word, 0, to: .frame, Self.isPlain)
        program.place(plain)
        program.jump(to: found)
    }

    /// `r1`: the header's length. Options as stacks write them: timestamps (RFC 7323, appendix A), SACK blocks (RFC 2018), or both, each after
    /// two bytes of padding. All others go up.
    private mutating func readTCPOptions(plain: Assembler.Label, odd: Assembler.Label) {
        let timestamps = Int32(UInt32(0x0101_080a).bigEndian)
        /// By the length of a header: where blocks may begin, and how many they are then.
        let lengths: [Int32] = [32, 40, 44, 48, 52, 60]
        let labels = lengths.map { _ in program.makeLabel() }
        for (length, label) in zip(lengths, labels) { program.jump(if: .r1, .equal, .constant(length), to: label) }
        program.jump(to: odd)
        for (length, label) in zip(lengths, labels) {
            program.place(label)
            read(length, at: .constant(0), to: Self.transport, place: Self.transportPlace)
            program.load(.word, .r1, from: .frame, Self.transport + 20)
            for (start, hasTimestamps) in [(Int16(20), false), (32, true)] {
                let blocks = (Int(length) - Int(start) - 4) / 8
                let isWhole = Int(start) + 4 + 8 * blocks == length
                let next = program.makeLabel()
                if hasTimestamps {
                    program.jump(if: .r1, .notEqual, .constant(timestamps), to: odd)
                    if length == 32 {
                        program.jump(to: plain)
                        break
                    }
                }
                guard isWhole, (1...4).contains(blocks) else { continue }
                let kind = Int32(bitPattern: UInt32(0x0101_0502 + 8 * UInt32(blocks)).bigEndian)
                program.load(.word, .r2, from: .frame, Self.transport + start)
                program.jump(if: .r2, .notEqual, .constant(kind), to: next)
                for block in 0..<blocks { raiseHighest(Self.transport + start + 8 + 8 * Int16(block)) }
                program.jump(to: plain)
                program.place(next)
            }
            if length != 32 { program.jump(to: odd) }
        }
    }

    /// Takes a block's right edge if it is higher.
    private mutating func raiseHighest(_ place: Int16) {
        let end = program.makeLabel()
        program.load(.word, .r2, from: .frame, Self.highest)
        program.load(.word, .r3, from: .frame, place)
        program.convertBigEndian(.r3, bits: 32)
        program.apply(.subtract, to: .r2, .register(.r3), .word)
        program.jump(if: .r2, .greaterSigned, -1, to: end, .word)
        program.store(.word, .register(.r3), to: .frame, Self.highest)
        program.place(end)
    }

    mutating func readDatagram(isLite: Bool) {
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

    mutating func readTransportHeader(_ count: Int32, minimum: Int32) {
        program.load(.word, .r2, from: .frame, Self.transportLength)
        program.jump(if: .r2, .less, .constant(minimum), to: up)
        read(count, at: .register(.r2), to: Self.transport, place: Self.transportPlace)
    }

    /// `bpf_skb_load_bytes`; a frame that is too short goes up.
    mutating func read(_ count: Int32, at offset: Operand, to stack: Int16, place: Int16? = nil) {
        program.move(.r1, .register(context))
        if let place { program.load(.word, .r2, from: .frame, place) } else { program.move(.r2, offset) }
        program.move(.r3, .register(.frame))
        program.apply(.add, to: .r3, .constant(Int32(stack)))
        program.move(.r4, .constant(count))
        program.call(Self.loadBytes)
        program.jump(if: .r0, .notEqual, 0, to: up)
    }
}
