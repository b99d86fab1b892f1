/// Addresses between text and number.
enum AddressText {
    /// True if the colons and dots are those of an address. Quick, since it is asked for every part of what could be one.
    static func isPlausible(_ bytes: ArraySlice<UInt8>) -> Bool {
        var (colons, doubleColons, dots) = (0, 0, 0)
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == UInt8(ascii: ".") { dots += 1 }
            if byte == UInt8(ascii: ":") {
                colons += 1
                if previous == byte { doubleColons += 1 }
            }
            previous = byte
        }
        if dots > 0 { return dots == 3 && (colons == 0 || doubleColons == 1) }
        return doubleColons == 1 || (doubleColons == 0 && (colons == 5 || colons == 7))
    }

    /// True if nft's scanner takes the text as an address. It does not mind octets above 255; `ipv4` does.
    static func isLexical(_ text: String) -> Bool {
        if text.contains(":") {
            return ethernet(text) != nil || isLexicalIPv6(text)
        }
        return octets(text) != nil
    }

    /// The last two groups may be dotted digits (RFC 4291 2.2), where there is a `::` for nft.
    private static func isLexicalIPv6(_ text: String) -> Bool {
        guard text.contains("."), let colon = text.lastIndex(of: ":") else { return ipv6(text) != nil }
        return text.contains("::") && octets(String(text[text.index(after: colon)...])) != nil && ipv6(text[...colon] + "0.0.0.0") != nil
    }

    private static func octets(_ text: String) -> [Substring]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        return parts.allSatisfy { (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isDigit) } ? parts : nil
    }

    /// Four decimal octets. A leading zero is refused: the resolver that nft asks reads such an octet as octal.
    static func ipv4(_ text: String) -> UInt128? {
        guard let parts = octets(text) else { return nil }
        var address: UInt128 = 0
        for part in parts {
            guard part == "0" || !part.hasPrefix("0"), let octet = UInt8(part) else { return nil }
            address = address << 8 | UInt128(octet)
        }
        return address
    }

    /// RFC 4291 2.2: eight groups, `::` for one or more groups of zeros, the last two perhaps as dotted digits.
    static func ipv6(_ text: String) -> UInt128? {
        var head = text
        var tail: [UInt16] = []
        if text.contains(".") {
            guard let colon = text.lastIndex(of: ":"), let embedded = ipv4(String(text[text.index(after: colon)...])) else { return nil }
            tail = [UInt16(truncatingIfNeeded: embedded >> 16), UInt16(truncatingIfNeeded: embedded)]
            head = String(text[...colon])
            // "::1.2.3.4" leaves "::", "::ffff:1.2.3.4" leaves "::ffff:" with a colon too many.
            if head.hasSuffix(":"), !head.hasSuffix("::") { head.removeLast() }
        }
        let halves = head.splitAtDoubleColon()
        guard let left = groups(halves.left) else { return nil }
        guard let rightText = halves.right else {
            let all = left + tail
            return all.count == 8 ? number(all) : nil
        }
        guard let right = groups(rightText) else { return nil }
        let known = left.count + right.count + tail.count
        guard known <= 7 else { return nil }
        return number(left + [UInt16](repeating: 0, count: 8 - known) + right + tail)
    }

    private static func groups(_ text: Substring) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        for part in text.split(separator: ":", omittingEmptySubsequences: false) {
            guard groups.count < 8, (1...4).contains(part.utf8.count), part.utf8.allSatisfy(\.isHexDigit),
                let group = UInt16(part, radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    private static func number(_ groups: [UInt16]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    /// Six groups of one or two hexadecimal digits.
    static func ethernet(_ text: String) -> UInt128? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var address: UInt128 = 0
        for part in parts {
            guard (1...2).contains(part.utf8.count), part.utf8.allSatisfy(\.isHexDigit), let octet = UInt8(part, radix: 16) else {
                return nil
            }
            address = address << 8 | UInt128(octet)
        }
        return address
    }

    static func text(ipv4 address: UInt128) -> String {
        [24, 16, 8, 0].map { String(UInt8(truncatingIfNeeded: address >> UInt128($0))) }.joined(separator: ".")
    }

    /// As `inet_ntop` writes it: RFC 5952, and dotted digits for IPv4-compatible and IPv4-mapped addresses.
    static func text(ipv6 address: UInt128) -> String {
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: address >> UInt128((7 - $0) * 16)) }
        var best = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, groups[end] == 0 { end += 1 }
            if end - index > best.count, end - index >= 2 { best = index..<end }
            index = max(end, index + 1)
        }
        if best == 0..<6 { return "::" + text(ipv4: address) }
        if best == 0..<5, groups[5] == 0xffff { return "::ffff:" + text(ipv4: address & 0xffff_ffff) }
        let hex = groups.map { String($0, radix: 16) }
        if best.isEmpty { return hex.joined(separator: ":") }
        return hex[..<best.lowerBound].joined(separator: ":") + "::" + hex[best.upperBound...].joined(separator: ":")
    }

    static func text(ethernet address: UInt128) -> String {
        (0..<6).map { position in
            let octet = UInt8(truncatingIfNeeded: address >> UInt128((5 - position) * 8))
            return (octet < 16 ? "0" : "") + String(octet, radix: 16)
        }.joined(separator: ":")
    }
}

extension String {
    /// What stands before and after the first `::`; the second half is nil if there is none.
    fileprivate func splitAtDoubleColon() -> (left: Substring, right: Substring?) {
        var index = startIndex
        while index < endIndex {
            let after = self.index(after: index)
            if self[index] == ":", after < endIndex, self[after] == ":" {
                return (self[..<index], self[self.index(after: after)...])
            }
            index = after
        }
        return (self[...], nil)
    }
}
