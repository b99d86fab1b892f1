import Classifier
import Ruleset

/// What a packet's connection has, read key by key.
extension InterpreterFields {
    /// nil where the packet has no connection, or the connection none of this.
    func number(_ key: ConnectionKey) -> UInt128? {
        if key == .state { return UInt128(connection.state.rawValue) }
        guard connection.isFollowed else { return nil }
        func tuple(_ direction: ConnectionKey.Direction) -> PacketConnection.Tuple {
            direction == .original ? connection.original : connection.reply
        }
        func counts(_ direction: ConnectionKey.Direction?) -> [PacketConnection.Counts] {
            switch direction {
            case .original: [connection.originalCounts]
            case .reply: [connection.replyCounts]
            case nil: [connection.originalCounts, connection.replyCounts]
            }
        }
        func bytes(_ direction: ConnectionKey.Direction?) -> UInt64 { counts(direction).reduce(0) { $0 &+ $1.bytes } }
        func packets(_ direction: ConnectionKey.Direction?) -> UInt64 { counts(direction).reduce(0) { $0 &+ $1.packets } }
        switch key {
        case .state: return nil
        case .direction: return connection.direction == .original ? 0 : 1
        case .status: return UInt128(connection.status.rawValue)
        case .mark: return UInt128(connection.mark)
        case .expiration: return UInt128(connection.expiration)
        case .networkProtocol: return UInt128(connection.networkProtocol)
        case .transportProtocol: return UInt128(connection.transportProtocol)
        case .address(let direction, let end, let isIPv6):
            guard connection.networkProtocol == (isIPv6 ? 10 : 2) else { return nil }
            let address = end == .source ? tuple(direction).sourceAddress : tuple(direction).destinationAddress
            return isIPv6 ? address : address % 0x1_0000_0000
        case .port(let direction, let end):
            return UInt128(end == .source ? tuple(direction).sourcePort : tuple(direction).destinationPort)
        case .bytes(let direction): return UInt128(bytes(direction))
        case .packets(let direction): return UInt128(packets(direction))
        case .zone: return 0
        case .averageBytes(let direction): return UInt128(packets(direction) == 0 ? 0 : bytes(direction) / packets(direction))
        }
    }

    /// `meta mark set` or `ct mark set`.
    mutating func setMark(_ number: UInt128, of field: Field) {
        if field == .metaMark {
            mark = number
        } else if connection.isFollowed {
            connection.mark = UInt32(number % 0x1_0000_0000)
        }
    }

    /// `ct timeout set`.
    mutating func setTimeout(_ timeout: ConnectionTimeout, number: Int) {
        let isFirstPacket = connection.isFollowed && !connection.status.contains(.confirmed)
        if isFirstPacket, self.number(.metaL4proto) == UInt128(timeout.transportProtocol.number) {
            connection.timeoutPolicy = number
        }
    }
}
