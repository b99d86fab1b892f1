/// Numbers between text and value.
enum NumberText {
    enum Reading: Equatable {
        case value(UInt128), leadingZero, tooLarge, noNumber
    }

    static func value(of text: String) -> Reading {
        if text.hasPrefix("0x") || text.hasPrefix("0X") {
            let digits = text.dropFirst(2)
            guard !digits.isEmpty, digits.utf8.allSatisfy(\.isHexDigit) else { return .noNumber }
            return UInt128(digits, radix: 16).map(Reading.value) ?? .tooLarge
        }
        guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit) else { return .noNumber }
        if text.hasPrefix("0"), text.utf8.count > 1 { return .leadingZero }
        return UInt128(text).map(Reading.value) ?? .tooLarge
    }
}
