import Wire

/// Counts different flows, whichever way their frames go.
struct FlowCounts {
    private struct Key: Hashable {
        var group: Int
        var lowAddress: UInt128
        var highAddress: UInt128
        var lowPort: UInt16
        var highPort: UInt16
        var transportProtocol: UInt8
        var vlan: UInt16
        var isIPv4: Bool
    }

    /// Flows that are told apart; frames of further ones count for no flow.
    static let most = 1 << 18

    private var known: Set<Key> = []
    /// True if there were more.
    private(set) var isFull = false

    /// True if the frame is of a flow that the group has not had. False for what is no IP, and fragments after the first.
    mutating func isNew(_ frame: ParsedFrame, group: Int) -> Bool {
        guard frame.network == .ipv4 || frame.network == .ipv6, !frame.isFragment || frame.fragmentOffset == 0 else { return false }
        let ports = frame.hasPorts ? (frame.sourcePort, frame.destinationPort) : (0, 0)
        let isForward = (frame.source, ports.0) <= (frame.destination, ports.1)
        let key = Key(
            group: group, lowAddress: isForward ? frame.source : frame.destination,
            highAddress: isForward ? frame.destination : frame.source, lowPort: isForward ? ports.0 : ports.1,
            highPort: isForward ? ports.1 : ports.0, transportProtocol: frame.transportProtocol ?? 0,
            vlan: frame.outermostTag?.identifier ?? 0, isIPv4: frame.network == .ipv4)
        if known.contains(key) { return false }
        guard known.count < Self.most else {
            isFull = true
            return false
        }
        known.insert(key)
        return true
    }
}
