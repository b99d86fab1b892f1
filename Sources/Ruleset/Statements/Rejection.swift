// `reject`: drops a frame, and says so to its sender (net/netfilter/nft_reject.c).

/// What the sender of a frame that a rule rejects is told. What can't be told of a frame is not, and the frame is dropped all the same.
public enum Rejection: Sendable, Hashable, BitwiseCopyable {
    /// A TCP segment with RST.
    case tcpReset
    /// ICMP "destination unreachable" with this code. nft lets no rule get here with other packets than IPv4's.
    case icmp(UInt8)
    /// ICMPv6 "destination unreachable" with this code.
    case icmpv6(UInt8)
    /// That of the two which suits the packet.
    case either(Reason)

    /// `icmpx`'s reasons, under nft's numbers (linux/netfilter/nf_tables.h, `nft_reject_inet_code`).
    public enum Reason: UInt8, Sendable, CaseIterable, BitwiseCopyable {
        case noRoute = 0
        case portUnreachable = 1
        case hostUnreachable = 2
        case adminProhibited = 3

        /// The codes of ICMP and of ICMPv6 that say so (`nft_reject_icmp_code`, `nft_reject_icmpv6_code`).
        var codes: (icmp: UInt8, icmpv6: UInt8) {
            switch self {
            case .noRoute: (0, 0)
            case .portUnreachable: (3, 4)
            case .hostUnreachable: (1, 3)
            case .adminProhibited: (13, 1)
            }
        }
    }

    /// The codes of ICMP and of ICMPv6 "destination unreachable" with which a packet is answered, by its family; nil for a reset.
    public var codes: (icmp: UInt8, icmpv6: UInt8)? {
        switch self {
        case .tcpReset: nil
        // The same number for both, as Linux sends it (`nft_reject_netdev_eval`); only one of them is ever asked for.
        case .icmp(let code), .icmpv6(let code): (code, code)
        case .either(let reason): reason.codes
        }
    }

    /// What is asked for where nothing is written. In a table of one protocol it stands for that protocol's own message too, which nft
    /// lists in the same way.
    static let standard = Rejection.either(.portUnreachable)

    /// The kind of answer, and in ICMP its code: `tcp reset`, `icmp` and `host-unreachable`.
    package var words: (kind: String, code: String?) {
        switch self {
        case .tcpReset: ("tcp reset", nil)
        case .icmp(let code): ("icmp", NameTable.icmpCodes.name(of: UInt128(code)) ?? "\(code)")
        case .icmpv6(let code): ("icmpv6", NameTable.icmpv6Codes.name(of: UInt128(code)) ?? "\(code)")
        case .either(let reason): ("icmpx", NameTable.rejectReasons.name(of: UInt128(reason.rawValue)) ?? "\(reason.rawValue)")
        }
    }

    /// The words that a code of ICMP follows.
    package static let messages = ["icmp", "icmpv6", "icmpx"]

    /// What `reject with` and these two words stand for; the code is a name or a number. Nil if there is no such code.
    /// - Parameter message: One of `messages`.
    package init?(message: String, code: String) {
        let number = Self.codes(of: message).number(of: code) ?? UInt128(code)
        guard let number, number <= (message == "icmpx" ? 3 : 127) else { return nil }
        let value = UInt8(truncatingIfNeeded: number)
        switch message {
        case "icmp": self = .icmp(value)
        case "icmpv6": self = .icmpv6(value)
        default: self = .either(Reason(rawValue: value) ?? .portUnreachable)
        }
    }

    /// The names of the codes that may follow one of `messages`.
    package static func codeNames(of message: String) -> [String] { codes(of: message).allNames }

    private static func codes(of message: String) -> NameTable {
        switch message {
        case "icmp": .icmpCodes
        case "icmpv6": .icmpv6Codes
        default: .rejectReasons
        }
    }

    /// `tcp reset`, `icmp host-unreachable`: all of its words, also those of the standard.
    package var spelled: String {
        let words = words
        return words.kind + (words.code.map { " \($0)" } ?? "")
    }

    /// What follows `reject` in a rule, and nil where that is nothing: `with tcp reset`.
    package var asked: String? {
        let words = words
        return self == .standard ? nil : "with \(words.kind)\(words.code.map { " \($0)" } ?? "")"
    }

    /// As a packet is told it: `icmpx` is one of the two.
    package func resolved(isIPv6: Bool) -> Rejection {
        guard case .either(let reason) = self else { return self }
        return isIPv6 ? .icmpv6(reason.codes.icmpv6) : .icmp(reason.codes.icmp)
    }

    /// One word for machines: `tcp-reset`, `icmp-host-unreachable`.
    package var name: String {
        let words = words
        return words.kind.replacing(" ", with: "-") + (words.code.map { "-\($0)" } ?? "")
    }

    /// As it stands in a rule, and as nft lists it.
    var text: String {
        "reject" + (asked.map { " \($0)" } ?? "")
    }

    var json: JSONValue {
        if self == .standard { return .object([("reject", .null)]) }
        let words = words
        return .object([("reject", .object([("type", .text(words.kind))] + (words.code.map { [("expr", .text($0))] } ?? [])))])
    }
}

extension Rule {
    /// What the sender of a frame is told that the rule rejects; nil if it rejects none.
    public var rejection: Rejection? {
        // Nothing follows a verdict.
        if case .verdict(.reject(let rejection), _) = statements.last { rejection } else { nil }
    }
}

/// `reject` as it is written.
struct RejectionSyntax {
    /// Nil if none is written: what it is depends on what the rule has matched.
    var rejection: Rejection?
    var location: SourceLocation
}

