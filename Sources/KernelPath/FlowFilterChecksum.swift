import Flows

// Transport checksums.
extension FlowFilter {
    /// Only frames of one segment are looked at: receive offload has verified what it has merged.
    mutating func checkSum() {
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
    mutating func fold(_ sum: Register) {
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
}
