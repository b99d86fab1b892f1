import Flows
import FrameBuilder
import Testing
import Wire

/// A step of an SCTP association or a DCCP connection.
struct Step: Sendable {
    var isBack: Bool
    var bytes: [UInt8]
    var state: TrackedPacket.State
    var name: String?

    init(_ isBack: Bool, _ bytes: [UInt8], _ state: TrackedPacket.State, _ name: String? = nil) {
        (self.isBack, self.bytes, self.state, self.name) = (isBack, bytes, state, name)
    }
}

struct StepCase: Sendable, CustomTestStringConvertible {
    var name: String
    var number: UInt8
    var steps: [Step]
    var testDescription: String { name }

    static func chunk(_ type: UInt8, flags: UInt8 = 0, _ value: [UInt8] = []) -> [UInt8] {
        [type, flags] + UInt16(4 + value.count).networkBytes + value
    }
    static func initiation(_ type: UInt8, tag: UInt32) -> [UInt8] { chunk(type, tag.networkBytes + [UInt8](repeating: 0, count: 12)) }
    static func sctp(_ tag: UInt32, _ chunks: [UInt8]...) -> [UInt8] { tag.networkBytes + [0, 0, 0, 0] + chunks.flatMap { $0 } }
    /// Behind the ports: offset, coverage, checksum, type with long numbers, numbers.
    static func dccp(_ type: UInt8, sequence: UInt64 = 1, acknowledgement: UInt64 = 0) -> [UInt8] {
        [6, 0, 0, 0, type << 1 | 1, 0] + sequence.networkBytes.suffix(6) + [0, 0] + acknowledgement.networkBytes.suffix(6)
    }

    static let open = [
        Step(false, sctp(0, initiation(1, tag: 100)), .new, "CLOSED"),
        Step(true, sctp(100, initiation(2, tag: 200)), .established, "COOKIE_WAIT"),
        Step(false, sctp(200, chunk(10, [1, 2, 3, 4])), .established, "COOKIE_ECHOED"),
        Step(true, sctp(100, chunk(11)), .established, "ESTABLISHED"),
    ]
    static let handshake = [
        Step(false, dccp(0, sequence: 10), .new, "REQUEST"),
        Step(true, dccp(1, sequence: 20, acknowledgement: 10), .established, "RESPOND"),
        Step(false, dccp(3, sequence: 11, acknowledgement: 20), .established, "PARTOPEN"),
        Step(true, dccp(4, sequence: 21, acknowledgement: 11), .established, "OPEN"),
    ]

