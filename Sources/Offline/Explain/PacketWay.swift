import Classifier
import Firewall
import Interpreter
import Ruleset

/// The way of packets that were judged, walked afterwards.
enum PacketWay {
    /// The steps through all sections of the path; nil where the interpreter, which remembers no packet, comes to another result.
    static func steps(of packets: [JudgedPackets.Packet], _ ruleset: Ruleset, _ program: Program, pathMTU: Int) -> [TraceStep]? {
        let interpreter = Interpreter(ruleset, ports: program.ports, pathMTU: pathMTU)
        var steps: [TraceStep] = []
        for packet in packets {
            if !program.connectionNeeds.isEmpty, packet.section != .beforeTracking { steps.append(.connection(packet.connection)) }
            let found = interpreter.classify(
                packet.bytes.span.bytes, packet.frame, isChecksumPartial: packet.isChecksumPartial, ingress: packet.ingress,
                at: packet.instant, section: packet.section, after: packet.before, connection: packet.connection, isTraced: true)
            guard found.classification == packet.classification else { return nil }
            steps += found.trace.steps
        }
        return steps
    }
}
