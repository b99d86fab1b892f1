/// nft's units of bytes: a number is written in the largest that divides it.
enum ByteUnit {
    static let all: [(name: String, bytes: UInt64)] = [("bytes", 1), ("kbytes", 1_024), ("mbytes", 1_048_576)]

    static func split(_ bytes: UInt64) -> (amount: UInt64, unit: String) {
        guard bytes > 0, let unit = all.last(where: { bytes % $0.bytes == 0 }) else { return (0, "bytes") }
        return (bytes / unit.bytes, unit.name)
    }

    static func text(of bytes: UInt64) -> String {
        let (amount, unit) = split(bytes)
        return "\(amount) \(unit)"
    }
}