extension NameTable {
    /// nft's `icmpx_code`.
    static let rejectReasons = NameTable("1 port-unreachable, 3 admin-prohibited, 0 no-route, 2 host-unreachable")
}

// MARK: Reading

extension Parser {
    /// `reject [with tcp reset | with icmp|icmpv6|icmpx [type] CODE]`, from the word on.
    mutating func rejection() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        guard skip(word: "with") else { return .reject(RejectionSyntax(rejection: nil, location: location(from: start))) }
        let rejection: Rejection
        switch current.kind == .word ? current.text : "" {
        case "tcp":
            next()
            guard skip(word: "reset") else { throw unexpected(expecting: "'reset'") }
            rejection = .tcpReset
        case "icmp":
            rejection = .icmp(try rejectionCode(NameTable.icmpCodes, upTo: 127))
        case "icmpv6":
            rejection = .icmpv6(try rejectionCode(NameTable.icmpv6Codes, upTo: 127))
        case "icmpx":
            let code = try rejectionCode(NameTable.rejectReasons, upTo: 3)
            rejection = .either(Rejection.Reason(rawValue: code) ?? .portUnreachable)
        default:
            throw unexpected(expecting: "'icmp', 'icmpv6', 'icmpx' or 'tcp reset'")
        }
        return .reject(RejectionSyntax(rejection: rejection, location: location(from: start)))
    }

    /// From the kind's word on. nft takes larger numbers for none at all.
    private mutating func rejectionCode(_ names: NameTable, upTo highest: UInt64) throws(Abandoned) -> UInt8 {
        let kind = next().text
        _ = skip(word: "type")
        let token = current
        switch token.kind {
        case .number:
            next()
            let number = try number(token)
            guard number <= highest else {
                throw fail(token.location, "'\(kind)' has no code \(number) that a rule can send", note: "accepted: 0 to \(highest)")
            }
            return UInt8(truncatingIfNeeded: number)
        case .word:
            guard let number = names.number(of: token.text) else {
                throw fail(
                    token.location, "unknown \(kind) code '\(printable(token.text))'",
                    note: Words.advice(for: token.text, accepted: names.allNames))
            }
            next()
            return UInt8(truncatingIfNeeded: number)
        default:
            throw unexpected(expecting: "a code such as \(names.allNames.first ?? "0")")
        }
    }
}

// MARK: Checking

extension RuleChecker {
    /// Settles what is asked for by what the rule has matched so far, and puts what it depends on before the whole rule, as nft does:
    /// else a `log` before it would tell of frames that are not rejected.
    mutating func add(_ syntax: RejectionSyntax) throws(Diagnostic) {
        func refusal(_ message: String, _ note: String? = nil) -> Diagnostic {
            Diagnostic(severity: .error, location: syntax.location, message: message, note: note)
        }
        guard family != .arp, [nil, .ip, .ip6].contains(context.network) else {
            throw refusal("'reject' can only answer IPv4 and IPv6", "write: drop")
        }
        let rejection = syntax.rejection ?? defaultRejection
        switch rejection {
        case .tcpReset:
            guard context.canBeTCP else { throw refusal("'tcp reset' can only answer TCP", "match TCP before it, or write: reject") }
        case .either:
            if family.network != nil, syntax.rejection != nil {
                throw refusal(
                    "'icmpx' is for tables of more than one protocol", "write: reject with \(family == .ip ? "icmp" : "icmpv6") CODE")
            }
        case .icmp: try checkNetwork(.ip, refusal)
        case .icmpv6: try checkNetwork(.ip6, refusal)
        }
        for dependency in context.requireForRejection(rejection).reversed() {
            guard let number = dependency.numbers.first else { continue }
            // nft lists a match on TCP where the table has more than one protocol.
            let isListed = rejection == .tcpReset && family.network == nil
            let match = Match(
                field: dependency.field, operand: .single(.number(number)), isImplied: !isListed, location: syntax.location)
            statements.insert(.match(match), at: 0)
        }
        append(.verdict(.reject(rejection.listed(in: family)), location: syntax.location))
    }

    private func checkNetwork(_ needed: NetworkProtocol, _ refusal: (String, String?) -> Diagnostic) throws(Diagnostic) {
        guard let known = context.network, known != needed else { return }
        throw refusal(
            "conflicting protocols: \(known.rawValue) and \(needed.rawValue)", "the answer has to be of the packet's own protocol")
    }

    /// Port unreachable, of the protocol that is known, or of the packet's.
    private var defaultRejection: Rejection {
        switch context.network {
        case .ip: .icmp(3)
        case .ip6: .icmpv6(4)
        default: .standard
        }
    }
}

extension Rejection {
    /// In a table of one protocol its own "port unreachable" is the standard.
    fileprivate func listed(in family: Family) -> Rejection {
        switch (family, self) {
        case (.ip, .icmp(3)), (.ip6, .icmpv6(4)): .standard
        default: self
        }
    }
}

extension ProtocolContext {
    /// True if no other transport protocol than TCP has been matched.
    fileprivate var canBeTCP: Bool { !hasTransport || onlyTransport == .tcp }

    /// What has to be matched before a rejection, and no match before it has.
    fileprivate mutating func requireForRejection(_ rejection: Rejection) -> [Dependency] {
        let header: NetworkProtocol? =
            switch rejection {
            case .tcpReset: .tcp
            case .icmp: network == nil ? .ip : nil
            case .icmpv6: network == nil ? .ip6 : nil
            case .either: nil
            }
        guard let header, let dependencies = try? require(header) else { return [] }
        return dependencies
    }
}
