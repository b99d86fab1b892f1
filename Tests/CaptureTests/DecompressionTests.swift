import CCompression
import Capture
import Glibc
import FrameBuilder
import Testing

/// Compressed captures are read as if they were not.
@Suite struct DecompressionTests {
    enum Format: CaseIterable {
        case gzip, zstd, lz4

        func compressed(_ bytes: [UInt8]) -> [UInt8] {
            var result = [UInt8](repeating: 0, count: bytes.count + 65_536)
            let capacity = result.count
            let count = result.withUnsafeMutableBytes { result in
                bytes.withUnsafeBytes { bytes in
                    switch self {
                    case .zstd: return ZSTD_compress(result.baseAddress, capacity, bytes.baseAddress, bytes.count, 3)
                    case .lz4: return LZ4F_compressFrame(result.baseAddress, capacity, bytes.baseAddress, bytes.count, nil)
                    case .gzip:
                        var stream = z_stream()
                        deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
                        stream.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
                        stream.avail_in = UInt32(bytes.count)
                        stream.next_out = result.bindMemory(to: UInt8.self).baseAddress
                        stream.avail_out = UInt32(capacity)
                        deflate(&stream, Z_FINISH)
                        deflateEnd(&stream)
                        return Int(stream.total_out)
                    }
                }
            }
            return Array(result[..<count])
        }
    }

    private static let frame = Frame.ethernet().ipv4().udp(4, 53).payload(900).bytes

    private static func capture(_ frames: Int) -> CaptureBytes {
        (0..<frames).reduce(CaptureBytes.pcap()) { $0.record(frame, at: UInt64($1)) }
    }

    /// Frames that can be read, and what ended them.
    private static func read(_ bytes: [UInt8], chunk: Int = .max) -> (frames: Int, fault: CaptureFault.Kind?) {
        var count = 0
        do throws(CaptureFault) {
            var reader = try CaptureReader(of: bytes, part: chunk)
            while let next = try reader.next() {
                #expect(Array(next.bytes) == frame && next.time == UInt64(count) * 1000)
                count += 1
            }
            return (count, nil)
        } catch { return (count, error.kind) }
    }

    @Test("in pieces of any size, and of several parts", arguments: Format.allCases, [1, 7, 4096, Int.max])
    func whole(_ format: Format, chunk: Int) {
        let bytes = Self.capture(300).bytes
        #expect(Self.read(format.compressed(bytes), chunk: chunk) == (300, nil))
        // As gzip, zstd and lz4 make them of several files that are put together.
        let parts = [bytes[..<1000], bytes[1000..<1001], bytes[1001...]].flatMap { format.compressed(Array($0)) }
        #expect(Self.read(parts, chunk: chunk) == (300, nil))
    }

    @Test("what is before damage, or before the end of a file cut short, is read", arguments: Format.allCases)
    func damaged(_ format: Format) {
        // No two frames alike, so that each takes bytes.
        var random = SeededGenerator(seed: 5)
        var capture = CaptureBytes.pcap()
        for number in 0..<400 {
            capture = capture.record((0..<900).map { _ in UInt8(truncatingIfNeeded: random.next()) }, at: UInt64(number))
        }
        let bytes = format.compressed(capture.bytes)
        func frames(_ bytes: [UInt8]) -> (Int, CaptureFault.Kind?) {
            var count = 0
            do throws(CaptureFault) {
                var reader = try CaptureReader(of: bytes)
                while try reader.next() != nil { count += 1 }
                return (count, nil)
            } catch { return (count, error.kind) }
        }
        #expect(frames(bytes) == (400, nil))
        let (kept, fault) = frames(Array(bytes.prefix(bytes.count * 3 / 4)))
        #expect((200..<400).contains(kept) && fault == .unreadable(EBADMSG))
        var damaged = bytes
        for place in stride(from: bytes.count / 2, to: bytes.count / 2 + 64, by: 1) { damaged[place] ^= 0x5a }
        #expect(frames(damaged).0 <= 400)
        #expect(
            "\(CaptureFault(path: "x", offset: 7, kind: .unreadable(EBADMSG)))"
                == "x, byte 7: the compressed file is damaged here, or cut short")
    }

    @Test("a compressed file of nothing, or of something else, is no capture")
    func others() {
        #expect(Self.read(Format.gzip.compressed([])).fault == .empty)
        #expect(Self.read(Format.zstd.compressed(Array("text".utf8))).fault == .unknownFormat(0x7465_7874))
        // Compressed twice.
        #expect(Self.read(Format.lz4.compressed(Format.lz4.compressed(Self.capture(1).bytes))).fault == .unknownFormat(0x0422_4d18))
        #expect(Self.read([0x1f, 0x8b, 8, 0]).fault == .unreadable(EBADMSG))
    }
}
