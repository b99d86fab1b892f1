import Flows

// Frames that don't fit the other port.
extension FlowFilter {
    /// A frame that doesn't fit the other port is not plain.
    mutating func checkSize() {
        let (segments, fits, tooLong, tcp) = (program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel())
        loadOther(.r3, FlowMaps.Control.mtu)
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
        // UDP that is segmented by itself has fewer headers than what is in a tunnel of the same segment size.
        findTunnel(tooLong)
        loadOther(.r3, FlowMaps.Control.mtu)
        program.load(.word, .r4, from: context, Self.segmentSize)
        program.apply(.add, to: .r4, .register(.r9))
        program.apply(.subtract, to: .r4, 14)
        program.place(tcp)
        program.jump(if: .r4, .lessOrEqual, .register(.r3), to: fits)
        program.place(tooLong)
        program.store(.word, 0, to: .frame, Self.isPlain)
        program.place(fits)
    }

    /// `r1`: the protocol of a super-frame that isn't TCP outside. Afterwards `r9` is the end of the TCP header inside, from the frame's
    /// first byte on.
    mutating func findTunnel(_ unknown: Assembler.Label) {
        let (udp, gre, geneve, ethernet, network, six, segment) = (
            program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(), program.makeLabel(),
            program.makeLabel()
        )
        let ethernetInGRE = Int32(UInt16(0x6558).bigEndian)
        program.load(.word, .r9, from: .frame, Self.transportPlace)
        program.jump(if: .r1, .equal, 4, to: network)
        program.jump(if: .r1, .equal, 41, to: network)
        program.jump(if: .r1, .equal, 47, to: gre)
        program.jump(if: .r1, .equal, 17, to: udp)
        program.jump(to: unknown)

        program.place(gre)
        program.load(.byte, .r1, from: .frame, Self.transport)
        // Checksum, key and sequence number are there if their bits are (RFC 2890).
        for bit: Int32 in [7, 5, 4] {
            program.move(.r2, .register(.r1))
            program.apply(.shiftRight, to: .r2, .constant(bit))
            program.apply(.and, to: .r2, 1)
            program.apply(.shiftLeft, to: .r2, 2)
            program.apply(.add, to: .r9, .register(.r2))
        }
        program.apply(.add, to: .r9, 4)
        program.load(.half, .r1, from: .frame, Self.transport + 2)
        program.jump(if: .r1, .equal, .constant(ethernetInGRE), to: ethernet)
        program.jump(to: network)

        program.place(udp)
        program.apply(.add, to: .r9, 16)
        program.load(.half, .r1, from: .frame, Self.transport + 2)
        program.jump(if: .r1, .equal, .constant(Int32(UInt16(6081).bigEndian)), to: geneve)
        program.jump(if: .r1, .equal, .constant(Int32(UInt16(4789).bigEndian)), to: ethernet)
        program.jump(if: .r1, .equal, .constant(Int32(UInt16(8472).bigEndian)), to: ethernet)
        program.jump(to: unknown)
        program.place(geneve)
        readInner(1, before: 8, unknown)
        program.load(.byte, .r1, from: .frame, Self.inner)
        program.apply(.and, to: .r1, 0x3f)
        program.apply(.shiftLeft, to: .r1, 2)
        program.apply(.add, to: .r9, .register(.r1))

        program.place(ethernet)
        program.apply(.add, to: .r9, 14)
        readInner(2, before: 2, unknown)
        program.load(.half, .r1, from: .frame, Self.inner)
        program.jump(if: .r1, .equal, .constant(Int32(UInt16(0x0800).bigEndian)), to: network)
        program.jump(if: .r1, .notEqual, .constant(Int32(UInt16(0x86dd).bigEndian)), to: unknown)

        program.place(network)
        readInner(1, before: 0, unknown)
        program.load(.byte, .r1, from: .frame, Self.inner)
        program.move(.r2, .register(.r1))
        program.apply(.shiftRight, to: .r2, 4)
        program.jump(if: .r2, .equal, 6, to: six)
        program.jump(if: .r2, .notEqual, 4, to: unknown)
        program.apply(.and, to: .r1, 0xf)
        program.apply(.shiftLeft, to: .r1, 2)
        program.store(.word, .register(.r1), to: .frame, Self.coverage)
        readInner(1, before: -9, unknown)
        program.load(.byte, .r2, from: .frame, Self.inner)
        program.jump(if: .r2, .notEqual, 6, to: unknown)
        program.load(.word, .r1, from: .frame, Self.coverage)
        program.apply(.add, to: .r9, .register(.r1))
        program.jump(to: segment)
        program.place(six)
        readInner(1, before: -6, unknown)
        program.load(.byte, .r2, from: .frame, Self.inner)
        program.jump(if: .r2, .notEqual, 6, to: unknown)
        program.apply(.add, to: .r9, 40)
        program.place(segment)
        readInner(1, before: -12, unknown)
        program.load(.byte, .r1, from: .frame, Self.inner)
        program.apply(.shiftRight, to: .r1, 4)
        program.apply(.shiftLeft, to: .r1, 2)
        program.apply(.add, to: .r9, .register(.r1))
    }

    /// Reads bytes that stand before the place that `r9` says.
    mutating func readInner(_ count: Int32, before distance: Int32, _ failed: Assembler.Label) {
        program.move(.r1, .register(context))
        program.move(.r2, .register(.r9))
        program.apply(.subtract, to: .r2, .constant(distance))
        program.move(.r3, .register(.frame))
        program.apply(.add, to: .r3, .constant(Int32(Self.inner)))
        program.move(.r4, .constant(count))
        program.call(Self.loadBytes)
        program.jump(if: .r0, .notEqual, 0, to: failed)
    }
}
