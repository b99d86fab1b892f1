extension Match {
    /// Headers of which every judged frame has all or nothing; there one load serves prefixes of all lengths.
    private static let wholeHeaders = ["ether ", "ip ", "ip6 "]

    /// The match as the kernel makes it. Of a field that is held against a prefix of whole octets nft loads those octets and no more, so
    /// that they can be read where the rest of the field is cut off.
    package var loaded: Match {
        guard case .single(.prefix(let base, let length)) = operand, length > 0, length % 8 == 0, length < field.bitWidth,
            !key.isConcatenation, mask == nil, key.first.xor == 0,
            case .payload(let header, let offset) = field.source, offset % 8 == 0,
            !Self.wholeHeaders.contains(where: { field.words.hasPrefix($0) }),
            let octets = Field.raw(header, bitOffset: offset, bitWidth: length)
        else { return self }
        var match = self
        match.field = octets
        match.operand = .single(.number(base >> UInt128(field.bitWidth - length)))
        return match
    }
}
