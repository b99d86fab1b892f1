import FrameBuilder
import KernelBridge

/// A TCP conversation as it is made: where both ends stand in their sequence numbers.
struct TCPTalk {
    enum Flag {
        static let fin: UInt8 = 1
        static let syn: UInt8 = 2
        static let reset: UInt8 = 4
        static let push: UInt8 = 8
        static let acknowledge: UInt8 = 16
    }

    let hosts: Hosts
    let ports: [UInt16]
    var initial: [UInt32]
    /// What each end sends next.
    var next: [UInt32]
    var steps: [Step] = []

    /// Adds a segment.
    mutating func send(
        _ end: End, _ flags: UInt8, _ sequence: UInt32, _ acknowledgement: UInt32, window: UInt16 = 65_535, options: [UInt8] = [],
        length: Int = 0, spoilt: Bool = false
    ) {
        let numbers = sequence.networkBytes + acknowledgement.networkBytes
        let offset = UInt8(5 + options.count / 4) << 4
        let header = ports[end.rawValue].networkBytes + ports[end.other.rawValue].networkBytes + numbers + [offset, flags]
        let whole = header + window.networkBytes + [0, 0, 0, 0] + options + [UInt8](repeating: 7, count: length)
        var segment = hosts.summed(whole, at: 16, from: end, 6)
        if spoilt { segment[17] ^= 0x55 }
        let names = ["F", "S", "R", "P", ".", "U", "E", "W"].enumerated().filter { flags & 1 << $0.offset != 0 }.map(\.element).joined()
        let words =
            "\(names.isEmpty ? "none" : names) seq \(Int32(bitPattern: sequence &- initial[end.rawValue])) "
            + "ack \(Int32(bitPattern: acknowledgement &- initial[end.other.rawValue])) win \(window) len \(length)"
            + (options.isEmpty ? "" : " options \(hexadecimal(options))") + (spoilt ? " wrong checksum" : "")
        steps.append(Step(from: end, frame: hosts.frame(from: end, 6, segment), words: words))
    }

    mutating func advance(_ end: End, _ count: Int) { next[end.rawValue] &+= UInt32(count) }
}

extension ConversationSource {
    private static let windows: [UInt16] = [0, 100, 1000, 65_535, 65_535, 65_535]
    /// How far a number is off; mostly not at all.
    private static let strays: [Int32] =
        [Int32](repeating: 0, count: 20) + [1, -1, -100, 100, 5000, -5000, 70_000, -70_000, 1_000_000, -1_000_000]

    private mutating func synOptions() -> [UInt8] {
        let scale = UInt8.random(in: 0...15, using: &random)
        return random.pick([[], [2, 4, 5, 0xb4], [2, 4, 5, 0xb4, 4, 2, 1, 1, 1, 3, 3, scale], [1, 3, 3, scale], [4, 2, 1, 1]])
    }

    private mutating func stray() -> UInt32 { UInt32(bitPattern: random.pick(Self.strays)) }

    /// Legal walks with what is not: reordered, sent again, out of the window, resets, SYNs in between, connections begun anew.
    mutating func tcpConversation(_ hosts: Hosts) -> [Step] {
        typealias Flag = TCPTalk.Flag
        let (first, second) = (word(), word())
        var talk = TCPTalk(
            hosts: hosts, ports: [port(), random.pick([22, 80, 443, port()])], initial: [first, second], next: [first, second])
        switch Int.random(in: 0..<10, using: &random) {
        case 0: break
        case 1:
            // Both open at once.
            for end in End.allCases { talk.send(end, Flag.syn, talk.initial[end.rawValue], 0, options: synOptions()) }
            for end in End.allCases {
                talk.send(
                    end, Flag.syn | Flag.acknowledge, talk.initial[end.rawValue], talk.initial[end.other.rawValue] &+ 1,
                    options: synOptions())
                talk.next[end.rawValue] = talk.initial[end.rawValue] &+ 1
            }
        case 2:
            // Half open, and perhaps the second SYN/ACK of another try.
            talk.send(.near, Flag.syn, first, 0, options: synOptions())
            if random.oneIn(2) { talk.send(.far, Flag.syn | Flag.acknowledge, second, first &+ 1 &+ stray(), options: synOptions()) }
            talk.next = [first &+ 1, second &+ 1]
        default: openTCP(&talk, .near)
        }
        for _ in 0..<Int.random(in: 3...22, using: &random) { tcpStep(&talk) }
        return talk.steps
    }

    mutating func openTCP(_ talk: inout TCPTalk, _ end: End) {
        typealias Flag = TCPTalk.Flag
        let (mine, theirs) = (word(), word())
        talk.send(end, Flag.syn, mine, 0, options: synOptions())
        talk.send(end.other, Flag.syn | Flag.acknowledge, theirs, mine &+ 1, options: synOptions())
        talk.send(end, Flag.acknowledge, mine &+ 1, theirs &+ 1)
        talk.initial[end.rawValue] = mine
        talk.initial[end.other.rawValue] = theirs
        talk.next[end.rawValue] = mine &+ 1
        talk.next[end.other.rawValue] = theirs &+ 1
    }

    mutating func tcpStep(_ talk: inout TCPTalk) {
        typealias Flag = TCPTalk.Flag
        let end = end()
        let (sequence, acknowledgement) = (talk.next[end.rawValue], talk.next[end.other.rawValue])
        let (off, beyond) = (stray(), stray())
        switch Int.random(in: 0..<100, using: &random) {
        case ..<45:
            let length = random.pick([0, 0, 1, 100, 1000])
            talk.send(
                end, Flag.acknowledge | random.pick([0, Flag.push]), sequence &+ off, acknowledgement &+ beyond,
                window: random.pick(Self.windows), length: length)
            if off == 0 { talk.advance(end, length) }
        case ..<58:
            talk.send(end, Flag.fin | Flag.acknowledge, sequence &+ off, acknowledgement &+ beyond)
            if off == 0 { talk.advance(end, 1) }
        case ..<66:
            talk.send(end, random.pick([Flag.reset, Flag.reset | Flag.acknowledge]), sequence &+ off, chance(80) ? acknowledgement : 0)
        case ..<74:
            // A SYN in the middle: anew, or the old one once more.
            talk.send(end, Flag.syn, chance(60) ? word() : talk.initial[end.rawValue], 0, options: synOptions())
        case ..<78: openTCP(&talk, end)
        case ..<82: talk.send(end, Flag.syn | Flag.acknowledge, sequence &+ off, acknowledgement &+ beyond, options: synOptions())
        case ..<88: if let step = talk.steps.randomElement(using: &random) { talk.steps.append(step) }
        case ..<92:
            let left = acknowledgement &+ stray()
            talk.send(
                end, Flag.acknowledge, sequence, acknowledgement,
                options: [1, 1, 5, 10] + left.networkBytes + (left &+ random.pick([0, 100, 70_000])).networkBytes)
        case ..<95: talk.send(end, Flag.acknowledge, sequence, acknowledgement, length: 10, spoilt: true)
        default: talk.send(end, random.pick([0, 1, 3, 6, 0x29, 0x18, 0x30, 0x13, 0x12, 0xd2, 0xc2]), sequence, acknowledgement)
        }
    }
}
