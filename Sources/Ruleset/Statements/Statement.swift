/// One step of a rule.
///
/// Every kind of statement is listed here five times and, as far as the language is concerned, nowhere else: in the cases, in the
/// words that begin it, in its traits, in its text and in its JSON.
public enum Statement: Sendable, Equatable {
    case match(Match)
    /// `counter`, with the numbers that it starts from (`packets N bytes M`; 0 if not written).
    case counter(packets: UInt64, bytes: UInt64, location: SourceLocation)
    case verdict(Verdict, location: SourceLocation)
    case verdictMap(VerdictMap)
    case assignment(Assignment)
    case limit(Limit, location: SourceLocation)
    case quota(Quota, location: SourceLocation)
    /// A named counter, quota or limit, or the timeouts that a new connection is given.
    case object(ObjectReference, location: SourceLocation)
    /// Says that a frame came here, and goes on.
    case log(LogStatement, location: SourceLocation)
    case update(SetUpdate)
    /// One of several named counters, quotas or limits.
    case objectMap(ObjectMap)
    /// Keeps the packet out of tracking; where that has taken place already it makes an invalid packet an untracked one.
    case notrack(location: SourceLocation)
    case connectionCount(ConnectionCount, location: SourceLocation)
    case last(LastUse, location: SourceLocation)
    /// Has no effect on a wire.
    case hostSetting(HostSetting, location: SourceLocation)
}

/// A word that begins a statement, and how the statement is read from that word on.
struct StatementWord: Sendable {
    let word: String
    /// True if a message offers it for a misspelt word.
    let isOffered: Bool
    let read: @Sendable (inout Parser) throws(Parser.Abandoned) -> StatementSyntax

    private init(
        _ word: String, isOffered: Bool = true, read: @escaping @Sendable (inout Parser) throws(Parser.Abandoned) -> StatementSyntax
    ) {
        self.word = word
        self.isOffered = isOffered
        self.read = read
    }

    /// A verdict that is a word and no more.
    private init(_ word: String, _ verdict: Verdict) {
        self.init(word) { (parser) throws(Parser.Abandoned) in .plain(.verdict(verdict, location: parser.next().location)) }
    }

    /// In the order in which messages name them.
    private static let table = [
        StatementWord("accept", .accept),
        StatementWord("drop", .drop),
        StatementWord("reject") { (parser) throws(Parser.Abandoned) in try parser.rejection() },
        StatementWord("jump") { (parser) throws(Parser.Abandoned) in try parser.jump() },
        StatementWord("goto") { (parser) throws(Parser.Abandoned) in try parser.jump() },
        StatementWord("return", .return),
        StatementWord("continue", .continue),
        StatementWord("counter") { (parser) throws(Parser.Abandoned) in try parser.counter() },
        StatementWord("limit") { (parser) throws(Parser.Abandoned) in try parser.limitStatement() },
        StatementWord("quota") { (parser) throws(Parser.Abandoned) in try parser.quotaStatement() },
        StatementWord("log") { (parser) throws(Parser.Abandoned) in try parser.logStatement() },
        StatementWord("last") { (parser) throws(Parser.Abandoned) in try parser.lastUse() },
        StatementWord("add") { (parser) throws(Parser.Abandoned) in try parser.setUpdate() },
        StatementWord("update") { (parser) throws(Parser.Abandoned) in try parser.setUpdate() },
        StatementWord("delete") { (parser) throws(Parser.Abandoned) in try parser.setUpdate() },
        StatementWord("meter") { (parser) throws(Parser.Abandoned) in try parser.meter() },
        StatementWord("set", isOffered: false) { (parser) throws(Parser.Abandoned) in try parser.oldSetUpdate() },
        StatementWord("reset", isOffered: false) { (parser) throws(Parser.Abandoned) in try parser.optionReset() },
        StatementWord("notrack", isOffered: false) { (parser) throws(Parser.Abandoned) in .plain(.notrack(location: parser.next().location))
        },
        StatementWord("ct", isOffered: false) { (parser) throws(Parser.Abandoned) in try parser.connectionStatement() },
        StatementWord("meta", isOffered: false) { (parser) throws(Parser.Abandoned) in try parser.metaStatement() },
        StatementWord("nftrace", isOffered: false) { (parser) throws(Parser.Abandoned) in try parser.traceStatement() },
    ]

