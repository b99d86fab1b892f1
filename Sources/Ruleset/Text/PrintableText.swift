/// Text from outside (names of files and interfaces, comments, prefixes, packets in words) as it may stand on a terminal.
///
/// A control or format character could move the cursor, change colours, set the terminal's title, or turn the order of letters around:
/// each is written out as `\u{1b}`. Text without any comes back as it is.
public enum PrintableText {
    /// For a part of a line: breaks of lines are written out too.
    public static func line(_ text: String) -> String { escaped(text) { _ in false } }

    /// For lines of text: their breaks and tabs stay.
    public static func lines(_ text: String) -> String { escaped(text) { $0 == "\n" || $0 == "\t" } }

    /// For JSON that is written already: inside its strings such characters become `\u001b`. Outside of them none can stand but breaks.
    public static func json(_ text: String) -> String {
        guard !isPlain(text) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isShown(scalar) || scalar == "\n" || scalar == "\t" {
                result.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 { result += "\\u" + hexadecimal(UInt32(unit), digits: 4) }
            }
        }
        return result
    }

    /// True if a terminal shows a scalar, and does nothing else with it.
    public static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7f }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return false
        default: return true
        }
    }

    /// Nothing but visible ASCII: nearly all text is, and then nothing is copied.
    private static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f } }

    private static func escaped(_ text: String, keeps: (Unicode.Scalar) -> Bool) -> String {
        guard !isPlain(text) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isShown(scalar) || keeps(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{" + hexadecimal(scalar.value, digits: 1) + "}"
            }
        }
        return result
    }

    private static func hexadecimal(_ number: UInt32, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
