import FrameBuilder

/// An SCTP association as it is made.
private struct SCTPTalk {
    enum Chunk: UInt8 {
        case data, initiation, initiationAck, selectiveAck, heartbeat, heartbeatAck, abort, shutdown, shutdownAck, error
        case cookieEcho, cookieAck
        case shutdownComplete = 14
    }

    let hosts: Hosts
    let ports: [UInt16]
    /// By which each end wants to be called.
    let tags: [UInt32]
    var steps: [Step] = []

    /// - Parameter tag: In place of the other end's.
    mutating func send(_ end: End, _ chunks: [Chunk], tag: UInt32? = nil, flags: UInt8 = 0, spoilt: Bool = false) {
        let initiates = chunks.first == .initiation
        let tag = tag ?? (initiates ? 0 : tags[end.other.rawValue])
        var packet = ports[end.rawValue].networkBytes + ports[end.other.rawValue].networkBytes + tag.networkBytes + [0, 0, 0, 0]
        for chunk in chunks {
            var value: [UInt8] = []
            switch chunk {
            case .initiation, .initiationAck: value = tags[end.rawValue].networkBytes + [0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]
            case .data: value = [UInt8](repeating: 1, count: 16)
            case .selectiveAck: value = [UInt8](repeating: 0, count: 12)
            case .heartbeat, .heartbeatAck: value = [0, 1, 0, 8, 1, 2, 3, 4]
            case .shutdown, .cookieEcho: value = [0, 0, 0, 1]
            default: break
            }
            packet += [chunk.rawValue, flags] + UInt16(4 + value.count).networkBytes + value
        }
        let sum = plainCRC32C(packet) ^ (spoilt ? 1 : 0)
        packet.replaceSubrange(8..<12, with: sum.byteSwapped.networkBytes)
        let names = chunks.map { "\($0)" }.joined(separator: "+")
        let words = "sctp \(names) tag \(tag)\(flags == 0 ? "" : " flags \(flags)")\(spoilt ? " wrong checksum" : "")"
        steps.append(Step(from: end, frame: hosts.frame(from: end, 132, packet), words: words))
    }
}

/// CRC-32C (RFC 9260, appendix A), bit by bit.
private func plainCRC32C(_ bytes: [UInt8]) -> UInt32 {
    var value: UInt32 = .max
    for byte in bytes {
        value ^= UInt32(byte)
        for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
    }
    return ~value
}

extension ConversationSource {
    /// Handshakes, whole and broken, data, shutdown and aborts, with right and wrong tags.
    mutating func sctpConversation(_ hosts: Hosts) -> [Step] {
        var talk = SCTPTalk(hosts: hosts, ports: [port(), 2905], tags: [word() | 1, word() | 1])
        if chance(70) {
            talk.send(.near, [.initiation])
            talk.send(.far, [.initiationAck])
            if chance(90) { talk.send(.near, [.cookieEcho]) }
            if chance(90) { talk.send(.far, [.cookieAck]) }
        }
        for _ in 0..<Int.random(in: 2...9, using: &random) {
            let end = end()
            switch Int.random(in: 0..<20, using: &random) {
            case ..<5: talk.send(end, random.pick([[.data], [.selectiveAck], [.data, .selectiveAck]]))
            case ..<8: talk.send(end, [random.pick([.heartbeat, .heartbeatAck])])
            case ..<12: talk.send(end, [random.pick([.shutdown, .shutdownAck, .shutdownComplete])])
            case 12: talk.send(end, [.abort], flags: random.pick([0, 1]))
            case 13: talk.send(end, [random.pick([.abort, .shutdownComplete])], tag: talk.tags[end.rawValue], flags: 1)
            case 14: talk.send(end, [random.pick([.data, .abort, .shutdown, .cookieEcho, .initiation])], tag: 12_345)
            case 15: talk.send(end, [.initiation])
            case 16: talk.send(end, [random.pick([.initiationAck, .cookieEcho, .cookieAck])])
            case 17: talk.send(end, random.pick([[], [.initiation, .data], [.data, .shutdownComplete], [.cookieEcho, .data]]))
            case 18: talk.send(end, [.data], spoilt: true)
            default: if let step = talk.steps.randomElement(using: &random) { talk.steps.append(step) }
            }
        }
        return talk.steps
    }
}
