import CCompression
import Glibc

/// A compressed stream as it was before: gzip (RFC 1952), zstd (RFC 8878) or LZ4's frames, of one part or several after each other.
///
/// The three are libraries', as everybody's are: zlib and zstd are what packages, kernels and tcpdump -z leave captures in, and LZ4 is what
/// writers use that must not wait. What they unpack to is read piece by piece, so that memory does not grow with the file.
final class Decompression {
    private enum Unpacker {
        case gzip(UnsafeMutablePointer<z_stream>)
        case zstd(OpaquePointer)
        case lz4(OpaquePointer)
    }

    private static let capacity = 1 << 17

    private let source: InputBuffer.Source
    private let unpacker: Unpacker
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    /// What of the input has not been unpacked yet.
    private var rest: Range<Int> = 0..<0
    /// What the stream began with, before this was made.
    private var start: [UInt8]
    /// A part has begun and has not ended.
    private var isWithinPart = false

    /// nil for a stream that is not compressed, or by something else.
    /// - Parameters:
    ///   - start: What was read of the stream already, at least 4 bytes.
    ///   - source: The rest.
    init?(start: [UInt8], source: @escaping InputBuffer.Source) {
        guard start.count >= 4 else { return nil }
        switch start[..<4].reduce(0 as UInt32, { $0 << 8 | UInt32($1) }) {
        case 0x1f8b_0000...0x1f8b_ffff:
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            stream.initialize(to: z_stream())
            // 15 bits of window, and 16 for gzip's header.
            guard inflateInit2_(stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
                stream.deallocate()
                return nil
            }
            unpacker = .gzip(stream)
        case 0x28b5_2ffd:
            guard let stream = ZSTD_createDStream() else { return nil }
            unpacker = .zstd(stream)
        case 0x0422_4d18:
            var context: OpaquePointer?
            guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0, let context else { return nil }
            unpacker = .lz4(context)
        default: return nil
        }
        self.start = start
        self.source = source
    }

    deinit {
        switch unpacker {
        case .gzip(let stream):
            inflateEnd(stream)
            stream.deallocate()
        case .zstd(let stream): ZSTD_freeDStream(stream)
        case .lz4(let context): LZ4F_freeDecompressionContext(context)
        }
        input.deallocate()
    }

    /// As `InputBuffer.Source`. A stream that is damaged, or ends in the middle, can't be read any further (EBADMSG).
    func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            if rest.isEmpty {
                let count = fill()
                if count < 0 { return count }
                if count == 0 { return isWithinPart ? -Int(EBADMSG) : 0 }
                rest = 0..<count
            }
            guard let (used, made) = unpack(UnsafeRawBufferPointer(rebasing: input[rest]), buffer) else { return -Int(EBADMSG) }
            rest = rest.lowerBound + used..<rest.upperBound
            if made > 0 { return made }
            // Neither read nor written: nothing more will come of it.
            if used == 0 { return -Int(EBADMSG) }
        }
    }

    private func fill() -> Int {
        guard start.isEmpty else {
            let count = min(start.count, input.count)
            input.copyBytes(from: start[..<count])
            start.removeFirst(count)
            return count
        }
        return source(input)
    }

    /// Bytes that were used, and those that they became; nil if they are damaged.
    private func unpack(_ bytes: UnsafeRawBufferPointer, _ buffer: UnsafeMutableRawBufferPointer) -> (used: Int, made: Int)? {
        switch unpacker {
        case .gzip(let stream):
            // Zeros may follow the last part, as tapes have them.
            if !isWithinPart, bytes.allSatisfy({ $0 == 0 }) { return (bytes.count, 0) }
            let room = min(buffer.count, Int(UInt32.max))
            stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
            stream.pointee.avail_in = UInt32(bytes.count)
            stream.pointee.next_out = buffer.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_out = UInt32(room)
            isWithinPart = true
            switch inflate(stream, Z_NO_FLUSH) {
            case Z_OK, Z_BUF_ERROR: break
            case Z_STREAM_END:
                isWithinPart = false
                inflateReset(stream)
            default: return nil
            }
            return (bytes.count - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
        case .zstd(let stream):
            var from = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            var to = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            let hint = ZSTD_decompressStream(stream, &to, &from)
            guard ZSTD_isError(hint) == 0 else { return nil }
            isWithinPart = hint != 0
            return (from.pos, to.pos)
        case .lz4(let context):
            var used = bytes.count
            var made = buffer.count
            let hint = LZ4F_decompress(context, buffer.baseAddress, &made, bytes.baseAddress, &used, nil)
            guard LZ4F_isError(hint) == 0 else { return nil }
            isWithinPart = hint != 0
            return (used, made)
        }
    }
}
