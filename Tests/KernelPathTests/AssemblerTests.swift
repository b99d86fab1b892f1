import CLinux
import Testing

import KernelPath

/// Instructions as the kernel's documentation has them: code, destination and source, offset, constant.
@Suite("Assembler")
struct AssemblerTests {
    private func text(_ write: (inout Assembler) -> Void) throws -> [String] {
        var assembler = Assembler()
        write(&assembler)
        return try assembler.assembled().map { instruction in
            let code = String(instruction.code, radix: 16)
            return
                "\(code.count < 2 ? "0" : "")\(code) \(instruction.registers & 15)\(instruction.registers >> 4) \(instruction.off) \(instruction.imm)"
        }
    }

    private struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: [String]
        let write: @Sendable (inout Assembler) -> Void

        init(_ description: String, _ expected: String..., write: @escaping @Sendable (inout Assembler) -> Void) {
            testDescription = description
            self.expected = expected
            self.write = write
        }
    }

    private static let cases: [Case] = [
        Case("r0 = 2", "b7 00 0 2") { $0.move(.r0, 2) },
        Case("r2 = r10", "bf 210 0 0") { $0.move(.r2, .register(.frame)) },
        Case("r2 += -4", "07 20 0 -4") { $0.apply(.add, to: .r2, -4) },
        Case("w3 ^= w4", "ac 34 0 0") { $0.apply(.exclusiveOr, to: .r3, .register(.r4), .word) },
        Case("r1 >>= 8", "77 10 0 8") { $0.apply(.shiftRight, to: .r1, 8) },
        Case("r1 s>>= 8", "c7 10 0 8") { $0.apply(.shiftRightSigned, to: .r1, 8) },
        Case("r5 = -r5", "87 50 0 0") { $0.negate(.r5) },
        Case("r1 = be16 r1", "dc 10 0 16") { $0.convertBigEndian(.r1, bits: 16) },
        Case("r6 = *(u32 *)(r1 + 8)", "61 61 8 0") { $0.load(.word, .r6, from: .r1, 8) },
        Case("r6 = *(u8 *)(r1 + 23)", "71 61 23 0") { $0.load(.byte, .r6, from: .r1, 23) },
        Case("*(u64 *)(r0 + 16) = r1", "7b 01 16 0") { $0.store(.double, .register(.r1), to: .r0, 16) },
        Case("*(u16 *)(r10 - 2) = 7", "6a 100 -2 7") { $0.store(.half, 7, to: .frame, -2) },
        Case("lock *(u64 *)(r0 + 8) += r1", "db 01 8 0") { $0.atomicAdd(.double, .r1, to: .r0, 8) },
        Case("r1 = 0x1_ffff_ffff ll", "18 10 0 -1", "00 00 0 1") { $0.load(.r1, constant: 0x1_ffff_ffff) },
        Case("call 1; exit", "85 00 0 1", "95 00 0 0") {
            $0.call(1)
            $0.exit()
        },
        Case("a jump forward counts from the next instruction", "15 60 1 5", "b7 00 0 0", "95 00 0 0") {
            let end = $0.makeLabel()
            $0.jump(if: .r6, .equal, 5, to: end)
            $0.move(.r0, 0)
            $0.place(end)
            $0.exit()
        },
        Case("a jump on lower halves, by a register", "2e 12 0 0", "95 00 0 0") {
            let next = $0.makeLabel()
            $0.jump(if: .r1, .greater, .register(.r2), to: next, .word)
            $0.place(next)
            $0.exit()
        },
        Case("a jump back", "05 00 -1 0") {
            let here = $0.makeLabel()
            $0.place(here)
            $0.jump(to: here)
        },
    ]

    @Test("an instruction is what the kernel's documentation says", arguments: cases)
    private func encoding(_ example: Case) throws {
        #expect(try text(example.write) == example.expected)
    }

    @Test("a label that can't be resolved is an error")
    func labels() {
        var unplaced = Assembler()
        unplaced.jump(to: unplaced.makeLabel())
        #expect(throws: AssemblyError.unplacedLabel(0)) { try unplaced.assembled() }

        var twice = Assembler()
        let label = twice.makeLabel()
        twice.place(label)
        twice.place(label)
        #expect(throws: AssemblyError.labelPlacedTwice(0)) { try twice.assembled() }

        var far = Assembler()
        let end = far.makeLabel()
        far.jump(to: end)
        for _ in 0...Int(Int16.max) { far.move(.r0, 0) }
        far.place(end)
        #expect(throws: AssemblyError.jumpTooFar(0)) { try far.assembled() }
    }
}
