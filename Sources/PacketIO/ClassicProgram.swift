import CLinux
import Glibc

/// Instructions of the classic packet filter machine (Documentation/networking/filter.rst), as far as Weir's programs need them.
extension sock_filter {
    private init(_ code: Int32, _ k: UInt32, _ jt: UInt8 = 0, _ jf: UInt8 = 0) {
        self.init(code: UInt16(truncatingIfNeeded: code), jt: jt, jf: jf, k: k)
    }

    /// Ends the program with this value.
    static func `return`(_ value: UInt32) -> sock_filter { sock_filter(BPF_RET | BPF_K, value) }

    /// Ends the program with the accumulator.
    static var returnAccumulator: sock_filter { sock_filter(BPF_RET | BPF_A, 0) }

    /// A = what the kernel knows of the frame beside its bytes (`SKF_AD_…`).
    static func load(ancillary: UInt32) -> sock_filter {
        sock_filter(BPF_LD | BPF_W | BPF_ABS, UInt32(bitPattern: SKF_AD_OFF) &+ ancillary)
    }

    /// A = 32 bits of the network header; SKF_NET_OFF counts from where it begins, whatever stands before it. A frame that is
    /// too short ends the program with 0.
    static func loadWord(network offset: UInt32) -> sock_filter {
        sock_filter(BPF_LD | BPF_W | BPF_ABS, UInt32(bitPattern: SKF_NET_OFF) &+ offset)
    }

    /// A = 16 bits of the network header.
    static func loadHalf(network offset: UInt32) -> sock_filter {
        sock_filter(BPF_LD | BPF_H | BPF_ABS, UInt32(bitPattern: SKF_NET_OFF) &+ offset)
    }

    /// A = 8 bits of the network header.
    static func loadByte(network offset: UInt32) -> sock_filter {
        sock_filter(BPF_LD | BPF_B | BPF_ABS, UInt32(bitPattern: SKF_NET_OFF) &+ offset)
    }

    /// X = A.
    static var accumulatorToIndex: sock_filter { sock_filter(BPF_MISC | BPF_TAX, 0) }

    /// A ^= X.
    static var xorIndex: sock_filter { sock_filter(BPF_ALU | BPF_XOR | BPF_X, 0) }

    /// A *= value.
    static func multiply(_ value: UInt32) -> sock_filter { sock_filter(BPF_ALU | BPF_MUL | BPF_K, value) }

    /// A >>= bits.
    static func shiftRight(_ bits: UInt32) -> sock_filter { sock_filter(BPF_ALU | BPF_RSH | BPF_K, bits) }

    /// Skips `then` instructions if A is the value, else `else` of them.
    static func jumpIfEqual(_ value: UInt32, then: UInt8, else: UInt8) -> sock_filter {
        sock_filter(BPF_JMP | BPF_JEQ | BPF_K, value, then, `else`)
    }

    /// Skips `then` instructions if A has one of the bits, else `else` of them.
    static func jumpIfAny(_ bits: UInt32, then: UInt8, else: UInt8) -> sock_filter {
        sock_filter(BPF_JMP | BPF_JSET | BPF_K, bits, then, `else`)
    }

    /// Skips that many instructions.
    static func jump(_ count: UInt32) -> sock_filter { sock_filter(BPF_JMP | BPF_JA, count) }
}

/// Hands a classic program to a socket option that takes one.
func setProgram(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ program: [sock_filter], _ name: String) throws(SystemCallError) {
    var program = program
    let failure = program.withUnsafeMutableBufferPointer { instructions -> SystemCallError? in
        let header = sock_fprog(len: UInt16(truncatingIfNeeded: instructions.count), filter: instructions.baseAddress)
        do throws(SystemCallError) {
            try setOption(descriptor, level, option, header, name)
            return nil
        } catch {
            return error
        }
    }
    if let failure { throw failure }
}
