package import CLinux
import Glibc

/// Spreads a port's frames over the sockets of several workers so that a pair of hosts, both directions and all fragments,
/// stays on one worker (packet(7), PACKET_FANOUT).
public enum Fanout {
    /// Joins bound sockets of one port into a group of its own; the first socket is the first worker's.
    ///
    /// `key` must be the same for both ports, and unpredictable: it mixes the addresses, so that nobody can choose addresses
    /// that all fall on one worker.
    public static func join(_ sockets: [PortSocket], key: UInt32) throws(SystemCallError) {
        guard let first = sockets.first, sockets.count > 1 else { return }
        let kind = UInt32(PACKET_FANOUT_CBPF) | UInt32(PACKET_FANOUT_FLAG_IGNORE_OUTGOING)
        // The kernel chooses the group's number: any of ours could be in use.
        try setOption(
            first.number, SOL_PACKET, PACKET_FANOUT, (kind | UInt32(PACKET_FANOUT_FLAG_UNIQUEID)) << 16,
            "PACKET_FANOUT on \(first.link.name)")
        var group: UInt32 = 0
        var length = socklen_t(MemoryLayout<UInt32>.size)
        try systemCall("getsockopt PACKET_FANOUT") { getsockopt(first.number, SOL_PACKET, PACKET_FANOUT, &group, &length) }
        for socket in sockets.dropFirst() {
            try setOption(
                socket.number, SOL_PACKET, PACKET_FANOUT, kind << 16 | group & 0xffff, "PACKET_FANOUT on \(socket.link.name)")
        }
        try setProgram(first.number, SOL_PACKET, PACKET_FANOUT_DATA, hashOfAddresses(key: key), "PACKET_FANOUT_DATA")
    }

    /// A classic program whose value, modulo the number of sockets, chooses one: a hash of source XOR destination address, the same in
    /// both directions, after up to eight VLAN tags (the outermost is not in the bytes); 0 for what isn't IP. Priority tags are among
    /// them: a host that sends with some gets answers without, and both belong to one worker.
    ///
    /// An ICMP error goes where the packet goes that it quotes, since the worker there knows the connection; it may come from any router
    /// on the way. One in fragments or with IP options goes by its own addresses.
    package static func hashOfAddresses(key: UInt32) -> [sock_filter] {
        var program: [sock_filter] = [.load(ancillary: UInt32(SKF_AD_PROTOCOL))]
        let deepest: UInt32 = 8
        for inner in 0..<deepest {
            let four = hashOfIPv4(at: 4 * inner, key)
            let six = hashOfIPv6(at: 4 * inner, key)
            program += [.jumpIfEqual(UInt32(ETH_P_IP), then: 0, else: UInt8(four.count))] + four
            program += [.jumpIfEqual(UInt32(ETH_P_IPV6), then: 0, else: UInt8(six.count))] + six
            if inner < deepest - 1 {
                program += [
                    .jumpIfEqual(UInt32(ETH_P_8021Q), then: 2, else: 0),
                    .jumpIfEqual(UInt32(ETH_P_8021AD), then: 1, else: 0),
                    .return(0),
                    .loadHalf(network: 4 * inner + 2),
                ]
            }
        }
        return program + [.return(0)]
    }

    /// Ends the program with the hash of the words at these offsets, XORed.
    private static func hash(_ offsets: [UInt32], _ key: UInt32) -> [sock_filter] {
        var program: [sock_filter] = []
        for (number, offset) in offsets.enumerated() {
            program += number == 0 ? [.loadWord(network: offset)] : [.accumulatorToIndex, .loadWord(network: offset), .xorIndex]
        }
        // An odd factor loses nothing, and the upper half depends on every bit.
        return program + [.multiply(key | 1), .shiftRight(16), .returnAccumulator]
    }

    /// For a header that begins that many bytes after the outermost tag.
    private static func hashOfIPv4(at base: UInt32, _ key: UInt32) -> [sock_filter] {
        let own = hash([base + 12, base + 16], key)
        let quoted = hash([base + 28 + 12, base + 28 + 16], key)
        let end = UInt8(quoted.count)
        // RFC 792: destination unreachable, source quench, redirect, time exceeded, parameter problem.
        let errors: [UInt32] = [3, 4, 5, 11, 12]
        var isError: [sock_filter] = []
        for (number, type) in errors.enumerated() {
            let isLast = number == errors.count - 1
            isError.append(.jumpIfEqual(type, then: UInt8(errors.count - 1 - number), else: isLast ? end : 0))
        }
        let rest = UInt8(isError.count) + end
        return [
            .loadByte(network: base + 9), .jumpIfEqual(UInt32(IPPROTO_ICMP), then: 0, else: 5 + rest),
            .loadHalf(network: base + 6), .jumpIfAny(0x3fff, then: 3 + rest, else: 0),
            .loadByte(network: base), .jumpIfEqual(0x45, then: 0, else: 1 + rest),
            .loadByte(network: base + 20),
        ] + isError + quoted + own
    }

    private static func hashOfIPv6(at base: UInt32, _ key: UInt32) -> [sock_filter] {
        let own = hash((0..<8).map { base + 8 + 4 * $0 }, key)
        let quoted = hash((0..<8).map { base + 48 + 8 + 4 * $0 }, key)
        let end = UInt8(quoted.count)
        // RFC 4443: the types below 128 are errors.
        return [
            .loadByte(network: base + 6), .jumpIfEqual(UInt32(IPPROTO_ICMPV6), then: 0, else: 2 + end),
            .loadByte(network: base + 40), .jumpIfAny(0x80, then: end, else: 0),
        ] + quoted + own
    }
}
