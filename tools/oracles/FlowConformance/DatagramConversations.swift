import FrameBuilder
import KernelBridge

extension Hosts {
    /// - Parameter length: In the header, in place of the true one.
    func udp(_ end: End, _ ports: [UInt16], count: Int, length: UInt16? = nil, number: UInt8 = 17) -> [UInt8] {
        let header = ports[end.rawValue].networkBytes + ports[end.other.rawValue].networkBytes
        let whole = header + (length ?? UInt16(8 + count)).networkBytes + [0, 0] + [UInt8](repeating: 7, count: count)
        return summed(whole, at: 6, from: end, number)
    }
}

extension ConversationSource {
    /// UDP there and back, with wrong lengths and checksums in between.
    mutating func udpConversation(_ hosts: Hosts) -> [Step] {
        let ports = [port(), random.pick([53, 123, port()])]
        let number: UInt8 = random.oneIn(5) ? 136 : 17
        return (0..<Int.random(in: 1...8, using: &random)).map { _ in
            let end = end()
            let count = random.pick([0, 1, 40])
            var datagram = hosts.udp(end, ports, count: count, number: number)
            var words = "protocol \(number) \(ports) of \(count) bytes"
            switch Int.random(in: 0..<14, using: &random) {
            case 0:
                datagram[7] ^= 0x5a
                words += ", wrong checksum"
            case 1:
                datagram.replaceSubrange(6..<8, with: [0, 0])
                words += ", no checksum"
            case 2:
                let length: UInt16 = random.pick([0, 7, 8, 100])
                datagram = hosts.udp(end, ports, count: count, length: length, number: number)
                words += ", said to be of \(length)"
            case 3:
                datagram = Array(datagram.prefix(random.pick([0, 3, 7])))
                words += ", cut to \(datagram.count)"
            default: break
            }
            return Step(from: end, frame: hosts.frame(from: end, number, datagram), words: words)
        }
    }

    /// GRE of version 0, and of 1 as PPTP has it.
    mutating func greConversation(_ hosts: Hosts) -> [Step] {
        let calls = [UInt16(7), 7, 9]
        let isPPTP = random.oneIn(2)
        return (0..<Int.random(in: 2...6, using: &random)).map { _ in
            let (end, call) = (end(), random.pick(calls))
            var packet: [UInt8] =
                isPPTP ? [0x20, 0x01, 0x88, 0x0b, 0, 4] + call.networkBytes + [1, 2, 3, 4] : [0x20, 0, 8, 0, 0, 0] + call.networkBytes
            if random.oneIn(8) { packet[2] = 0x08 }
            if random.oneIn(8) { packet = Array(packet.prefix(random.pick([0, 3, 6]))) }
            return Step(from: end, frame: hosts.frame(from: end, 47, packet), words: "gre \(hexadecimal(packet))")
        }
    }

    /// Protocols of which nothing but the number is looked at.
    mutating func otherConversation(_ hosts: Hosts) -> [Step] {
        let number: UInt8 = random.pick([2, 50, 89, 103, 108, 200, 253])
        return (0..<Int.random(in: 1...5, using: &random)).map { _ in
            let (end, count) = (end(), random.pick([0, 1, 8, 40]))
            let frame = hosts.frame(from: end, number, [UInt8](repeating: 7, count: count))
            return Step(from: end, frame: frame, words: "protocol \(number) of \(count) bytes")
        }
    }
}
