/// Addresses between the braces of a long list, read straight from the text: one token in place of two or three for each.
///
/// Only the plain form is read so: addresses of one family, prefixes and ranges of them without blanks inside, commas, a line break on
/// either side, comments. In every other case the lexer makes ordinary tokens of the same text, and what is wrong in it is found there.
final class PackedLiterals: Sendable, Equatable {
    /// In the order of the text.
    let elements: PackedElements
    /// One of them is written as a prefix or a range.
    let hasIntervals: Bool
    /// The text that they stand in, from the first octet after the brace to the closing one.
    private let bytes: ArraySlice<UInt8>
    private let start: Lexer.Place

    init(_ elements: PackedElements, hasIntervals: Bool, bytes: ArraySlice<UInt8>, start: Lexer.Place) {
        self.elements = elements
        self.hasIntervals = hasIntervals
        self.bytes = bytes
        self.start = start
    }

    /// The same text as ordinary tokens, without an end.
    var tokens: [Token] { Lexer.tokens(of: bytes, from: start, file: elements.file) }

    static func == (left: PackedLiterals, right: PackedLiterals) -> Bool { left === right }

    /// Elements from which on they are packed. What people write by hand takes the general way.
    static let threshold = 64
}

extension PackedLiterals {
    /// What a list of addresses takes up in a text.
    struct Extent {
        var count: Int
        var isWide: Bool
        var hasIntervals: Bool
        /// Of the brace that closes it.
        var end: Int
    }

    /// The list that begins at the position, after its brace, if it would be packed. Nothing is kept of it.
    static func extent(in bytes: [UInt8], from position: Int) -> Extent? {
        var scan = AddressScan(bytes: bytes, position: position, line: 1, column: 1, keepsAddresses: false)
        guard let end = scan.end(), scan.count >= threshold else { return nil }
        return Extent(count: scan.count, isWide: scan.wideCount > 0, hasIntervals: scan.hasIntervals, end: end)
    }
}

extension Lexer {
    /// Reads addresses up to the brace that closes the list, which is the next octet then.
    /// - Returns: Nil, with the position where it was, if there is anything else or there are too few.
    mutating func packedLiterals(threshold: Int = PackedLiterals.threshold) -> PackedLiterals? {
        var scan = AddressScan(bytes: bytes, position: place.position, line: place.line, column: place.column)
        guard let content = scan.elements(), content.count >= threshold else { return nil }
        let literals = PackedLiterals(
            PackedElements(content.content, file: file), hasIntervals: scan.hasIntervals,
            bytes: bytes[place.position..<scan.position], start: place)
        place = Place(position: scan.position, line: scan.line, column: scan.column, isAtLineStart: scan.isAtLineStart)
        return literals
    }
}

/// A scan of text for addresses.
private struct AddressScan {
    let bytes: [UInt8]
    var position: Int
    var line: Int
    var column: Int
    var hasIntervals = false
    var isAtLineStart = false
    private var narrow: [PackedElements.Element<UInt32>] = []
    private var wide: [PackedElements.Element<UInt128>] = []
    private var narrowCount = 0
    private(set) var wideCount = 0
    private let keepsAddresses: Bool

    init(bytes: [UInt8], position: Int, line: Int, column: Int, keepsAddresses: Bool = true) {
        self.keepsAddresses = keepsAddresses
        self.bytes = bytes
        self.position = position
        self.line = line
        self.column = column
    }

    private var byte: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func step(_ count: Int = 1) {
        position += count
        column += count
        isAtLineStart = false
    }

    /// Nil if not everything up to the closing brace is an address.
    mutating func elements() -> (content: PackedElements.Content, count: Int)? {
        guard end() != nil else { return nil }
        return wideCount == 0 ? (.ipv4(narrow), narrow.count) : (.ipv6(wide), wide.count)
    }

    /// Addresses so far.
    var count: Int { narrowCount + wideCount }

    /// Goes to the closing brace. Nil if not everything before it is an address of one family.
    mutating func end() -> Int? {
        guard skipBlanks() else { return nil }
        while true {
            guard readElement(), skipBlanks() else { return nil }
            if byte == UInt8(ascii: "}") { break }
            guard byte == UInt8(ascii: ",") else { return nil }
            step()
            guard skipBlanks() else { return nil }
            if byte == UInt8(ascii: "}") { break }
        }
        return position
    }

