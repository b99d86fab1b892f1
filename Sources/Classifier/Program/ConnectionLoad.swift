import Ruleset

/// A key of `ct` as a load has it: one octet.
struct ConnectionLoad: Hashable, BitwiseCopyable, Sendable {
    enum Kind: UInt8 {
        case state, direction, status, mark, expiration, networkProtocol, transportProtocol
        case sourceAddress, destinationAddress, sourceAddress6, destinationAddress6, sourcePort, destinationPort
        case bytes, packets, averageBytes, zone
    }

    enum Way: UInt8 {
        case original, reply, both
    }

    var kind: Kind
    var way = Way.both

    init(_ key: ConnectionKey) {
        switch key {
        case .state: kind = .state
        case .direction: kind = .direction
        case .status: kind = .status
        case .mark: kind = .mark
        case .expiration: kind = .expiration
        case .networkProtocol: kind = .networkProtocol
        case .transportProtocol: kind = .transportProtocol
        case .address(let direction, .source, let isIPv6):
            kind = isIPv6 ? .sourceAddress6 : .sourceAddress
            way = Way(direction)
        case .address(let direction, .destination, let isIPv6):
            kind = isIPv6 ? .destinationAddress6 : .destinationAddress
            way = Way(direction)
        case .port(let direction, let end):
            kind = end == .source ? .sourcePort : .destinationPort
            way = Way(direction)
        case .bytes(let direction):
            kind = .bytes
            way = Way(direction)
        case .packets(let direction):
            kind = .packets
            way = Way(direction)
        case .zone: kind = .zone
        case .averageBytes(let direction):
            kind = .averageBytes
            way = Way(direction)
        }
    }

    /// What has to be known of a connection for this.
    var needs: ConnectionNeeds {
        switch kind {
        case .state, .direction, .zone: .state
        case .status, .networkProtocol, .transportProtocol: [.state, .status]
        case .mark: [.state, .mark]
        case .expiration: [.state, .expiration]
        case .sourceAddress, .destinationAddress, .sourceAddress6, .destinationAddress6, .sourcePort, .destinationPort: [.state, .tuples]
        case .bytes, .packets, .averageBytes: [.state, .accounting]
        }
    }

    /// nil where the packet has no connection, or the connection no such address (net/netfilter/nft_ct.c, `nft_ct_get_eval`).
    func value(of connection: borrowing PacketConnection) -> UInt128? {
        if kind == .state { return UInt128(connection.state.rawValue) }
        guard connection.isFollowed else { return nil }
        switch kind {
        case .state: return UInt128(connection.state.rawValue)
        case .direction: return UInt128(connection.direction.rawValue)
        case .status: return UInt128(connection.status.rawValue)
        case .mark: return UInt128(connection.mark)
        case .expiration: return UInt128(connection.expiration)
        case .networkProtocol: return UInt128(connection.networkProtocol)
        case .transportProtocol: return UInt128(connection.transportProtocol)
        case .sourceAddress, .destinationAddress:
            guard connection.networkProtocol == PacketConnection.ipv4 else { return nil }
            return address(of: connection) & 0xffff_ffff
        case .sourceAddress6, .destinationAddress6:
            return connection.networkProtocol == PacketConnection.ipv6 ? address(of: connection) : nil
        case .sourcePort: return UInt128(way == .reply ? connection.reply.sourcePort : connection.original.sourcePort)
        case .destinationPort: return UInt128(way == .reply ? connection.reply.destinationPort : connection.original.destinationPort)
        case .zone: return 0
        case .bytes: return UInt128(counts(of: connection).bytes)
        case .packets: return UInt128(counts(of: connection).packets)
        case .averageBytes:
            let counts = counts(of: connection)
            return UInt128(counts.packets == 0 ? 0 : counts.bytes / counts.packets)
        }
    }

    private func address(of connection: borrowing PacketConnection) -> UInt128 {
        let isSource = kind == .sourceAddress || kind == .sourceAddress6
        return switch way {
        case .reply: isSource ? connection.reply.sourceAddress : connection.reply.destinationAddress
        case .original, .both: isSource ? connection.original.sourceAddress : connection.original.destinationAddress
        }
    }

    /// Both ways are added as the kernel adds them.
    private func counts(of connection: borrowing PacketConnection) -> PacketConnection.Counts {
        switch way {
        case .original: connection.originalCounts
        case .reply: connection.replyCounts
        case .both:
            PacketConnection.Counts(
                packets: connection.originalCounts.packets &+ connection.replyCounts.packets,
                bytes: connection.originalCounts.bytes &+ connection.replyCounts.bytes)
        }
    }

}

extension ConnectionLoad.Way {
    init(_ direction: ConnectionKey.Direction?) {
        switch direction {
        case .original: self = .original
        case .reply: self = .reply
        case nil: self = .both
        }
    }
}
