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
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func encode(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append("null")
        case .boolean(let value): bytes.append(value ? "true" : "false")
        case .number(let number): bytes.append(decimal: number)
        case .negative(let number):
            if number < 0 { bytes.append("-") }
            bytes.append(decimal: UInt64(number.magnitude))
        case .text(let string): bytes.append(quoted: string)
        case .array(let values):
            bytes.append("[")
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(", ") }
                value.encode(into: &bytes)
            }
            bytes.append("]")
        case .object(let members):
            bytes.append("{")
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(", ") }
                bytes.append(quoted: member.0)
                bytes.append(": ")
                member.1.encode(into: &bytes)
            }
            bytes.append("}")
        }
    }
}
