import CLinux

/// A note that a classic program carries after its last instruction, where the machine never comes: what a port was like before
/// Weir took it, for the start after a crash.
///
/// The kernel takes unreachable instructions if they are valid, keeps the program as it was given, and shows it in every listing
/// of filters (net/core/filter.c, bpf_check_classic; net/sched/cls_bpf.c, cls_bpf_dump_bpf_info).
enum FilterNote {
    /// Bytes that a note may have. Kernels before 6.8 announce a filter in one page, and refuse to if it is larger.
    static let capacity = 1400

    /// "Note" in ASCII: the constant of the first of the note's instructions; the second carries the length.
    private static let magic: UInt32 = 0x4e6f_7465
    private static let load = UInt16(truncatingIfNeeded: BPF_LD | BPF_IMM)

    /// The note as loads of constants, four bytes each, and the return that a program must end with.
    static func instructions(_ note: [UInt8]) -> [sock_filter] {
        guard !note.isEmpty else { return [] }
        let padded = note + [UInt8](repeating: 0, count: -note.count & 3)
        let words = padded.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 4).map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self) }
        }
        return ([magic, UInt32(truncatingIfNeeded: note.count)] + words).map { sock_filter(code: load, jt: 0, jf: 0, k: $0) }
            + [.return(UInt32(bitPattern: TC_ACT_SHOT))]
    }

    /// The note in a program's bytes as a listing shows them; empty if there is none.
    static func note(in program: [UInt8]) -> [UInt8] {
        let size = MemoryLayout<sock_filter>.size
        let instructions = program.withUnsafeBytes { bytes in
            stride(from: 0, through: bytes.count - size, by: size).map { bytes.loadUnaligned(fromByteOffset: $0, as: sock_filter.self) }
        }
        guard let start = instructions.firstIndex(where: { $0.code == load && $0.k == magic }), start + 1 < instructions.count else {
            return []
        }
        let words = instructions[(start + 2)...].prefix { $0.code == load }.map(\.k)
        return Array(words.withUnsafeBytes { [UInt8]($0) }.prefix(Int(instructions[start + 1].k)))
    }
}
