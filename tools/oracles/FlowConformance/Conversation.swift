import FrameBuilder

/// One of the two ends of the wire.
enum End: Int, CaseIterable {
    case near, far

    var other: End { self == .near ? .far : .near }
}

/// A packet of a conversation, and who sends it.
struct Step {
    var from: End
    var frame: [UInt8]
    /// For people.
    var words: String
}

/// Packets that two hosts, and whoever is between them, send one after the other.
struct Conversation {
    /// Of `ConversationSource.kinds`.
    var kind: String
    var steps: [Step] = []
    /// In front of this step nothing comes for longer than the shortest timeouts.
    var pause: Int?
}

/// Two hosts that no other conversation has, and a router between them.
struct Hosts {
    var number: Int
    /// The kernel forgets connections of earlier rounds only in time, so each round has networks of its own.
    var round: UInt64
    var isIPv6: Bool
    var vlan: UInt16?

    func address(_ end: End) -> String {
        let network = UInt64(end.rawValue) + round % 120 * 2 + 1
        return isIPv6
            ? "fd77:\(String(network, radix: 16))::\(String(number, radix: 16))" : "10.\(network).\(number >> 8).\(number & 255)"
    }

    var router: String { isIPv6 ? "fd77:fff::1" : "10.255.0.1" }

    /// An IP packet in its frame.
    func frame(_ source: String, _ destination: String, _ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var frame = Frame.ethernet()
        if let vlan { frame = frame.vlan(vlan) }
        return (isIPv6 ? frame.ipv6(source, destination) : frame.ipv4(source, destination)).ipPayload(number, payload).bytes
    }

    func frame(from end: End, _ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
        frame(address(end), address(end.other), number, payload)
    }

    /// What an error quotes.
    func packet(in frame: [UInt8]) -> [UInt8] { Array(frame.dropFirst(vlan == nil ? 14 : 18)) }

    /// The payload with its checksum at `place`, as TCP, UDP and ICMPv6 have it.
    func summed(_ payload: [UInt8], at place: Int, from source: String, to destination: String, _ number: UInt8) -> [UInt8] {
        var payload = payload
        let width = isIPv6 ? 16 : 4
        func bytes(_ text: String) -> [UInt8] { (isIPv6 ? ipv6Address(text) : ipv4Address(text)).networkBytes.suffix(width) }
        let pseudo = bytes(source) + bytes(destination) + [0, number] + UInt16(payload.count).networkBytes
        payload.replaceSubrange(place..<place + 2, with: [0, 0])
        var sum = plainChecksum(pseudo + payload)
        if sum == 0, number == 17 { sum = 0xffff }
        payload.replaceSubrange(place..<place + 2, with: sum.networkBytes)
        return payload
    }

    func summed(_ payload: [UInt8], at place: Int, from end: End, _ number: UInt8) -> [UInt8] {
        summed(payload, at: place, from: address(end), to: address(end.other), number)
    }
}

/// Makes conversations; the same seed makes the same ones.
struct ConversationSource {
    var random: SeededGenerator
    private let seed: UInt64
    private var number = 0

    private let chosen: [Kind]

    /// - Parameter kinds: Names of the kinds that are made; all if there are none.
    init(seed: UInt64, kinds: [String] = []) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        chosen = kinds.isEmpty ? Self.kinds : Self.kinds.filter { kinds.contains($0.name) }
    }

    typealias Kind = (name: String, weight: Int, make: @Sendable (inout ConversationSource, Hosts) -> [Step])

    static let kinds: [Kind] = [
        ("tcp", 12, { $0.tcpConversation($1) }),
        ("udp", 2, { $0.udpConversation($1) }),
        ("icmp", 3, { $0.echoConversation($1) }),
        ("icmp errors", 6, { $0.errorConversation($1) }),
        ("neighbour discovery", 1, { $0.neighbourConversation($1) }),
        ("sctp", 5, { $0.sctpConversation($1) }),
        ("gre", 2, { $0.greConversation($1) }),
        ("others", 1, { $0.otherConversation($1) }),
    ]

    mutating func next() -> Conversation {
        number += 1
        let hosts = Hosts(number: number, round: seed, isIPv6: random.oneIn(3), vlan: random.oneIn(8) ? 5 : nil)
        var choice = Int.random(in: 0..<chosen.reduce(0) { $0 + $1.weight }, using: &random)
        var kind = chosen[0]
        for candidate in chosen {
            kind = candidate
            if choice < candidate.weight { break }
            choice -= candidate.weight
        }
        let steps = kind.make(&self, hosts)
        let pause = random.oneIn(3) && steps.count > 1 ? Int.random(in: 1..<steps.count, using: &random) : nil
        return Conversation(kind: kind.name, steps: steps, pause: pause)
    }

    mutating func end() -> End { random.oneIn(2) ? .near : .far }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func word() -> UInt32 { UInt32.random(in: 0 ... .max, using: &random) }

    mutating func port() -> UInt16 { UInt16.random(in: 1024 ... .max, using: &random) }
}
