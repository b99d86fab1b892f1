import Foundation

/// A capture file, read apart from the code that writes it (draft-ietf-opsawg-pcap).
struct PcapReader {
    struct Record {
        /// Nanoseconds since 1970.
        let time: UInt64
        let originalLength: Int
        /// Hexadecimal.
        let frame: String
    }

    let records: [Record]

    /// Reads a file in this machine's byte order, with nanoseconds, of Ethernet frames.
    init(_ file: URL) throws {
        let bytes = [UInt8](try Data(contentsOf: file))
        func word(_ offset: Int) throws -> UInt32 {
            guard offset + 4 <= bytes.count else {
                throw CommandFailure(description: "\(file.lastPathComponent) is cut off at byte \(offset)")
            }
            return (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
        }
        guard try word(0) == 0xa1b2_3c4d else {
            throw CommandFailure(description: "no nanosecond pcap: magic \(String(try word(0), radix: 16))")
        }
        guard try word(20) & 0xffff == 1 else { throw CommandFailure(description: "not Ethernet: link type \(try word(20))") }
        var records: [Record] = []
        var offset = 24
        while offset < bytes.count {
            let length = Int(try word(offset + 8))
            guard offset + 16 + length <= bytes.count else { throw CommandFailure(description: "record \(records.count) is cut off") }
            records.append(
                Record(
                    time: UInt64(try word(offset)) * 1_000_000_000 + UInt64(try word(offset + 4)),
                    originalLength: Int(try word(offset + 12)),
                    frame: bytes[(offset + 16)..<(offset + 16 + length)].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()))
            offset += 16 + length
        }
        self.records = records
    }
}
