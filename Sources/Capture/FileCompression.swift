import CCompression
import Glibc

/// A finished file on its way to a compressed one (zstd, RFC 8878), in steps that are short enough to be taken between frames.
///
/// The compressed file has the name with `.zst` once it is whole; until then it is a part, and the finished file stays where it is. What
/// can't be compressed stays as it is too.
final class FileCompression {
    static let suffix = ".zst"
    static let partSuffix = ".zst.part"

    enum Progress {
        case goesOn
        /// The compressed file is there, and the other one is gone.
        case isDone(path: String, size: UInt64)
        case hasFailed
    }

    /// Bytes of the file that a step takes: about a millisecond.
    private static let step = 1 << 18
    private static let level: Int32 = 3

    let path: String
    private let source: Int32
    private let part: OutputFile
    private let compressor: OpaquePointer
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 16)
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 16)
    private var isRenamed = false

    /// nil for a file that can't be read, or compressed in its folder.
    init?(_ path: String) {
        let source = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard source >= 0 else { return nil }
        guard let part = try? OutputFile(path: path + Self.partSuffix, older: .isRefused), let compressor = ZSTD_createCCtx() else {
            close(source)
            return nil
        }
        ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, Self.level)
        // A reader finds damage.
        ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1)
        self.path = path
        self.source = source
        self.part = part
        self.compressor = compressor
    }

    deinit {
        if !isRenamed, part.isInPlace { unlink(part.path) }
        ZSTD_freeCCtx(compressor)
        input.deallocate()
        output.deallocate()
        close(source)
    }

    /// Bytes of the part.
    var size: UInt64 { part.size }

    /// Takes a step. Not to be called after the last.
    func proceed() -> Progress {
        let count = readSome()
        guard count >= 0 else { return .hasFailed }
        var from = ZSTD_inBuffer(src: input.baseAddress, size: count, pos: 0)
        let isLast = count == 0
        while true {
            var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = ZSTD_compressStream2(compressor, &to, &from, isLast ? ZSTD_e_end : ZSTD_e_continue)
            guard ZSTD_isError(left) == 0 else { return .hasFailed }
            let made = [UInt8](UnsafeRawBufferPointer(rebasing: output[..<to.pos]))
            guard made.isEmpty || part.write(made, isGivingUp: { false }) else { return .hasFailed }
            if isLast ? left == 0 : from.pos == from.size { break }
        }
        return isLast ? replace() : .goesOn
    }

    private func readSome() -> Int {
        while true {
            let count = read(source, input.baseAddress, input.count)
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private func replace() -> Progress {
        let new = path + Self.suffix
        guard rename(part.path, new) == 0 else { return .hasFailed }
        isRenamed = true
        unlink(path)
        return .isDone(path: new, size: part.size)
    }
}
