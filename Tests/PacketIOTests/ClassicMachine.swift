import CLinux

/// The classic packet filter machine, plain: what the kernel does with the instructions that Weir's programs use
/// (Documentation/networking/filter.rst).
struct ClassicMachine {
    /// The frame from the network header on, as the kernel sees it: the outermost tag is not in it.
    var network: [UInt8]
    /// `skb->protocol`.
    var networkProtocol: UInt32
    var mark: UInt32 = 0

    enum Fault: Error {
        case unknownInstruction(UInt16)
        case ranOffTheEnd
    }

    func run(_ program: [sock_filter]) throws -> UInt32 {
        var a: UInt32 = 0
        var x: UInt32 = 0
        var next = 0
        while next < program.count {
            let instruction = program[next]
            next += 1
            switch instruction.code {
            case 0x20, 0x28, 0x30:
                let width = instruction.code == 0x20 ? 4 : instruction.code == 0x28 ? 2 : 1
                guard let value = load(Int32(bitPattern: instruction.k), width) else { return 0 }
                a = value
            case 0x07: x = a
            case 0xac: a ^= x
            case 0x24: a = a &* instruction.k
            case 0x74: a >>= instruction.k
            case 0x15: next += Int(a == instruction.k ? instruction.jt : instruction.jf)
            case 0x45: next += Int(a & instruction.k != 0 ? instruction.jt : instruction.jf)
            case 0x05: next += Int(instruction.k)
            case 0x06: return instruction.k
            case 0x16: return a
            default: throw Fault.unknownInstruction(instruction.code)
            }
        }
        throw Fault.ranOffTheEnd
    }

    private func load(_ k: Int32, _ width: Int) -> UInt32? {
        switch k {
        case -0x1000: return networkProtocol
        case -0x1000 + 20: return mark
        default:
            let offset = Int(k) + 0x100000
            guard offset >= 0, offset + width <= network.count else { return nil }
            return network[offset..<offset + width].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
