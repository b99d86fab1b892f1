/// `ct timeout NAME { protocol tcp; policy = { … } }`: how long connections last that a rule gives it to.
public struct ConnectionTimeout: Sendable, Equatable {
    /// nft 1.0.6 only has timeouts for these.
    public enum TransportProtocol: String, Sendable, CaseIterable {
        case tcp, udp

        /// The Internet protocol's number.
        public var number: UInt8 { self == .tcp ? 6 : 17 }

        /// In nft's order.
        public var states: [State] { State.allCases.filter { $0.transportProtocol == self } }
    }

    /// Which connections it is for. The kernel keeps it and gives the timeout to those of either family.
    public enum NetworkProtocol: String, Sendable, CaseIterable {
        case ip, ip6, inet
    }

    /// Where a connection is, by nft's name for it (net/netfilter/nf_conntrack_proto_tcp.c, nf_conntrack_proto_udp.c).
    public enum State: String, Sendable, CaseIterable {
        case synSent = "syn_sent"
        case synReceived = "syn_recv"
        case established
        case finWait = "fin_wait"
        case closeWait = "close_wait"
        case lastAck = "last_ack"
        case timeWait = "time_wait"
        case close
        case synSent2 = "syn_sent2"
        /// A segment that was sent more often than `nf_conntrack_tcp_max_retrans` says.
        case retransmitted = "retrans"
        case unacknowledged = "unack"
        case unreplied, replied

        public var transportProtocol: TransportProtocol { self == .unreplied || self == .replied ? .udp : .tcp }

        /// What nft 1.0.6 takes for the kernel's own value, and leaves out of its listing.
        var listedDefault: UInt32 {
            switch self {
            case .synSent, .finWait, .timeWait, .synSent2, .replied: 120
            case .synReceived, .closeWait: 60
            case .established: 432_000
            case .lastAck, .unreplied: 30
            case .close: 10
            case .retransmitted, .unacknowledged: 300
            }
        }
    }

    public var transportProtocol: TransportProtocol
    public var networkProtocol: NetworkProtocol
    /// Seconds, of the states that are written; the others keep what the settings say.
    public var policy: [State: UInt32]

    public init(transportProtocol: TransportProtocol, networkProtocol: NetworkProtocol, policy: [State: UInt32] = [:]) {
        self.transportProtocol = transportProtocol
        self.networkProtocol = networkProtocol
        self.policy = policy
    }

    /// Milliseconds in 32 bits, which is what `ct expiration` can say.
    static let longest: UInt32 = 4_294_967

    /// What nft lists of it, in its order.
    private var listed: [(state: State, seconds: UInt32)] {
        transportProtocol.states.compactMap { state in
            policy[state].flatMap { $0 == state.listedDefault ? nil : (state, $0) }
        }
    }

    /// As it stands in a table after its name. An empty policy, which nft lists and does not read, is left out.
    var text: String {
        var lines = ["protocol \(transportProtocol.rawValue)", "l3proto \(networkProtocol.rawValue)"]
        let policy = transportProtocol.states.compactMap { state in
            self.policy[state].map { seconds in
                "\(state.rawValue) : \(ListingVersion.current == .nft106 ? "\(seconds)" : Duration.text(of: UInt64(seconds) * 1_000))"
            }
        }
        if !policy.isEmpty { lines.append("policy = { \(policy.joined(separator: ", ")) }") }
        return lines.joined(separator: "\n\t\t")
    }

    var jsonMembers: [(String, JSONValue)] {
        let policy = listed.map { ($0.state.rawValue, JSONValue.number(UInt64($0.seconds))) }
        return [
            ("protocol", .text(transportProtocol.rawValue)), ("l3proto", .text(networkProtocol.rawValue)),
            ("policy", policy.isEmpty ? .null : .object(policy)),
        ]
    }
}

extension Parser {
    /// `ct timeout NAME { … }`, after `ct` in a table or in a command.
    mutating func connectionObjectWord() throws(Abandoned) {
        guard at(word: "timeout") else { throw unexpected(expecting: "'timeout' after 'ct'") }
        next()
    }

