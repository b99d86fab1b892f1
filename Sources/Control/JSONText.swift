/// Texts as JSON has them, in ASCII only, so that no reader's terminal obeys one.
public enum JSONText {
    /// Maximum characters of a text from a client that is shown in a message.
    private static let longestShown = 40

    /// With quotes.
    public static func quoted(_ text: some StringProtocol) -> String {
        // Bytes and not characters: a list of connections is tens of megabytes.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        bytes.append(0x22)
        for unit in text.utf16 {
            switch unit {
            case 0x22, 0x5c: bytes += [0x5c, UInt8(unit)]
            case 0x0a: bytes += [0x5c, 0x6e]
            case 0x20..<0x7f: bytes.append(UInt8(unit))
            default:
                bytes += [0x5c, 0x75]
                for shift in stride(from: 12, through: 0, by: -4) { bytes.append(digits[Int(unit >> shift) & 0xf]) }
            }
        }
        bytes.append(0x22)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// A text from a client for a message: short, and with nothing that isn't printable.
    static func shown(_ text: String) -> String {
        let printable = String(text.unicodeScalars.prefix(longestShown).map { (0x21..<0x7f).contains($0.value) ? Character($0) : "?" })
        return printable.isEmpty ? "a member without a name" : printable
    }
}
