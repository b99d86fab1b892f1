package import Classifier
package import Decisions
import Ruleset
import Wire

/// Whether the kernel would carry the flow of a packet that the rules let pass (`weir run --fast-path`).
package struct CarriageOutlook: Sendable {
    /// Why it would not; nil if it would.
    package var cause: KeptBackCause?
    /// The rule that keeps it back.
    package var rule: RuleIndex
    /// It begins a connection: what is said of the packets after it counts.
    package var isFirst: Bool

    init(_ recorder: PathRecorder, isFirst: Bool) {
        cause = recorder.cause
        rule = recorder.rule
        self.isFirst = isFirst
    }

    /// One line.
    package func text(_ program: Program) -> String {
        if isFirst { return "fast path: not before the connection is established" }
        guard let cause else { return "fast path: the kernel would carry packets like this one" }
        guard let reference = program.rule(at: rule) else { return "fast path: the packet stays with Weir (\(cause.name))" }
        let what = Self.culprit(in: reference.rule, cause).map { ": \($0)" } ?? ""
        return "fast path: the packet stays with Weir (\(cause.name)), by \(reference.source):\(reference.line)\(what)"
    }

    /// The selector or statement of a rule that looks at each packet.
    static func culprit(in rule: Rule, _ cause: KeptBackCause) -> String? {
        for statement in rule.statements {
            if cause == .field || cause == .draw {
                if let field = statement.traits.reads.lazy.map(\.field).first(where: { !$0.isSameInFlow }) { return field.words }
                continue
            }
            switch (cause, statement) {
            case (.limit, .limit), (.limit, .quota), (.limit, .connectionCount), (.log, .log), (.last, .last), (.set, .update),
                (.change, .assignment), (.connection, .notrack), (.connection, .assignment), (.limit, .object), (.connection, .object),
                (.limit, .objectMap), (.verdict, .verdict), (.verdict, .verdictMap):
                return statement.described(in: rule)
            case (.set, .match(let match)):
                if case .named(let name) = match.operand { return "@\(name)" }
            default: continue
            }
        }
        return nil
    }
}

extension Field {
    /// It is the same in all plain packets of a flow, for words about a rule: `PathRecorder` decides by octets.
    fileprivate var isSameInFlow: Bool {
        switch source {
        case .meta(let key):
            switch key {
            case .length, .time, .day, .hour, .random, .pathSegment: false
            case .iifname, .oifname, .iif, .oif, .protocol, .l4proto, .pkttype, .mark, .nfproto, .iiftype, .oiftype, .iifgroup, .oifgroup,
                .priority:
                true
            }
        case .payload(.link, _): !["vlan pcp", "vlan dei", "vlan cfi"].contains(words)
        case .payload(.network, let offset):
            // Addresses, protocol and version, of either IP.
            words.hasPrefix("ip6 ")
                ? offset >= 64 || offset == 48 || (offset == 0 && bitWidth == 4)
                : offset >= 96 || offset == 72 || (offset == 0 && bitWidth <= 8)
        case .payload(.transport, let offset): offset + bitWidth <= 32 && !words.contains("checksum")
        case .searched, .presence, .generated: false
        case .constant: true
        case .connection(let key):
            switch key {
            case .expiration, .bytes, .packets, .averageBytes: false
            case .state, .direction, .status, .mark, .networkProtocol, .transportProtocol, .address, .port, .zone: true
            }
        }
    }
}
