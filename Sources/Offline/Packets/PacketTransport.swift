import Ruleset
import Wire

extension PacketParser {
    static let tcpFlagNames = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr", "none"]
    static let tcpOptions =
        tcpFlagNames + ["seq", "win", "urgptr", "doff", "mss", "wscale", "sackok", "sack", "ts", "nop", "option"] + checksumOptions
    static let udpOptions = ["length"] + checksumOptions
    static let udpliteOptions = ["csumcov"] + checksumOptions

    /// RFC 9293 3.1. Without any flag it is a SYN.
    mutating func tcp() throws(Diagnostic) -> PacketLayer {
        let start = next()
        let ports = try portPair("tcp")
        var flags: UInt8?
        var (sequence, acknowledgement): (UInt32, UInt32) = (1, 0)
        var (window, urgent): (UInt16, UInt16) = (65_535, 0)
        var offset: UInt8?
        var options: [UInt8] = []
        var wish = ChecksumWish.right
        while true {
            if try checksum(&wish) { continue }
            if let more = try tcpFlags() {
                flags = (flags ?? 0) | more
                if more == 16, isAtNumber { acknowledgement = try number("the acknowledgement number") }
                continue
            }
            guard let word = option(of: Self.tcpOptions) else { break }
            let token = tokens[index - 1]
            switch word {
            case "seq": sequence = try number("the sequence number")
            case "win": window = try number("the window")
            case "urgptr": urgent = try number("the urgent pointer")
            case "doff": offset = try number("the data offset in words of 4 bytes", upTo: 15)
            default: options += try tcpOption(word)
            }
            guard options.count <= 40 else { throw fail(token, "the options are longer than 40 bytes") }
        }
        options += Array(repeating: 0, count: (4 - options.count % 4) % 4)
        let header: [UInt8] =
            ports + sequence.octets + acknowledgement.octets
            + [(offset ?? UInt8(truncatingIfNeeded: 5 + options.count / 4)) << 4, flags ?? 2] + window.octets + [0, 0] + urgent.octets
            + options
        return PacketLayer("tcp", .transport, at: location(start), ipProtocol: IPProtocol.tcp) { body, _, outer in
            var segment = header + body
            segment.replaceSubrange(16..<18, with: wish.checksum(Sums.transport(segment, protocol: IPProtocol.tcp, outer)).octets)
            return segment
        }
    }

    /// `syn`, `syn,ack`, or as tcpdump has it `[S.]`; nil where no flag stands.
    private mutating func tcpFlags() throws(Diagnostic) -> UInt8? {
        guard current.kind == .word else { return nil }
        if current.text.hasPrefix("[") { return try abbreviatedFlags() }
        guard let name = option(of: Self.tcpFlagNames) else { return nil }
        var flags = UInt8(truncatingIfNeeded: PacketNames.number(name, .tcpFlag) ?? 0)
        while skip(.comma) {
            guard let name = option(of: Self.tcpFlagNames) else {
                // After a comma `sackOK` and its like are options again, as tcpdump prints them.
                if current.kind == .word, Self.tcpOptions.contains(current.text) { return flags }
                throw unexpected("a TCP flag", note: "accepted: " + Self.tcpFlagNames.joined(separator: ", "))
            }
            flags |= UInt8(truncatingIfNeeded: PacketNames.number(name, .tcpFlag) ?? 0)
        }
        return flags
    }

    private mutating func abbreviatedFlags() throws(Diagnostic) -> UInt8 {
        let letters: [Character: UInt8] = ["F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128]
        let token = current
        var flags: UInt8 = 0
        guard token.text.hasSuffix("]"), token.text.count >= 2 else { throw unexpected("flags as in [S.]") }
        for letter in token.text.dropFirst().dropLast() {
            guard let flag = letters[letter] else {
                throw fail(token, "unknown flag in \(shown(token))", note: "accepted: F, S, R, P, . (ACK), U, E and W, as tcpdump has them")
            }
            flags |= flag
        }
        next()
        return flags
    }

    /// RFC 9293 3.2, RFC 7323, RFC 2018.
    private mutating func tcpOption(_ word: String) throws(Diagnostic) -> [UInt8] {
        switch word {
        case "mss": return try [2, 4] + (number("the maximum segment size") as UInt16).octets
        case "wscale": return try [3, 3, number("the window's shift")]
        case "sackok": return [4, 2]
        case "ts":
            let value: UInt32 = try number("the timestamp")
            let echo: UInt32 = try number("the timestamp's echo, after the timestamp")
            return [8, 10] + value.octets + echo.octets
        case "nop": return [1]
        case "option":
            let kind: UInt8 = try number("the option's kind")
            if kind < 2 { return [kind] }
            let token = current
            let content = current.kind == .word && current.text.hasPrefix("0x") ? try bytes("the option's bytes") : []
            guard content.count <= 38 else { throw fail(token, "the options are longer than 40 bytes") }
            return [kind, UInt8(content.count + 2)] + content
        default: return try selectiveAcknowledgement()
        }
    }

    /// `sack 1000:2000,3000:4000`.
    private mutating func selectiveAcknowledgement() throws(Diagnostic) -> [UInt8] {
        var edges: [UInt8] = []
        repeat {
            let parts = current.text.split(separator: ":", omittingEmptySubsequences: false)
            guard current.kind == .word, parts.count == 2, let left = Self.integer(String(parts[0])),
                let right = Self.integer(String(parts[1])),
                let left = UInt32(exactly: left), let right = UInt32(exactly: right)
            else { throw unexpected("a block's two sequence numbers", note: "as in sack 1000:2000,3000:4000") }
            guard edges.count < 32 else { throw fail(current, "more than 4 blocks") }
            edges += left.octets + right.octets
            next()
        } while skip(.comma)
        return [5, UInt8(truncatingIfNeeded: edges.count + 2)] + edges
    }

    /// RFC 768, and RFC 3828, whose checksum covers as much as the header says.
    mutating func udp(isLite: Bool) throws(Diagnostic) -> PacketLayer {
        let start = next()
        let ports = try portPair(start.text)
        var length: UInt16?
        var wish = ChecksumWish.right
        while true {
            if try checksum(&wish) { continue }
            guard let word = option(of: isLite ? Self.udpliteOptions : Self.udpOptions) else { break }
            length = try number(word == "length" ? "the length" : "the checksum's coverage")
        }
        let number = isLite ? IPProtocol.udpLite : IPProtocol.udp
        var layer = PacketLayer(start.text, .transport, at: location(start), ipProtocol: number) { body, _, outer in
            let second = length ?? (isLite ? 0 : UInt16(truncatingIfNeeded: 8 + body.count))
            var datagram = ports + second.octets + [0, 0] + body
            let covered = isLite && second != 0 ? Int(second) : nil
            let sum = Sums.transport(datagram, protocol: number, outer, covered: covered)
            // A sum of 0 is sent as 0xffff (RFC 768).
            datagram.replaceSubrange(6..<8, with: wish.checksum(sum == 0 ? 0xffff : sum).octets)
            return datagram
        }
        if length == nil { layer.limit = 65_535 }
        return layer
    }
}
