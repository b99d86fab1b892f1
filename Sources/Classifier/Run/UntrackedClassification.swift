public import Storage
public import Wire

extension Program {
    /// Runs a frame through the rules where nothing is tracked: to them no packet is followed.
    ///
    /// Takes the parameters of `classify` with a connection.
    public func classify(
        _ bytes: inout MutableRawSpan, _ frame: inout ParsedFrame, isChecksumPartial: Bool = false, ingress: UInt8, at instant: Instant,
        hits: HitCounters
    ) -> Classification {
        var connection = PacketConnection(state: .untracked)
        return classify(
            &bytes, &frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, connection: &connection, live: untracked,
            hits: hits)
    }
}
