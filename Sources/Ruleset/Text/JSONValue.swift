/// A JSON document (RFC 8259) with its members in the order in which they were put.
enum JSONValue: Sendable {
    case null
    case boolean(Bool)
    case number(UInt64)
    case negative(Int64)
    case text(String)
    case array([JSONValue])
    case object([(String, JSONValue)])

    /// A number, or its digits as a text where it has more bits than readers of JSON take.
    init(_ number: UInt128) {
        self = UInt64(exactly: number).map(JSONValue.number) ?? .text("0x" + String(number, radix: 16))
    }

    /// On one line, as nft writes it: a blank after commas and colons.
    var encoded: String {
        var text = ""
        encode(into: &text)
        return text
    }

    private func encode(into text: inout String) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .number(let number): text += String(number)
        case .negative(let number): text += String(number)
        case .text(let string): Self.quote(string, into: &text)
        case .array(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += ", " }
                value.encode(into: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += ", " }
                Self.quote(member.0, into: &text)
                text += ": "
                member.1.encode(into: &text)
            }
            text += "}"
        }
    }

    private static func quote(_ string: String, into text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
