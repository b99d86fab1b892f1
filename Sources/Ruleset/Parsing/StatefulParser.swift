/// Limits, quotas, and the named objects of a table.
extension Parser {
    /// `limit rate …` or `limit name X`, from the word on.
    mutating func limitStatement() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        if at(word: "name") { return try reference(to: .limit, from: start) }
        let limit = try limit()
        return .plain(.limit(limit, location: location(from: start)))
    }

    /// `quota …` or `quota name X`, from the word on.
    mutating func quotaStatement() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        if at(word: "name") { return try reference(to: .quota, from: start) }
        let quota = try quota()
        return .plain(.quota(quota, location: location(from: start)))
    }

    /// `name X`, after the kind of object; nft also takes the name in quotes, and lists it so.
    mutating func reference(to kind: NamedObject.Kind, from start: Int) throws(Abandoned) -> StatementSyntax {
        next()
        if current.kind == .word, Selector.grammar[current.text] != nil { return try objectMap(to: kind, from: start) }
        let name: String
        if current.kind == .quoted { name = next().text } else { name = try identifier(kind.rawValue) }
        return .plain(.object(ObjectReference(kind: kind, name: name), location: location(from: start)))
    }

    /// `rate [over] N/unit [burst B packets]`, or `rate [over] N kbytes/unit [burst B mbytes]`.
    private mutating func limit() throws(Abandoned) -> Limit {
        let start = index
        guard at(word: "rate") else { throw unexpected(expecting: "'rate' or 'name' after 'limit'") }
        next()
        let isOver = skip(word: "over")
        guard current.kind == .number else { throw unexpected(expecting: "a number, as in: limit rate 10/second") }
        let rateToken = next()
        let number = try number(rateToken)
        let (scale, unit) = try rateUnit()
        let rate = try scaled(number, by: scale ?? 1, rateToken)
        var limit = Limit(
            rate: rate, unit: unit, measure: scale == nil ? .packets : .bytes, burst: scale == nil ? Limit.defaultPacketBurst : 0,
            isOver: isOver)
        if skip(word: "burst") { limit.burst = try burst(of: limit.measure) }
        guard rate > 0 else { throw fail(rateToken.location, "a rate of 0 lets nothing pass", note: "accepted: 1 or more") }
        guard limit.depth != nil else {
            throw fail(
                location(from: start), "the limit is larger than the kernel counts: its bucket holds more than 2^64 nanoseconds",
                note: "write a smaller rate or burst, or a shorter unit of time")
        }
        return limit
    }

    /// `/second`, or `kbytes/second`, which nft's scanner takes for one word; then with the bytes of its first half.
    private mutating func rateUnit() throws(Abandoned) -> (scale: UInt64?, unit: Limit.Unit) {
        let units = Limit.Unit.allCases
        let accepted = units.map(\.name).joined(separator: ", ")
        guard current.kind == .word else {
            return (nil, try timeUnit())
        }
        if let bytes = ByteUnit.all.first(where: { $0.name == current.text }) {
            next()
            return (bytes.bytes, try timeUnit())
        }
        let halves = current.text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let bytes = ByteUnit.all.first(where: { $0.name == halves[0] }),
            let unit = units.first(where: { $0.name == halves[1] })
        else {
            throw unexpected(expecting: "bytes, kbytes or mbytes, '/', and \(accepted)")
        }
        next()
        return (bytes.bytes, unit)
    }

    /// `/ second`, apart from what is before it.
    private mutating func timeUnit() throws(Abandoned) -> Limit.Unit {
        try expect(.slash, for: "and a unit of time, as in: limit rate 10/second")
        guard current.kind == .word, let unit = Limit.Unit.allCases.first(where: { $0.name == current.text }) else {
            throw unexpected(expecting: Limit.Unit.allCases.map(\.name).joined(separator: ", "))
        }
        next()
        return unit
    }

    /// `burst B packets`, or `burst B kbytes`, after the word.
    private mutating func burst(of measure: Limit.Measure) throws(Abandoned) -> UInt32 {
        guard current.kind == .number else { throw unexpected(expecting: "a number after 'burst'") }
        let token = next()
        let number = try number(token)
        var scale: UInt64 = 1
        switch measure {
        case .packets:
            guard skip(word: "packets") else { throw unexpected(expecting: "'packets': the rate is one of packets") }
            if number == 0 { throw fail(token.location, "a burst of packets is 1 or more") }
        case .bytes:
            guard let unit = try byteScale() else { throw unexpected(expecting: "bytes, kbytes or mbytes: the rate is one of bytes") }
            scale = unit
        }
        guard let burst = UInt32(exactly: try scaled(number, by: scale, token)) else {
            throw fail(token.location, "the burst is out of range", note: "accepted: up to \(UInt32.max)")
        }
        return burst
    }

    /// `[over|until] N bytes [used M bytes]`.
    private mutating func quota() throws(Abandoned) -> Quota {
        let isOver = skip(word: "over")
        if !isOver { _ = skip(word: "until") }
        let (bytes, location) = try byteCount()
        guard bytes <= Quota.largest else {
            throw fail(location, "the quota is out of range", note: "accepted: up to \(Quota.largest) bytes")
        }
        var quota = Quota(bytes: bytes, isOver: isOver)
        if skip(word: "used") {
            let (used, location) = try byteCount()
            guard used <= bytes else { throw fail(location, "more is used than the quota has", note: "accepted: up to \(bytes) bytes") }
            quota.used = used
        }
        return quota
    }

    private mutating func byteCount() throws(Abandoned) -> (UInt64, SourceLocation) {
        let start = index
        guard current.kind == .number else { throw unexpected(expecting: "a number of bytes, kbytes or mbytes") }
        let token = next()
        let number = try number(token)
        guard let scale = try byteScale() else { throw unexpected(expecting: "bytes, kbytes or mbytes") }
        return (try scaled(number, by: scale, token), location(from: start))
    }

    /// nil if no unit of bytes begins here.
    private mutating func byteScale() throws(Abandoned) -> UInt64? {
        guard current.kind == .word else { return nil }
        guard let unit = ByteUnit.all.first(where: { $0.name == current.text }) else {
            throw unexpected(expecting: ByteUnit.all.map(\.name).joined(separator: ", "))
        }
        next()
        return unit.bytes
    }

    /// nft lets the product wrap round; here it is an error.
    private mutating func scaled(_ number: UInt64, by scale: UInt64, _ token: Token) throws(Abandoned) -> UInt64 {
        let (product, overflow) = number.multipliedReportingOverflow(by: scale)
        if overflow { throw fail(token.location, "the number is too large", note: "accepted: up to \(UInt64.max) bytes") }
        return product
    }

    mutating func skip(word: String) -> Bool {
        guard at(word: word) else { return false }
        next()
        return true
    }

    /// `counter NAME { … }` in a table, or after `add`; `quota` and `limit` too. From the name on.
    mutating func namedObject(_ kind: NamedObject.Kind, from start: Int) throws(Abandoned) -> NamedObject {
        let name = try identifier(kind.rawValue)
        var object = NamedObject(name: name, content: .counter(packets: 0, bytes: 0), location: location(from: start))
        if kind == .quota { object.content = .quota(Quota(bytes: 0)) }
        var hasContent = kind != .limit
        guard at(.leftBrace) else {
            if kind == .counter { return object }
            object.content = try content(of: kind)
            return object
        }
        next()
        try block("\(kind.rawValue) '\(printable(name))'") { (parser) throws(Abandoned) in
            if parser.at(word: "comment") {
                try parser.blockComment(&object.comment)
            } else if try !parser.definition() {
                hasContent = true
                object.content = try parser.content(of: kind)
            } else {
                return
            }
            parser.endsBlock = true
        }
        if !hasContent { throw fail(object.location, "the limit has no rate", note: "write: limit \(printable(name)) { rate 10/second; }") }
        return object
    }

    private mutating func content(of kind: NamedObject.Kind) throws(Abandoned) -> NamedObject.Content {
        switch kind {
        case .quota: return .quota(try quota())
        case .limit: return .limit(try limit())
        case .counter, .timeout: break
        }
        guard skip(word: "packets"), current.kind == .number else { throw unexpected(expecting: "packets N bytes M") }
        let packets = try number(next())
        guard skip(word: "bytes"), current.kind == .number else { throw unexpected(expecting: "'bytes' and a number") }
        return .counter(packets: packets, bytes: try number(next()))
    }
}

