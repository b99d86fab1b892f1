/// Selectors that take more words than two: options of TCP and IPv4, chunks of SCTP, and a routing header's addresses.
extension Parser {
    /// nil if none of them begins after this first word, which has been read.
    mutating func searchedSelector(behind first: String) throws(Abandoned) -> Selector? {
        switch (first, current.text) {
        case ("tcp", "option"): return try tcpOption()
        case ("ip", "option"): return try option(of: .ip, example: "an option: lsrr, rr, ssrr, ra")
        case ("sctp", "chunk"): return try option(of: .sctp, example: "a chunk such as data or init")
        case ("rt0", "addr"), ("srh", "sid"): return try routingAddress(behind: first)
        case ("rt2", _):
            throw fail(
                unsupported: current.location, "'rt2' is not supported: nft takes no value for its address", note: "write: rt type 2")
        case ("rt0", _): throw unexpected(expecting: "addr[1]")
        default: return nil
        }
    }

    /// The option's name, and perhaps one of its fields.
    private mutating func option(of table: OptionTable, example: String) throws(Abandoned) -> Selector {
        next()
        guard current.kind == .word else { throw unexpected(expecting: example) }
        guard let option = table.option(named: current.text) else {
            throw fail(
                current.location, "unknown name '\(printable(current.text))' after '\(table.words)'",
                note: Words.advice(for: current.text, accepted: table.options.map(\.name)))
        }
        next()
        return try fieldOrPresence(of: option, in: table)
    }

    /// Words that may follow the option as a whole.
    private static let behindOption: Set<String> = ["exists", "missing", "vmap", "map", "set"]

    private mutating func fieldOrPresence(of option: OptionTable.Option, in table: OptionTable) throws(Abandoned) -> Selector {
        guard current.kind == .word, !Self.behindOption.contains(current.text) else { return table.selector(option) }
        guard let selector = table.selector(option, current.text) else {
            let fields = table.options.filter { $0.number == option.number }.flatMap { $0.fields.map(\.name) }
            throw fail(
                current.location, "unknown field '\(printable(current.text))' of '\(table.words) \(option.name)'",
                note: Words.advice(for: current.text, accepted: ["exists", "missing"] + Set(fields).sorted()))
        }
        next()
        return selector
    }

    /// `tcp option NAME|NUMBER [FIELD]` or `tcp option @NAME|NUMBER,OFFSET,LENGTH`, both in bits.
    private mutating func tcpOption() throws(Abandoned) -> Selector {
        let start = index
        let table = OptionTable.tcp
        if tokens[min(index + 1, tokens.count - 1)].kind == .word {
            try refuseEcho(at: tokens[index + 1])
            return try option(of: table, example: "an option")
        }
        next()
        let isRaw = skip(.at)
        let number = try optionNumber()
        guard isRaw else {
            // After a number nft only knows the length.
            if let option = table.options.first(where: { $0.number == number }) {
                return at(word: "length") ? try fieldOrPresence(of: option, in: table) : table.selector(option)
            }
            if at(word: "length") {
                throw fail(
                    unsupported: current.location,
                    "the length of an option without a name is not supported: some versions of nft end themselves over its listing",
                    note: "write: tcp option @\(number),8,8")
            }
            return .tcpOption(number)
        }
        let numbers = try bitNumbers()
        let bounded = numbers.map { Int(clamping: $0) }
        guard let selector = Selector.tcpOption(number, bitOffset: bounded[0], bitWidth: bounded[1]) else {
            throw fail(
                location(from: start), "these bits can't be read",
                note: "accepted: lengths of 1 to 128, at most 16 octets in all, and an end of at most 320")
        }
        return selector
    }

    mutating func optionNumber() throws(Abandoned) -> UInt8 {
        if current.kind == .word, let option = OptionTable.tcp.option(named: current.text) {
            next()
            return option.number
        }
        guard current.kind == .number else { throw unexpected(expecting: "an option's name or number") }
        let token = next()
        guard let number = UInt8(exactly: try number(token)) else {
            throw fail(token.location, "\(printable(token.text)) is out of range for an option's kind", note: "accepted: 0 to 255")
        }
        return number
    }

    private mutating func refuseEcho(at token: Token) throws(Abandoned) {
        guard token.text == "echo" else { return }
        throw fail(
            unsupported: token.location, "'tcp option echo' is not supported: some versions of nft read the timestamp option in its place",
            note: "write: tcp option 6")
    }

    /// `rt0 addr[1]`, `srh sid[1]`.
    private mutating func routingAddress(behind first: String) throws(Abandoned) -> Selector {
        let start = index
        next()
        try expect(.leftBracket, for: "and the address's number")
        guard current.kind == .number else { throw unexpected(expecting: "the address's number, the first being 1") }
        let number = try number(next())
        try expect(.rightBracket, for: "after the number")
        guard let selector = Selector.address(Int(clamping: number), behind: first) else {
            throw fail(location(from: start), "there is no such address", note: "accepted: 1 to \(Selector.addressLimit)")
        }
        return selector
    }
}