    static let all: [StepCase] = [
        StepCase(
            name: "an association opens and closes", number: 132,
            steps: open + [
                Step(false, sctp(200, chunk(0, [1, 2, 3, 4])), .established, "ESTABLISHED"),
                Step(false, sctp(200, chunk(7, [0, 0, 0, 0])), .established, "SHUTDOWN_SENT"),
                Step(true, sctp(100, chunk(8)), .established, "SHUTDOWN_ACK_SENT"),
                Step(false, sctp(200, chunk(14)), .established, "CLOSED"),
            ]),
        StepCase(
            name: "tags must be the association's", number: 132,
            steps: open + [
                Step(false, sctp(100, chunk(0, [1, 2, 3, 4])), .invalid),
                Step(true, sctp(200, chunk(3)), .invalid),
                Step(false, sctp(1, chunk(6)), .invalid),
                Step(false, sctp(100, chunk(6)), .invalid),
                Step(false, sctp(100, chunk(6, flags: 1)), .established, "CLOSED"),
            ]),
        StepCase(
            name: "an INIT bears no tag, and stands alone", number: 132,
            steps: [
                Step(false, sctp(5, initiation(1, tag: 100)), .invalid),
                Step(false, sctp(0, initiation(1, tag: 100), chunk(3)), .invalid),
                Step(false, sctp(0, chunk(3), initiation(1, tag: 100)), .invalid),
                Step(false, sctp(0, chunk(1, [0, 0])), .invalid),
                Step(false, sctp(0), .invalid),
            ]),
        StepCase(
            name: "nothing begins with data, an abort or a cookie's answer", number: 132,
            steps: [
                Step(false, sctp(5, chunk(0, [1, 2, 3, 4])), .invalid), Step(false, sctp(5, chunk(6)), .invalid),
                Step(false, sctp(5, chunk(11)), .invalid), Step(false, sctp(5, chunk(14)), .invalid),
            ]),
        StepCase(
            name: "another path is found by its heartbeats", number: 132,
            steps: [
                Step(false, sctp(200, chunk(4, [0, 1, 0, 4])), .new, "HEARTBEAT_SENT"),
                Step(true, sctp(100, chunk(5, [0, 1, 0, 4])), .established, "ESTABLISHED"),
                Step(false, sctp(200, chunk(0, [1, 2, 3, 4])), .established, "ESTABLISHED"),
            ]),
        StepCase(name: "chunks of length 0", number: 132, steps: [Step(false, sctp(0, [1, 0, 0, 0]), .invalid)]),
        StepCase(
            name: "a connection opens and closes", number: 33,
            steps: handshake + [
                Step(false, dccp(2), .established, "OPEN"),
                Step(true, dccp(5), .established, "CLOSEREQ"),
                Step(false, dccp(6), .established, "CLOSING"),
                Step(true, dccp(7), .established, "TIMEWAIT"),
                Step(true, dccp(0), .established, "REQUEST"),
                Step(false, dccp(1), .established, "RESPOND"),
            ]),
        StepCase(name: "nothing begins but with a request", number: 33, steps: (1...9).map { Step(false, dccp($0), .invalid) }),
        StepCase(
            name: "refused", number: 33,
            steps: [Step(false, dccp(0), .new), Step(true, dccp(7), .established), Step(true, dccp(1), .invalid)]),
        StepCase(
            name: "an ignored request that is answered", number: 33,
            steps: handshake + [
                Step(false, dccp(0, sequence: 50), .established, "OPEN"), Step(true, dccp(1, sequence: 60), .established, "RESPOND"),
            ]),
        StepCase(name: "reserved types", number: 33, steps: [Step(false, dccp(10), .invalid), Step(false, dccp(15), .invalid)]),
    ]
}

@Suite("Associations")
struct AssociationTests {
    @Test("each packet's state, and the association's behind it", arguments: StepCase.all)
    func cases(_ example: StepCase) {
        var bench = Bench()
        let side = Side()
        for (index, step) in example.steps.enumerated() {
            let frame = side.raw(step.isBack, example.number, side.ports(step.isBack) + step.bytes)
            let (packet, flow) = bench.take(frame.bytes)
            #expect(packet.state == step.state, "step \(index): \(packet)")
            if let name = step.name { #expect(flow?.state?.name == name, "step \(index)") }
        }
    }

    @Test("SCTP's checksum is the one that others reckon")
    func checksum() {
        let side = Side()
        var packet = side.ports(false) + StepCase.sctp(0, StepCase.initiation(1, tag: 100))
        let value = packet.withUnsafeBytes { CyclicChecksum.ofSCTP($0.bytes) }
        packet.replaceSubrange(8..<12, with: value.networkBytes.reversed())
        var bench = Bench()
        #expect(bench.take(side.raw(false, 132, packet).bytes, isChecksumKnown: false).packet.state == .new)
    }

    @Test("an opened association is assured for 210 s, a DCCP connection for 12 hours")
    func timeouts() {
        for (number, steps, seconds) in [(UInt8(132), StepCase.open, 210.0), (33, StepCase.handshake, 43_200)] {
            var bench = Bench()
            var flow: FlowDescription?
            for step in steps { flow = bench.take(Side().raw(step.isBack, number, Side().ports(step.isBack) + step.bytes).bytes).flow }
            #expect(flow?.statusName == "assured")
            #expect(abs((flow?.seconds ?? 0) - seconds) < 0.01)
        }
    }
}
