/// nft's spans of time: `1d2h3m4s5ms`, in this order, each part once.
enum Duration {
    private static let units: [(name: String, milliseconds: UInt64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// How many of the bytes from `start` on are a span of time; 0 if none begins there.
    static func length(in bytes: [UInt8], from start: Int) -> Int {
        var end = start
        for unit in units {
            var next = end
            while next < bytes.count, bytes[next].isDigit { next += 1 }
            let rest = bytes[min(next, bytes.count)...]
            // `5ms` is no minute.
            guard next > end, rest.starts(with: unit.name.utf8), unit.name != "m" || rest.dropFirst().first != UInt8(ascii: "s") else {
                continue
            }
            end = next + unit.name.utf8.count
        }
        return end - start
    }

    /// Milliseconds; nil for what is no span of time or too long.
    static func milliseconds(of text: String) -> UInt64? {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, length(in: bytes, from: 0) == bytes.count else { return nil }
        var sum: UInt64 = 0
        var number: UInt64 = 0
        var index = 0
        while index < bytes.count {
            if bytes[index].isDigit {
                let (tens, first) = number.multipliedReportingOverflow(by: 10)
                let (next, second) = tens.addingReportingOverflow(UInt64(bytes[index] - UInt8(ascii: "0")))
                if first || second { return nil }
                number = next
                index += 1
                continue
            }
            let unit = units.last {
                bytes[index...].starts(with: $0.name.utf8) && ($0.name != "m" || bytes.dropFirst(index + 1).first != UInt8(ascii: "s"))
            }
            guard let unit else { return nil }
            let (product, first) = number.multipliedReportingOverflow(by: unit.milliseconds)
            let (next, second) = sum.addingReportingOverflow(product)
            if first || second { return nil }
            (sum, number) = (next, 0)
            index += unit.name.utf8.count
        }
        return sum
    }

    static func text(of milliseconds: UInt64) -> String {
        var rest = milliseconds
        var text = ""
        for unit in units {
            if rest >= unit.milliseconds { text += "\(rest / unit.milliseconds)\(unit.name)" }
            rest %= unit.milliseconds
        }
        return text.isEmpty ? "0s" : text
    }
}
