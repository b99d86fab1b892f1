import Glibc

/// Names of addresses, as a file in the format of hosts(5) has them.
public struct HostNames: Sendable, Equatable {
    /// An address with its names.
    struct Entry: Sendable, Equatable {
        /// 4 or 16 octets.
        var address: [UInt8]
        var names: [String]
    }

    /// Maximum bytes of such a file: each file of a ring has all of the names.
    public static let largestFile = 1 << 20

    private(set) var entries: [Entry] = []

    /// A file of names that can't be read, in the operator's words.
    public struct Unreadable: Error, CustomStringConvertible {
        public let description: String
    }

    /// Reads a file. One that isn't a regular file, whose end may never come, is refused.
    public init(path: String) throws(Unreadable) {
        func refusal(_ reason: String) -> Unreadable { Unreadable(description: "\(path) can't be read: \(reason)") }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw refusal(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw refusal(String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refusal("it is not a regular file") }
        var octets = [UInt8](repeating: 0, count: Self.largestFile + 1)
        var count = 0
        while count < octets.count {
            let read = octets.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count) }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw refusal(String(cString: strerror(errno))) }
            guard read > 0 else { break }
            count += read
        }
        guard count <= Self.largestFile else { throw refusal("it has more than \(Self.largestFile) bytes") }
        let text = String(decoding: octets[..<count], as: UTF8.self)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split { $0.isWhitespace }
            guard let first = words.first else { continue }
            guard let address = Self.octets(String(first)), words.count > 1 else {
                throw refusal("line \(index + 1) is not an address with its names, as hosts(5) has them")
            }
            // The names of a record are what an option has room for; nobody has as many.
            entries.append(Entry(address: address, names: words.dropFirst().prefix(16).map { String($0.prefix(255)) }))
        }
    }

    private static func octets(_ text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var octets = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &octets) == 1 { return octets }
        }
        return nil
    }
}

extension PcapngFormat {
    /// A record's kind (section 4.5), by the length of its address.
    private static func kind(_ address: [UInt8]) -> UInt16 { address.count == 4 ? 1 : 2 }

    /// Name resolution blocks, each within a page.
    static func blocks(of names: HostNames) -> [[UInt8]] {
        let room = 4096 - 64
        var blocks: [[UInt8]] = []
        var records: [(kind: UInt16, value: [UInt8])] = []
        var count = 0
        func finish() {
            guard !records.isEmpty else { return }
            var block = PcapngBlock(.nameResolution)
            for record in records {
                block.append(record.kind)
                block.append(UInt16(truncatingIfNeeded: record.value.count))
                block.append(padded: record.value)
            }
            // The end of the records, and no options.
            block.append(0 as UInt32)
            blocks.append(block.finished())
            records = []
            count = 0
        }
        for entry in names.entries {
            for name in entry.names {
                // A record may have several names; readers that take only the first find all of them so.
                let value = entry.address + Array(name.utf8) + [0]
                if count + value.count + 8 > room { finish() }
                records.append((kind(entry.address), value))
                count += value.count + 8
            }
        }
        finish()
        return blocks
    }
}
