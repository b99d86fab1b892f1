package import Flows
import Ruleset

/// A flow in a line: as conntrack(8) lists it, or as an object of JSON.
package enum FlowLine {
    package static func text(of flow: FlowDescription, json: Bool) -> String { json ? object(flow) : line(flow) }

    private static func line(_ flow: FlowDescription) -> String {
        let number = flow.original.transportProtocol
        // As conntrack(8) pads it: eight columns, then a space.
        let name = name(of: number)
        let padding = String(repeating: " ", count: max(0, 8 - name.count))
        var words = ["\(name)\(padding) \(number) \(flow.expiration / 1_000_000_000)"]
        if let state = flow.state { words.append(state.name) }
        for direction in [FlowDirection.original, .reply] {
            let tuple = flow.tuple(direction)
            words.append("src=\(address(tuple.source, tuple)) dst=\(address(tuple.destination, tuple))")
            switch number {
            case 1, 58:
                words.append(
                    "type=\(tuple.destinationPort >> 8) code=\(tuple.destinationPort & 0xff) id=\(tuple.sourcePort)")
            case 6, 17, 33, 132, 136: words.append("sport=\(tuple.sourcePort) dport=\(tuple.destinationPort)")
            case 47: words.append("srckey=0x\(hexadecimal(tuple.sourcePort)) dstkey=0x\(hexadecimal(tuple.destinationPort))")
            default: break
            }
            words.append("packets=\(flow.packets(direction)) bytes=\(flow.bytes(direction))")
            if direction == .original, !has(flow, FlowDescription.Status.seenReply) { words.append("[UNREPLIED]") }
        }
        if has(flow, FlowDescription.Status.assured) { words.append("[ASSURED]") }
        words.append("mark=\(flow.mark)")
        // Who else looks at the entry: nobody.
        words.append("use=1")
        return words.joined(separator: " ") + "\n"
    }

    private static func object(_ flow: FlowDescription) -> String {
        var line: [UInt8] = []
        line.append("{\"flow\":{\"protocol\":", decimal: UInt64(flow.original.transportProtocol), "")
        if let state = flow.state { line.append(",\"state\":", quoted: state.name) }
        for direction in [FlowDirection.original, .reply] {
            let tuple = flow.tuple(direction)
            line.append(",")
            line.append(quoted: "\(direction)")
            line.append(":{\"source\":\"")
            line.append(address: tuple.source, isIPv4: !tuple.isIPv6)
            line.append("\",\"destination\":\"")
            line.append(address: tuple.destination, isIPv4: !tuple.isIPv6)
            line.append("\"")
            append(portsOf: tuple, to: &line)
            line.append(",\"packets\":", decimal: flow.packets(direction), "")
            line.append(",\"bytes\":", decimal: flow.bytes(direction), "}")
        }
        line.append(",\"seen_reply\":")
        line.append(has(flow, FlowDescription.Status.seenReply) ? "true" : "false")
        line.append(",\"assured\":")
        line.append(has(flow, FlowDescription.Status.assured) ? "true" : "false")
        if flow.vlans.count > 0 {
            line.append(",\"vlans\":[")
            line += flow.vlans.identifiers.map { "\($0)" }.joined(separator: ",").utf8
            line.append("]")
        }
        line.append(",\"mark\":", decimal: UInt64(flow.mark), "")
        line.append(",\"expires_in\":", decimal: flow.expiration / 1_000_000_000, "}}\n")
        return String(decoding: line, as: UTF8.self)
    }

    /// What a protocol has beside addresses to tell connections apart, by conntrack's names; nothing for one that has nothing.
    private static func append(portsOf tuple: FlowTuple, to line: inout [UInt8]) {
        switch tuple.transportProtocol {
        case 1, 58:
            line.append(",\"type\":", decimal: UInt64(tuple.destinationPort >> 8), "")
            line.append(",\"code\":", decimal: UInt64(tuple.destinationPort & 0xff), "")
            line.append(",\"id\":", decimal: UInt64(tuple.sourcePort), "")
        case 6, 17, 33, 132, 136:
            line.append(",\"source_port\":", decimal: UInt64(tuple.sourcePort), "")
            line.append(",\"destination_port\":", decimal: UInt64(tuple.destinationPort), "")
        case 47:
            line.append(",\"srckey\":", decimal: UInt64(tuple.sourcePort), "")
            line.append(",\"dstkey\":", decimal: UInt64(tuple.destinationPort), "")
        default: break
        }
    }

    private static func hexadecimal(_ number: UInt16) -> String { String(number, radix: 16) }

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
