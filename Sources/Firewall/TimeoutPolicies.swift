import Flows
import Ruleset

extension TimeoutPolicy {
    /// What a `ct timeout` object says, in the names of the tracker.
    init(_ timeout: ConnectionTimeout) {
        var seconds: [FlowTimeout: UInt64] = [:]
        for (state, value) in timeout.policy { seconds[FlowTimeout(state)] = UInt64(value) }
        self.init(seconds: seconds)
    }
}

extension FlowTimeout {
    fileprivate init(_ state: ConnectionTimeout.State) {
        self =
            switch state {
            case .synSent: .tcpSYNSent
            case .synReceived: .tcpSYNReceived
            case .established: .tcpEstablished
            case .finWait: .tcpFINWait
            case .closeWait: .tcpCloseWait
            case .lastAck: .tcpLastACK
            case .timeWait: .tcpTimeWait
            case .close: .tcpClose
            case .synSent2: .tcpSYNSent2
            case .retransmitted: .tcpMaxRetransmissions
            case .unacknowledged: .tcpUnacknowledged
            case .unreplied: .udp
            case .replied: .udpStream
            }
    }
}