    /// Blanks, comments and at most one line break.
    private mutating func skipBlanks() -> Bool {
        var breaks = 0
        while true {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"):
                position += 1
                column += 1
            case UInt8(ascii: "#"):
                guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else { return false }
                // A comment that has its line to itself is no line.
                if isAtLineStart {
                    position = end + 1
                    line += 1
                    column = 1
                } else {
                    // Characters, where octets are not.
                    column += bytes[position..<end].reduce(0) { $0 + ($1 & 0xc0 != 0x80 ? 1 : 0) }
                    position = end
                }
            case UInt8(ascii: "\n"):
                breaks += 1
                guard breaks == 1 else { return false }
                position += 1
                line += 1
                column = 1
                isAtLineStart = true
            default: return true
            }
        }
    }

    private mutating func readElement() -> Bool {
        let (from, start) = (position, column)
        if let low = readIPv4() {
            guard let high = readEnd(low, bitWidth: 32, number: { $0.readIPv4() }) else { return false }
            guard endsWord else { return false }
            let place = PackedElements.Place(line: line, column: start, length: position - from)
            if keepsAddresses { narrow.append(PackedElements.Element(low: low, high: high, place: place)) }
            narrowCount += 1
            return wideCount == 0
        }
        (position, column) = (from, start)
        guard let low = readIPv6(), let high = readEnd(low, bitWidth: 128, number: { $0.readIPv6() }), endsWord else { return false }
        let place = PackedElements.Place(line: line, column: start, length: position - from)
        if keepsAddresses { wide.append(PackedElements.Element(low: low, high: high, place: place)) }
        wideCount += 1
        return narrowCount == 0
    }

    private var endsWord: Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "#"): true
        default: false
        }
    }

    /// After an address: what makes it a range or a prefix. The address itself if there is nothing.
    private mutating func readEnd<Number: FixedWidthInteger & UnsignedInteger>(
        _ low: Number, bitWidth: Int, number: (inout AddressScan) -> Number?
    ) -> Number? {
        switch byte {
        case UInt8(ascii: "-"):
            step()
            hasIntervals = true
            guard let high = number(&self), low <= high else { return nil }
            return high
        case UInt8(ascii: "/"):
            step()
            hasIntervals = true
            guard let length = readDecimal(upTo: bitWidth) else { return nil }
            let host: Number = length == 0 ? .max : (1 << Number(bitWidth - length)) &- 1
            // Bits after the prefix are left out, as nft does; a prefix of IPv4 of other than four octets is not read here.
            guard low & host == 0 else { return nil }
            return low | host
        default: return low
        }
    }

    /// Decimal digits without a leading zero.
    private mutating func readDecimal(upTo limit: Int) -> Int? {
        let first = byte
        guard first.isDigit else { return nil }
        var number = 0
        var digits = 0
        while byte.isDigit {
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
            digits += 1
            guard number <= limit, digits == 1 || first != UInt8(ascii: "0") else { return nil }
            step()
        }
        return number
    }

    private mutating func readIPv4() -> UInt32? {
        var address: UInt32 = 0
        for octet in 0..<4 {
            if octet > 0 {
                guard byte == UInt8(ascii: ".") else { return nil }
                step()
            }
            guard let number = readDecimal(upTo: 255) else { return nil }
            address = address << 8 | UInt32(number)
        }
        return address
    }

    /// RFC 4291 2.2, without dotted digits.
    private mutating func readIPv6() -> UInt128? {
        var (left, right): (UInt128, UInt128) = (0, 0)
        var (before, after) = (0, 0)
        var hasGap = false
        if byte == UInt8(ascii: ":") {
            step()
            guard byte == UInt8(ascii: ":") else { return nil }
            step()
            hasGap = true
        }
        while let group = readGroup() {
            if hasGap {
                right = right << 16 | UInt128(group)
                after += 1
            } else {
                left = left << 16 | UInt128(group)
                before += 1
            }
            guard before + after <= 8 else { return nil }
            guard byte == UInt8(ascii: ":") else { break }
            step()
            if byte == UInt8(ascii: ":") {
                guard !hasGap else { return nil }
                step()
                hasGap = true
            } else if !byte.isHexDigit {
                return nil
            }
        }
        guard hasGap ? before + after <= 7 : before == 8 else { return nil }
        return (before == 0 ? 0 : left << UInt128(16 * (8 - before))) | right
    }

    private mutating func readGroup() -> UInt16? {
        var group: UInt16 = 0
        var digits = 0
        while digits < 4, let digit = byte.hexValue {
            group = group << 4 | UInt16(digit)
            digits += 1
            step()
        }
        return digits == 0 || byte.isHexDigit ? nil : group
    }
}
