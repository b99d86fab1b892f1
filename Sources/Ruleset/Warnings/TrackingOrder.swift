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
            if isEarly, case let traits = statement.traits, traits.needsConnection {
                return TrackingFinding(
                    location: traits.location,
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