    /// From the name on.
    mutating func connectionTimeout(in family: Family, from start: Int) throws(Abandoned) -> NamedObject {
        let name = try identifier("timeout")
        let place = location(from: start)
        guard family != .bridge, family != .arp else {
            throw fail(
                place, "a table \(family.rawValue) has no 'ct timeout'", note: "the kernel refuses it there; declare it in a table inet")
        }
        guard skip(.leftBrace) else { throw unexpected(expecting: "'{' after the timeout's name") }
        var transport: ConnectionTimeout.TransportProtocol?
        var network: ConnectionTimeout.NetworkProtocol = family == .ip ? .ip : family == .ip6 ? .ip6 : .inet
        var policy: [(state: ConnectionTimeout.State, seconds: UInt32, location: SourceLocation)] = []
        var comment: String?
        var isNamed = false
        try block("ct timeout '\(printable(name))'") { (parser) throws(Abandoned) in
            if parser.at(word: "comment") {
                try parser.blockComment(&comment)
            } else if parser.skip(word: "protocol") {
                isNamed = true
                guard let known = ConnectionTimeout.TransportProtocol(rawValue: parser.current.text) else {
                    throw parser.unexpected(expecting: "tcp or udp")
                }
                transport = known
                parser.next()
            } else if parser.skip(word: "l3proto") {
                guard let known = ConnectionTimeout.NetworkProtocol(rawValue: parser.current.text) else {
                    throw parser.unexpected(expecting: "ip, ip6 or inet")
                }
                network = known
                parser.next()
            } else if parser.skip(word: "policy") {
                policy += try parser.timeoutPolicy()
            } else if try !parser.definition() {
                throw parser.unexpected(expecting: "protocol, l3proto, policy or comment")
            }
        }
        guard let transport else {
            if isNamed { throw Abandoned() }
            throw fail(place, "the timeout has no protocol", note: "write: protocol tcp, or protocol udp")
        }
        var timeout = ConnectionTimeout(transportProtocol: transport, networkProtocol: network)
        for entry in policy {
            guard entry.state.transportProtocol == transport else {
                throw fail(
                    entry.location, "\(transport.rawValue) has no state '\(entry.state.rawValue)'",
                    note: "accepted: \(transport.states.map(\.rawValue).joined(separator: ", "))")
            }
            timeout.policy[entry.state] = entry.seconds
        }
        return NamedObject(name: name, content: .timeout(timeout), comment: comment, location: place)
    }

    /// `= { STATE : SECONDS, … }`, after `policy`.
    private mutating func timeoutPolicy() throws(Abandoned) -> [(
        state: ConnectionTimeout.State, seconds: UInt32, location: SourceLocation
    )] {
        try expect(.assign, for: "after 'policy'")
        try expect(.leftBrace, for: "after 'policy ='")
        var entries: [(state: ConnectionTimeout.State, seconds: UInt32, location: SourceLocation)] = []
        repeat {
            let word = current
            guard word.kind == .word, let state = ConnectionTimeout.State(rawValue: word.text) else {
                throw unexpected(expecting: ConnectionTimeout.State.allCases.map(\.rawValue).joined(separator: ", "))
            }
            next()
            try expect(.colon, for: "after the state")
            let number = current
            var spelt: UInt64?
            if number.kind == .word { spelt = Duration.milliseconds(of: number.text).map { $0 / 1_000 } }
            guard number.kind == .number || spelt != nil else {
                throw unexpected(expecting: "a number of seconds, or a span of time such as 5m")
            }
            next()
            let value = if let spelt { spelt } else { try self.number(number) }
            guard let seconds = UInt32(exactly: value), seconds <= ConnectionTimeout.longest else {
                throw fail(number.location, "the timeout is too long", note: "accepted: 0 to \(ConnectionTimeout.longest) seconds")
            }
            entries.append((state, seconds, word.location))
        } while skip(.comma)
        try expect(.rightBrace, for: "after the policy")
        return entries
    }
}
