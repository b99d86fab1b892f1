// Warnings of rules that speak of connections where nothing is known of them yet, or when it is too late.

/// What is wrong with a rule, and what to write.
struct TrackingFinding {
    var location: SourceLocation
    var message: String
    var note: String
}

extension Rule {
    /// The first statement that stands on the wrong side of tracking, in a chain that is hooked in there.
    func trackingFinding(in base: BaseChain) -> TrackingFinding? {
        guard base.hook.isOnPath else { return nil }
        let isEarly = base.hook == .prerouting && base.priority < Self.trackingPriority
        for statement in statements {
            if isEarly, let location = statement.connectionLocation {
                return TrackingFinding(
                    location: location,
                    message: "connections are not known here: tracking comes after the chains at prerouting below -200",
                    note: "write it in a chain at prerouting with a priority of -200 or more, or at forward")
            }
            if !isEarly, case .notrack(let location) = statement {
                return TrackingFinding(
                    location: location, message: "'notrack' comes too late here: packets have been tracked",
                    note: "write it in a chain of its own: type filter hook prerouting priority -300")
            }
        }
        return nil
    }

    /// linux/netfilter_ipv4.h, `NF_IP_PRI_CONNTRACK`.
    private static let trackingPriority: Int32 = -200
}

extension Statement {
    /// Where it reads or writes what tracking knows; nil if it does not. Whether a packet is untracked is known before, of one that a
    /// rule in front has kept out.
    fileprivate var connectionLocation: SourceLocation? {
        switch self {
        case .match(let match): match.asksForUntracked ? nil : match.key.readsConnection ? match.location : nil
        case .verdictMap(let map): map.key.readsConnection ? map.location : nil
        case .objectMap(let map): map.key.readsConnection ? map.location : nil
        case .update(let update): update.key.readsConnection || update.countsConnections ? update.location : nil
        case .assignment(let assignment): assignment.readsConnection ? assignment.location : nil
        case .object(let object, let location): object.kind == .timeout ? location : nil
        case .connectionCount(_, let location): location
        case .counter, .verdict, .limit, .quota, .log, .notrack: nil
        }
    }
}

extension MatchKey {
    fileprivate var readsConnection: Bool { components.contains { $0.field.connectionKey != nil } }
}

extension Match {
    /// `ct state untracked`, alone or negated.
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

extension Assignment {
    fileprivate var readsConnection: Bool {
        if field == .ctMark { return true }
        switch value {
        case .bits(let component): return component.field.connectionKey != nil
        case .shifted(let bits): return bits.field.connectionKey != nil
        case .mapped(let map): return map.key.readsConnection
        case .field(let field): return field.connectionKey != nil
        case .constant: return false
        }
    }
}