    static let all = Dictionary(uniqueKeysWithValues: table.map { ($0.word, $0) })
    static let offered = table.filter(\.isOffered).map(\.word)
}

extension Parser {
    /// `jump` and `goto`, to a chain by its name or to one that stands in the rule.
    fileprivate mutating func jump() throws(Abandoned) -> StatementSyntax {
        let start = index
        let isJump = next().text == "jump"
        if at(.leftBrace) { return .block(try chainBlock(isJump: isJump, from: start)) }
        return .plain(.verdict(try target(isJump: isJump), location: location(from: start)))
    }
}

/// What passes ask of a statement, whatever its kind.
package struct StatementTraits {
    /// The verdicts that a statement may give.
    package enum Verdicts {
        case none
        case one(Verdict)
        /// The verdicts of a map's elements.
        case map(VerdictMap.Elements)
    }

    package var location: SourceLocation
    /// True if there are frames for which the rule ends here, without a verdict.
    package var canFail: Bool
    package var verdicts = Verdicts.none
    /// What is looked up or compared.
    package var key: MatchKey?
    /// All that the statement reads of a frame, in the order in which it does.
    package var reads: [MatchKey.Component]
    /// The set or map of the table that it looks into or changes, by name.
    package var set: String?
    /// True if it reads or writes what tracking knows of the connection.
    package var needsConnection: Bool
    /// True if a match before it may not hold any more after it.
    package var changesPacket = false

    /// A statement that reads nothing of the frame.
    init(_ location: SourceLocation, canFail: Bool, needsConnection: Bool = false) {
        self.location = location
        self.canFail = canFail
        self.needsConnection = needsConnection
        reads = []
    }

    /// A statement with a key, which can fail where the frame does not have it.
    init(_ location: SourceLocation, key: MatchKey, set: String?) {
        self.init(location, canFail: true, needsConnection: key.readsConnection)
        self.key = key
        reads = key.components
        self.set = set
    }

    /// True if what follows in the rule is never reached.
    package var isTerminal: Bool {
        switch verdicts {
        case .none, .map, .one(.continue): false
        case .one: true
        }
    }
}

extension Statement {
    package var traits: StatementTraits {
        switch self {
        case .match(let match):
            var traits = StatementTraits(match.location, key: match.key, set: match.operand.set)
            // Whether a packet is untracked is known before tracking, of one that a rule has kept out.
            if match.asksForUntracked { traits.needsConnection = false }
            return traits
        case .verdictMap(let map):
            var traits = StatementTraits(map.location, key: map.key, set: map.elements.set)
            traits.verdicts = .map(map.elements)
            return traits
        case .objectMap(let map): return StatementTraits(map.location, key: map.key, set: map.elements.set)
        case .update(let update):
            var traits = StatementTraits(update.location, key: update.key, set: update.meterSize == nil ? update.set : nil)
            if case .field(let component) = update.data { traits.reads.append(component) }
            if update.countsConnections { traits.needsConnection = true }
            return traits
        case .assignment(let assignment):
            let key = assignment.value.key
            var traits = StatementTraits(assignment.location, canFail: true)
            (traits.key, traits.reads) = (key, key?.components ?? [])
            if case .mapped(let map) = assignment.value { traits.set = map.elements.set }
            traits.needsConnection = assignment.field == .ctMark || key?.readsConnection == true
            traits.changesPacket = true
            return traits
        case .verdict(let verdict, let location):
            var traits = StatementTraits(location, canFail: false)
            traits.verdicts = .one(verdict)
            return traits
        case .object(let object, let location):
            return StatementTraits(location, canFail: object.kind.canFail, needsConnection: object.kind == .timeout)
        case .notrack(let location):
            var traits = StatementTraits(location, canFail: false)
            traits.changesPacket = true
            return traits
        case .limit(_, let location), .quota(_, let location): return StatementTraits(location, canFail: true)
        case .connectionCount(_, let location): return StatementTraits(location, canFail: true, needsConnection: true)
        case .counter(_, _, let location), .log(_, let location), .last(_, let location), .hostSetting(_, let location):
            return StatementTraits(location, canFail: false)
        }
    }

