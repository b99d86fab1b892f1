import Classifier

extension PacketConnection {
    /// As `ct state` has it.
    var stateName: String {
        switch state {
        case .established: "established"
        case .related: "related"
        case .new: "new"
        case .untracked: "untracked"
        default: "invalid"
        }
    }

    /// As `ct direction` has it; nil of a packet without a connection.
    var directionName: String? { isFollowed ? direction == .reply ? "reply" : "original" : nil }

    /// `established, reply`; a packet that may begin a connection has no direction worth naming.
    var described: String {
        guard let directionName, state != .new else { return stateName }
        return "\(stateName), \(directionName)"
    }
}
