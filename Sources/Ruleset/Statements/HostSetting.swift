/// What a rule sets for the host's own use of a packet or its connection, which a wire has no use for: nothing is changed here.
public enum HostSetting: Sendable, Equatable {
    /// `ct event set`: which events of the connection conntrack's listeners are told, a bit each
    /// (linux/netfilter/nf_conntrack_common.h, `enum ip_conntrack_events`).
    case connectionEvents(UInt32)
    /// `meta nftrace set 1`: that `nft monitor trace` shows the packet's way.
    case trace(Bool)
    /// `meta priority set`: the class in which the port's queue would send it. Apart, so that the statements of all rules aren't larger.
    indirect case priority(Assignment)

    /// nft's names, from bit 0 on (src/ct.c).
    private static let events = [
        "new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "seqadj", "secmark", "label",
    ]

    /// The bit of an event's name.
    static func event(_ name: String) -> UInt32? { events.firstIndex(of: name).map { 1 << UInt32($0) } }

    static var eventNames: [String] { events }

    private static func unnamed(_ bits: UInt32) -> UInt32 { bits & ~((1 << UInt32(events.count)) - 1) }

    /// The names of the bits, and the rest as a number, as nft lists them.
    private static func names(_ bits: UInt32) -> [String] {
        let named = events.indices.filter { bits >> UInt32($0) & 1 == 1 }.map { events[$0] }
        let rest = unnamed(bits)
        return named + (rest != 0 || named.isEmpty ? ["0x\(String(rest, radix: 16))"] : [])
    }

    /// As nft lists it.
    func text(_ localTime: LocalTime) -> String {
        switch self {
        case .connectionEvents(let bits): "ct event set \(Self.names(bits).joined(separator: ","))"
        case .trace(let isOn): "meta nftrace set \(isOn ? 1 : 0)"
        case .priority(let assignment): assignment.text(localTime)
        }
    }

    func json(_ localTime: LocalTime) -> JSONValue {
        switch self {
        case .connectionEvents(let bits):
            let rest = UInt64(Self.unnamed(bits))
            let names: [JSONValue] = Self.names(bits).map { $0.hasPrefix("0x") ? .number(rest) : .text($0) }
            return Self.mangle("ct", "event", names.count == 1 ? names[0] : .array(names))
        case .trace(let isOn): return Self.mangle("meta", "nftrace", .number(isOn ? 1 : 0))
        case .priority(let assignment): return assignment.json(localTime)
        }
    }

    private static func mangle(_ word: String, _ key: String, _ value: JSONValue) -> JSONValue {
        .object([("mangle", .object([("key", .object([(word, .object([("key", .text(key))]))])), ("value", value)]))])
    }

    /// Its words, and why it does nothing here, for a warning.
    package var warning: (words: String, note: String) {
        switch self {
        case .connectionEvents: ("ct event set", "there is no conntrack here whose listeners could choose events")
        case .trace: ("meta nftrace set", "'weir explain' shows which rules a packet comes to; 'log' writes it during a run")
        case .priority: ("meta priority set", "Weir sends frames in the order in which they come")
        }
    }
}

extension Parser {
    /// `ct event set new,destroy`, from `ct` on.
    mutating func connectionEvents() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        next()
        guard skip(word: "set") else { throw unexpected(expecting: "'set' after 'ct event'") }
        var bits = try eventBits()
        while skip(.comma) || skip(.bar) || skip(word: "or") { bits |= try eventBits() }
        return .plain(.hostSetting(.connectionEvents(bits), location: location(from: start)))
    }

    private mutating func eventBits() throws(Abandoned) -> UInt32 {
        if current.kind == .number {
            guard let bits = UInt32(exactly: try number(next())) else {
                throw fail(tokens[index - 1].location, "the number is out of range", note: "accepted: 32 bits")
            }
            return bits
        }
        guard current.kind == .word, let bit = HostSetting.event(current.text) else {
            throw unexpected(expecting: "an event of connections: \(HostSetting.eventNames.joined(separator: ", "))")
        }
        next()
        return bit
    }

    /// `meta nftrace set 1`, or whatever else begins with `meta`.
    mutating func metaStatement() throws(Abandoned) -> StatementSyntax {
        let following = tokens[min(index + 1, tokens.count - 1)]
        guard following.kind == .word, following.text == "nftrace" else { return try match() }
        let start = index
        next()
        return try trace(from: start)
    }

    /// `nftrace set 1`.
    mutating func traceStatement() throws(Abandoned) -> StatementSyntax { try trace(from: index) }

    private mutating func trace(from start: Int) throws(Abandoned) -> StatementSyntax {
        next()
        guard skip(word: "set") else {
            throw fail(
                location(from: start), "'meta nftrace' can't be matched",
                note: "nft only sets it; 'weir explain' shows which rules a packet comes to")
        }
        guard current.kind == .number, case let number = try number(current), number < 2 else {
            throw unexpected(expecting: "0 or 1")
        }
        next()
        return .plain(.hostSetting(.trace(number == 1), location: location(from: start)))
    }
}
