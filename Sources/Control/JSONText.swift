/// Texts as JSON has them, in ASCII only, so that no reader's terminal obeys one.
public enum JSONText {
    /// Maximum characters of a text from a client that is shown in a message.
    private static let longestShown = 40

    /// With quotes.
    public static func quoted(_ text: some StringProtocol) -> String {
        var result = "\""
        for unit in text.utf16 {
            switch unit {
            case 0x22: result += "\\\""
            case 0x5c: result += "\\\\"
            case 0x0a: result += "\\n"
            case 0x20..<0x7f: result.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default:
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result + "\""
    }

    /// A text from a client for a message: short, and with nothing that isn't printable.
    static func shown(_ text: String) -> String {
        let printable = String(text.unicodeScalars.prefix(longestShown).map { (0x21..<0x7f).contains($0.value) ? Character($0) : "?" })
        return printable.isEmpty ? "a member without a name" : printable
    }
}