    /// As it is written. A match is written in several ways, of which its rule says which.
    func text(_ localTime: LocalTime = .utc) -> String {
        switch self {
        case .match(let match): match.text(localTime)
        case .counter(0, 0, _): "counter"
        case .counter: listing(localTime)
        case .verdict(let verdict, _): verdict.text
        case .verdictMap(let map): map.text(localTime)
        case .assignment(let assignment): assignment.text(localTime)
        case .limit(let limit, _): "limit \(limit.text)"
        case .quota(let quota, _): "quota \(quota.text)"
        case .object(let object, _) where object.kind == .timeout: "ct timeout set \"\(object.name)\""
        case .object(let object, _): "\(object.kind.rawValue) name \"\(object.name)\""
        case .notrack: "notrack"
        case .connectionCount(let count, _): count.text
        case .last(let last, _): last.text
        case .hostSetting(let setting, _): setting.text(localTime)
        case .log(let log, _): log.text
        case .update(let update): update.text
        case .objectMap(let map): map.text(localTime)
        }
    }

    /// As nft lists it, with what it remembers.
    func listing(_ localTime: LocalTime = .utc) -> String {
        switch self {
        case .counter(let packets, let bytes, _): "counter packets \(packets) bytes \(bytes)"
        case .last(let last, _): last.listing
        default: text(localTime)
        }
    }

    /// Nil for an implied match.
    func json(_ localTime: LocalTime = .utc) -> JSONValue? {
        switch self {
        case .match(let match): match.isImplied ? nil : .object([("match", match.json(localTime))])
        case .counter(let packets, let bytes, _):
            .object([("counter", .object([("packets", .number(packets)), ("bytes", .number(bytes))]))])
        case .verdict(let verdict, _): verdict.json
        case .verdictMap(let map):
            .object([("vmap", JSONElements(map.key.components.map(\.field), localTime: localTime).map(map.key, map.elements))])
        case .assignment(let assignment): assignment.json(localTime)
        case .limit(let limit, _): .object([("limit", .object(limit.members(inRule: true)))])
        case .quota(let quota, _): .object([("quota", .object(quota.statementMembers))])
        case .object(let reference, _): .object([(reference.kind.rawValue, .text(reference.name))])
        case .log(let log, _): log.json
        case .update(let update): update.json
        case .objectMap(let map): map.json(localTime)
        case .notrack: .object([("notrack", .null)])
        case .connectionCount(let count, _): .object([("ct count", count.json)])
        case .last(let last, _): last.json
        case .hostSetting(let setting, _): setting.json(localTime)
        }
    }
}

extension MatchKey {
    fileprivate var readsConnection: Bool { components.contains { $0.field.connectionKey != nil } }
}

extension Operand {
    /// A set of the table.
    fileprivate var set: String? { if case .named(let name) = self { name } else { nil } }
}

extension VerdictMap.Elements {
    /// A map of the table.
    fileprivate var set: String? { if case .named(let name) = self { name } else { nil } }
}

extension NamedObject.Kind {
    /// True if a rule may end at such an object.
    fileprivate var canFail: Bool {
        switch self {
        case .limit, .quota: true
        case .counter, .timeout: false
        }
    }
}

extension Match {
    /// `ct state untracked`, also negated.
    fileprivate var asksForUntracked: Bool {
        guard field == .ctState, !key.isConcatenation else { return false }
        return mask == Self.untracked || operand == .single(.number(Self.untracked))
    }

    /// linux/netfilter/nf_conntrack_common.h, `NF_CT_STATE_UNTRACKED_BIT`.
    private static let untracked: UInt128 = 64
}

extension SetUpdate {
    fileprivate var countsConnections: Bool { statements.contains { $0.kind == .connectionCount } }
}

extension AssignedValue {
    /// What it is made of; nil for a constant.
    fileprivate var key: MatchKey? {
        switch self {
        case .constant, .removed: nil
        case .field(let field): MatchKey(MatchKey.Component(field))
        case .bits(let component): MatchKey(component)
        case .shifted(let bits):
            MatchKey(MatchKey.Component(bits.field), rest: bits.fields.dropFirst().map { MatchKey.Component($0) })
        case .mapped(let map): map.key
        }
    }
}
