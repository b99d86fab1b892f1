// Changes that a datagram in fragments can't have.

extension Ruleset {
    /// Warns of rules by which a datagram in fragments is dropped instead of changed.
    /// - Parameter isTracked: Rules see only first fragments (`--fragments track`), and not whole datagrams.
    public func warningsOfFragments(isTracked: Bool) -> [Diagnostic] {
        tables.flatMap(\.chains).flatMap(\.rules).flatMap(\.statements).compactMap { statement in
            guard case .assignment(let assignment) = statement else { return nil }
            return assignment.warningOfFragments(isTracked: isTracked)
        }
    }
}

extension Assignment {
    /// Fields that say something of a fragment and nothing of its datagram.
    private static let ofFragments: Set<Field> = [
        .ipVersion, .ipHdrlength, .ipLength, .ipChecksum, .ip6Version, .ip6Length,
    ]

    fileprivate func warningOfFragments(isTracked: Bool) -> Diagnostic? {
        if field == .ipFragOff {
            return warning(
                "'\(field.words)' can be changed in fragments only in its DF bit", "each fragment has an offset and flags of its own",
                outcome: "a datagram of which the rule changes more, and lets it pass, is dropped")
        }
        if Self.ofFragments.contains(field) {
            return warning("'\(field.words)' can't be changed in fragments", "each fragment has one of its own")
        }
        guard isTracked else { return nil }
        switch field.source {
        case .payload(.transport, _):
            if case .cyclic = field.checksum {
                return warning(
                    "'\(field.words)' can't be changed in fragments that are tracked", "SCTP's checksum is over all fragments")
            }
            guard field.words.hasPrefix("@") else { return nil }
            return Diagnostic(
                severity: .warning, location: location,
                message: "with --fragments track '\(field.words)' is changed only if it lies in a datagram's first fragment",
                note: "with --fragments reassemble rules see whole datagrams")
        case .payload(.network, _) where field == .ip6Nexthdr:
            return warning(
                "'\(field.words)' can't be changed in fragments that are tracked", "in a first fragment it announces the fragment header")
        default: return nil
        }
    }

    private func warning(
        _ message: String, _ note: String, outcome: String = "a datagram that the rule changes and lets pass is dropped"
    ) -> Diagnostic {
        Diagnostic(severity: .warning, location: location, message: message + ": " + outcome, note: note)
    }
}
