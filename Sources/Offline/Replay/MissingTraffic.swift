import Decisions
import Firewall
import Flows

/// What a capture lacks, as connection tracking sees it: one direction of its connections, or frames in between.
struct MissingTraffic: Encodable {
    /// TCP connections that are followed at the end.
    var connections: UInt64 = 0
    /// Connections among them with several packets one way, and none the other.
    var oneSided: UInt64 = 0
    /// TCP packets that fit no connection that the capture shows.
    var misfits: UInt64 = 0

    /// Packets of one way after which the other should have been seen.
    private static let patience = 3

    /// - Parameter flows: As in `FirewallCounters.Snapshot.flows`.
    init(_ replay: borrowing Replay, flows: [UInt64]) {
        replay.forEachFlow { flow in
            guard flow.original.transportProtocol == 6 else { return }
            connections += 1
            if flow.replyPackets == 0, flow.originalPackets >= Self.patience { oneSided += 1 }
        }
        for cause in [InvalidCause.tcpState, .tcpNotBegun, .tcpBeyondWindow, .tcpAcknowledgement] {
            let place = 1 + FlowEvent.allCases.count + Int(cause.rawValue)
            if flows.indices.contains(place) { misfits += flows[place] }
        }
    }

    /// One line on what to do about it; nil where nothing seems to lack.
    /// - Parameter judged: Frames that were.
    func advice(judged: UInt64, _ mode: TCPMode) -> String? {
        guard mode != .off else { return nil }
        let use = mode == .strict ? "use --tcp loose or --tcp off" : "use --tcp off"
        if oneSided > 0, oneSided * 2 > connections {
            return "most of one direction is missing: of \(oneSided) of \(connections) TCP connections only one was seen; \(use)"
        }
        guard misfits > 0, misfits * 10 >= judged else { return nil }
        return "frames are missing: \(misfits) TCP packets fit no connection that the capture shows; \(use)"
    }
}
