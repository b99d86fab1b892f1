package import Flows
import Glibc

/// A flow in a line: as conntrack(8) lists it, or as an object of JSON.
package enum FlowLine {
    package static func text(of flow: FlowDescription, json: Bool) -> String { json ? object(flow) : line(flow) }

    private static func line(_ flow: FlowDescription) -> String {
        let number = flow.original.transportProtocol
        var words = ["\(name(of: number)) \(number) \(flow.expiration / 1_000_000_000)"]
        if let state = flow.state { words.append(state.name) }
        for direction in [FlowDirection.original, .reply] {
            let tuple = flow.tuple(direction)
            words.append("src=\(address(tuple.source, tuple)) dst=\(address(tuple.destination, tuple))")
            switch number {
            case 1, 58:
                words.append(
                    "type=\(tuple.destinationPort >> 8) code=\(tuple.destinationPort & 0xff) id=\(tuple.sourcePort)")
            case 6, 17, 33, 132, 136: words.append("sport=\(tuple.sourcePort) dport=\(tuple.destinationPort)")
            default: break
            }
            words.append("packets=\(flow.packets(direction)) bytes=\(flow.bytes(direction))")
            if direction == .original, !has(flow, FlowDescription.Status.seenReply) { words.append("[UNREPLIED]") }
        }
        if has(flow, FlowDescription.Status.assured) { words.append("[ASSURED]") }
        words.append("mark=\(flow.mark)")
        return words.joined(separator: " ") + "\n"
    }

    /// Numbers and names of a few letters, so that nothing needs escaping.
    private static func object(_ flow: FlowDescription) -> String {
        var members = ["\"protocol\":\(flow.original.transportProtocol)"]
        if let state = flow.state { members.append("\"state\":\"\(state.name)\"") }
        for direction in [FlowDirection.original, .reply] {
            let tuple = flow.tuple(direction)
            members.append(
                "\"\(direction)\":{\"source\":\"\(address(tuple.source, tuple))\",\"destination\":\"\(address(tuple.destination, tuple))\","
                    + "\"source_port\":\(tuple.sourcePort),\"destination_port\":\(tuple.destinationPort),"
                    + "\"packets\":\(flow.packets(direction)),\"bytes\":\(flow.bytes(direction))}")
        }
        members.append("\"seen_reply\":\(has(flow, FlowDescription.Status.seenReply))")
        members.append("\"assured\":\(has(flow, FlowDescription.Status.assured))")
        members.append("\"mark\":\(flow.mark),\"expires_in\":\(flow.expiration / 1_000_000_000)")
        return "{\"flow\":{" + members.joined(separator: ",") + "}}\n"
    }

    private static func has(_ flow: FlowDescription, _ status: UInt32) -> Bool { flow.status & status != 0 }

    private static func name(of number: UInt8) -> String {
        switch number {
        case 1: "icmp"
        case 6: "tcp"
        case 17: "udp"
        case 33: "dccp"
        case 47: "gre"
        case 58: "icmpv6"
        case 132: "sctp"
        case 136: "udplite"
        default: "unknown"
        }
    }

    private static func address(_ address: UInt128, _ tuple: FlowTuple) -> String {
        LogLine.address(address, isIPv4: !tuple.isIPv6)
    }
}
