// Nanoseconds that parsing and the flow table take for a packet, of flows that are known and of new ones; one JSON object on standard output.
//
// usage: FlowsBench FLOWS

import Flows
import Foundation
import Wire

/// A UDP packet of 60 bytes in its Ethernet frame, of the flow of that number or an answer to it; without a UDP checksum.
func frame(of flow: Int, isAnswer: Bool) -> [UInt8] {
    func octets(_ number: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * (count - 1 - $0))) }
    }
    let ends: [(address: UInt32, port: UInt32)] = [
        (0x0a4d_0000 + UInt32(flow / 1000), 20_000 + UInt32(flow % 1000)), (0xc000_0235, 53),
    ]
    let (source, destination) = isAnswer ? (ends[1], ends[0]) : (ends[0], ends[1])
    var bytes: [UInt8] = [0x02, 0x77, 0, 0, 0, 2, 0x02, 0x77, 0, 0, 0, 1, 0x08, 0x00]
    bytes += [0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17, 0, 0] + octets(source.address, 4) + octets(destination.address, 4)
    bytes += octets(source.port, 2) + octets(destination.port, 2) + [0, 26, 0, 0]
    return bytes + [UInt8](repeating: 0, count: 60 - bytes.count)
}

func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

struct Figures: Encodable {
    var flows: Int
    /// Of a packet in a flow that has had an answer, the flows in no order.
    var known: Double
    /// Of a packet that begins a flow, which is put into the table.
    var new: Double
    /// That the table sets aside for 262,144 flows.
    var bytesPerFlow: Int
}

/// - Parameter flows: Distinct flows, of which a stretch is taken after another, as packets come in no order.
func measure(flows: Int) -> Figures {
    // So that neighbours in the table are none in time.
    let order = (0..<flows).shuffled()
    let requestBytes = order.flatMap { frame(of: $0, isAnswer: false) }
    let answerBytes = order.flatMap { frame(of: $0, isAnswer: true) }
    let requests = requestBytes.span.bytes
    let answers = answerBytes.span.bytes
    let length = requestBytes.count / flows
    var unexpected = 0

    var fastestNew = UInt64.max
    var fastestKnown = UInt64.max
    for _ in 0..<5 {
        var tracker = FlowTracker(settings: FlowSettings(flows: 262_144))
        var begin = nanoseconds()
        for index in 0..<flows {
            let request = requests.extracting(index * length..<(index + 1) * length)
            let packet = tracker.track(request, ParsedFrame.parse(request, tag: nil), ingress: 0, now: 1)
            if case .failure = tracker.confirm(packet) { unexpected += 1 }
        }
        fastestNew = min(fastestNew, nanoseconds() - begin)
        for index in 0..<flows {
            let answer = answers.extracting(index * length..<(index + 1) * length)
            _ = tracker.track(answer, ParsedFrame.parse(answer, tag: nil), ingress: 1, now: 2)
        }
        let passes = max(1, 400_000 / flows)
        for _ in 0..<3 {
            begin = nanoseconds()
            for _ in 0..<passes {
                for index in 0..<flows {
                    let request = requests.extracting(index * length..<(index + 1) * length)
                    let packet = tracker.track(request, ParsedFrame.parse(request, tag: nil), ingress: 0, now: 3)
                    if packet.state != .established { unexpected += 1 }
                }
            }
            fastestKnown = min(fastestKnown, (nanoseconds() - begin) / UInt64(passes))
        }
    }
    if unexpected > 0 { FileHandle.standardError.write(Data("\(unexpected) packets are not of the flows that they should be of\n".utf8)) }
    return Figures(
        flows: flows, known: Double(fastestKnown) / Double(flows), new: Double(fastestNew) / Double(flows),
        bytesPerFlow: FlowTracker.bytes(forFlows: 262_144) / 262_144)
}

guard let flows = CommandLine.arguments.dropFirst().first.flatMap({ Int($0) }), (1...262_144).contains(flows) else {
    FileHandle.standardError.write(Data("usage: FlowsBench FLOWS, 1 to 262144\n".utf8))
    exit(64)
}
let encoder = JSONEncoder()
encoder.outputFormatting = .sortedKeys
print(String(decoding: try encoder.encode(measure(flows: flows)), as: UTF8.self))
