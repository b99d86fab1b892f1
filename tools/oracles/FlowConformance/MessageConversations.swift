import FrameBuilder

extension Hosts {
    /// ICMP or ICMPv6 with its checksum.
    func message(_ source: String, _ destination: String, _ bytes: [UInt8], spoilt: Bool = false) -> [UInt8] {
        var bytes = bytes
        if isIPv6 {
            bytes = summed(bytes, at: 2, from: source, to: destination, 58)
        } else {
            bytes.replaceSubrange(2..<4, with: plainChecksum(bytes).networkBytes)
        }
        if spoilt { bytes[2] ^= 0x33 }
        return frame(source, destination, isIPv6 ? 58 : 1, bytes)
    }
}

extension ConversationSource {
    /// Requests and answers, in and out of turn.
    mutating func echoConversation(_ hosts: Hosts) -> [Step] {
        (0..<Int.random(in: 1...8, using: &random)).map { _ in
            let end = end()
            let types: [UInt8] =
                hosts.isIPv6 ? [128, 129, 128, 129, 128, 129, 139, 140, 138, 200] : [8, 0, 8, 0, 8, 0, 13, 14, 15, 16, 17, 18, 9, 19, 40]
            let (type, code) = (random.pick(types), UInt8(random.oneIn(10) ? 1 : 0))
            let identifier: UInt16 = random.pick([7, 7, 7, 8])
            let spoilt = random.oneIn(12)
            let bytes = [type, code, 0, 0] + identifier.networkBytes + [0, 1]
            return Step(
                from: end, frame: hosts.message(hosts.address(end), hosts.address(end.other), bytes, spoilt: spoilt),
                words: "icmp type \(type) code \(code) id \(identifier)\(spoilt ? " wrong checksum" : "")")
        }
    }

    /// A conversation of another kind, with errors about its packets, and about packets that there never were.
    mutating func errorConversation(_ hosts: Hosts) -> [Step] {
        let ports = [port(), port()]
        var steps: [Step]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: steps = tcpConversation(hosts)
        case 1: steps = echoConversation(hosts)
        case 2: steps = sctpConversation(hosts)
        default:
            steps = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                let end = end()
                return Step(from: end, frame: hosts.frame(from: end, 17, hosts.udp(end, ports, count: 20)), words: "udp \(ports)")
            }
        }
        if steps.isEmpty { return [] }
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 1...steps.count, using: &random)
            let about = steps[Int.random(in: 0..<place, using: &random)]
            steps.insert(errorStep(hosts, about: about), at: place)
        }
        return steps
    }

    private mutating func errorStep(_ hosts: Hosts, about step: Step) -> Step {
        var quote = hosts.packet(in: step.frame)
        var words = "about '\(step.words)' of \(step.from)"
        let header = hosts.isIPv6 ? 40 : 20
        if random.oneIn(8), quote.count > header + 3 {
            quote[header + 3] ^= 1
            words += ", another port"
        }
        if random.oneIn(10) {
            quote[hosts.isIPv6 ? 6 : 9] ^= 0x40
            words += ", another protocol"
        }
        if random.oneIn(10) {
            let length = random.pick([0, 4, 19, 20, 24, 28, 39, 40, 44, 48])
            quote = Array(quote.prefix(length))
            words += ", cut to \(quote.count)"
        }
        if random.oneIn(12), !quote.isEmpty {
            quote[0] ^= 0x10
            words += ", another version"
        }
        let types: [UInt8] = hosts.isIPv6 ? [1, 2, 3, 4, 127] : [3, 3, 11, 12, 4, 5]
        let type = random.pick(types)
        // To who sent the packet, from the router or the other end; sometimes the wrong way round.
        let isWrong = random.oneIn(6)
        let destination = hosts.address(isWrong ? step.from.other : step.from)
        let source = random.oneIn(2) ? hosts.router : hosts.address(isWrong ? step.from : step.from.other)
        let spoilt = random.oneIn(12)
        let bytes: [UInt8] = [type, 1, 0, 0, 0, 0, 5, 0] + quote
        return Step(
            from: isWrong ? step.from : step.from.other, frame: hosts.message(source, destination, bytes, spoilt: spoilt),
            words: "error type \(type) from \(source) to \(destination) \(words)\(spoilt ? ", wrong checksum" : "")")
    }

    /// Neighbours, routers and multicast listeners; over IPv4 what comes instead of them.
    mutating func neighbourConversation(_ hosts: Hosts) -> [Step] {
        guard hosts.isIPv6 else { return echoConversation(hosts) }
        return (0..<Int.random(in: 1...5, using: &random)).map { _ in
            let (end, type) = (end(), random.pick([130, 131, 132, 133, 134, 135, 136, 143, 137] as [UInt8]))
            let source = random.oneIn(2) ? "fe80::\(end.rawValue + 1)" : hosts.address(end)
            let destination = random.pick(["ff02::1", "ff02::1:ff00:2", hosts.address(end.other)])
            let bytes: [UInt8] = [type, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 1, count: 32)
            return Step(
                from: end, frame: hosts.message(source, destination, bytes), words: "icmpv6 type \(type) from \(source) to \(destination)")
        }
    }
}