extension Limit {
    /// As it stands in a rule: `rate over 10/second burst 7 packets`.
    var text: String { text(isNamed: false) }

    /// nft 1.1 writes the burst that is the default too, but in named limits.
    func text(isNamed: Bool) -> String {
        let start = "rate \(isOver ? "over " : "")"
        switch measure {
        case .packets:
            let isDefault = burst == Self.defaultPacketBurst && (isNamed || ListingVersion.current == .nft106)
            return start + "\(rate)/\(unit.name)" + (isDefault ? "" : " burst \(burst) packets")
        case .bytes:
            return start + "\(ByteUnit.text(of: rate))/\(unit.name)" + (burst == 0 ? "" : " burst \(ByteUnit.text(of: UInt64(burst)))")
        }
    }
}

extension Quota {
    /// As it stands in a rule after `quota`, and in a named quota.
    var text: String { (isOver ? "over " : "") + ByteUnit.text(of: bytes) + (used == 0 ? "" : " used \(ByteUnit.text(of: used))") }
}

extension NamedObject {
    var text: String {
        let content =
            switch content {
            case .counter(let packets, let bytes): "packets \(packets) bytes \(bytes)"
            case .quota(let quota): quota.text
            case .limit(let limit): limit.text(isNamed: true)
            case .timeout(let timeout): timeout.text
            }
        let comment = comment.map { "\t\tcomment \"\($0)\"\n" } ?? ""
        return "\t\(kind.rawValue) \(name) {\n\(comment)\t\t\(content)\n\t}\n"
    }
}
