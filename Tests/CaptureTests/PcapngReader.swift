/// A pcapng's blocks, read apart from the code that writes them (draft-ietf-opsawg-pcapng), little-endian as on every machine that
/// Weir runs on.
struct PcapngReader {
    struct Packet: Equatable {
        var interface: UInt32
        /// Nanoseconds since the epoch.
        var time: UInt64
        var originalLength: UInt32
        var frame: [UInt8]
        var comment: String?
    }

    struct Unreadable: Error {
        var offset: Int
    }

    /// Types, in the order of the file.
    private(set) var blocks: [UInt32] = []
    /// Where they stand.
    private(set) var extents: [Range<Int>] = []
    private(set) var packets: [Packet] = []
    /// Of all blocks but packets.
    private(set) var comments: [String] = []

    /// Throws unless the file is whole blocks from its beginning to its end.
    init(_ bytes: [UInt8]) throws(Unreadable) {
        func word(_ offset: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) } }
        var offset = 0
        while offset < bytes.count {
            guard offset + 12 <= bytes.count else { throw Unreadable(offset: offset) }
            let length = Int(word(offset + 4))
            guard length % 4 == 0, length >= 12, offset + length <= bytes.count, word(offset + length - 4) == length else {
                throw Unreadable(offset: offset)
            }
            let type = word(offset)
            blocks.append(type)
            extents.append(offset..<offset + length)
            // Where the options begin.
            let fixed = [0x0a0d_0d0a: 24, 1: 16, 5: 20, 6: 28][Int(type)] ?? length
            let kept = type == 6 ? Int(word(offset + 20)) : 0
            var option = offset + fixed + (kept + 3) / 4 * 4
            var comment: String?
            while option + 4 <= offset + length - 4 {
                let code = word(option) & 0xffff
                let count = Int(word(option) >> 16)
                if code == 0 { break }
                guard option + 4 + count <= offset + length - 4 else { throw Unreadable(offset: option) }
                if code == 1 { comment = String(decoding: bytes[option + 4..<option + 4 + count], as: UTF8.self) }
                option += 4 + (count + 3) / 4 * 4
            }
            if type == 6 {
                packets.append(
                    Packet(
                        interface: word(offset + 8), time: UInt64(word(offset + 12)) << 32 | UInt64(word(offset + 16)),
                        originalLength: word(offset + 24), frame: Array(bytes[offset + 28..<offset + 28 + kept]), comment: comment))
            } else if let comment {
                comments.append(comment)
            }
            offset += length
        }
    }
}
