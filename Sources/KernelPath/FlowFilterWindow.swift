import Flows

// TCP's windows.
extension FlowFilter {
    /// `tcp_in_window`, for a segment with ACK and none of SYN, FIN, RST and URG, in an established connection of which both sides are known:
    /// what `TCPConnection.checkWindow` says of it. `r9`: the sender's block; `r7` becomes the receiver's.
    mutating func advanceWindow(_ stops: Assembler.Label) {
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

        // Blocks count where the receiver of this segment has permitted them.
        let permitted = program.makeLabel()
        program.load(.word, .r4, from: receiver, Int16(Side.flags))
        program.jump(if: .r4, .anyBit, .constant(Int32(CarriedEntry.PeerFlag.sackPermitted)), to: permitted)
        program.store(.word, .register(acknowledged), to: .frame, Self.highest)
        program.place(permitted)

        // I: sequence before sender.maxEnd + 1.
        program.load(.word, .r4, from: sender, Int16(Side.maxEnd))
        program.apply(.add, to: .r4, 1, .word)
        program.move(.r5, .register(sequence))
        program.apply(.subtract, to: .r5, .register(.r4), .word)
        program.jump(if: .r5, .greaterSigned, -1, to: stops, .word)
        // III: the highest acknowledged before receiver.end + 1.
        program.load(.word, .r4, from: receiver, Int16(Side.end))
        program.apply(.add, to: .r4, 1, .word)
        program.load(.word, .r5, from: .frame, Self.highest)
        program.apply(.subtract, to: .r5, .register(.r4), .word)
        program.jump(if: .r5, .greaterSigned, -1, to: stops, .word)
        // II: end after sender.end − receiver.maxWindow − 1.
        program.load(.word, .r4, from: sender, Int16(Side.end))
        program.load(.word, .r5, from: receiver, Int16(Side.maxWindow))
        program.apply(.subtract, to: .r4, .register(.r5), .word)
        program.apply(.subtract, to: .r4, 1, .word)
        program.apply(.subtract, to: .r4, .register(last), .word)
        program.jump(if: .r4, .greaterSigned, -1, to: stops, .word)
        // IV: the highest acknowledged after receiver.end − max(sender.maxWindow, 66000) − 1.
        let large = program.makeLabel()
        program.load(.word, .r4, from: receiver, Int16(Side.end))
        program.load(.word, .r5, from: sender, Int16(Side.maxWindow))
        program.jump(if: .r5, .greater, 66_000, to: large)
        program.move(.r5, 66_000)
        program.place(large)
        program.apply(.subtract, to: .r4, .register(.r5), .word)
        program.apply(.subtract, to: .r4, 1, .word)
        program.load(.word, .r5, from: .frame, Self.highest)
        program.apply(.subtract, to: .r4, .register(.r5), .word)
        program.jump(if: .r4, .greaterSigned, -1, to: stops, .word)

        countRetransmission(sender, last, acknowledged)
        advance(sender, receiver, last, acknowledged)
        program.place(end)
    }

    /// As `TCPConnection.countRetransmission`, before the sender's state changes. `r1`, `r4` and `r5` are lost, `r0` too.
    mutating func countRetransmission(_ sender: Register, _ last: Register, _ acknowledged: Register) {
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
    mutating func advance(_ sender: Register, _ receiver: Register, _ last: Register, _ acknowledged: Register) {
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
        program.load(.word, .r4, from: .frame, Self.highest)
        program.apply(.subtract, to: .r4, .register(acknowledged), .word)
        program.apply(.add, to: .r4, .register(.r0), .word)
        program.jump(if: .r1, .greaterOrEqual, .register(.r4), to: narrow)
        program.store(.word, .register(.r4), to: sender, Int16(Side.maxWindow))
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
        program.load(.word, .r4, from: .frame, Self.highest)
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
