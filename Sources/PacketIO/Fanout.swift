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

    /// A classic program whose value, modulo the number of sockets, chooses one: a hash of source XOR destination address,
    /// the same in both directions, behind up to three VLAN tags (the outermost is not in the bytes); 0 for what isn't IP.
    package static func hashOfAddresses(key: UInt32) -> [sock_filter] {
        let ipv4 = UInt32(ETH_P_IP)
        let ipv6 = UInt32(ETH_P_IPV6)

        // Ends the program with the hash of the words at these offsets, XORed.
        func hash(_ offsets: [UInt32]) -> [sock_filter] {
            var program: [sock_filter] = [.loadWord(network: offsets[0])]
            for offset in offsets.dropFirst() {
                program += [.accumulatorToIndex, .loadWord(network: offset), .xorIndex]
            }
            // An odd factor loses nothing, and the upper half depends on every bit.
            return program + [.multiply(key | 1), .shiftRight(16), .returnAccumulator]
        }

        // For a network header that begins `base` bytes behind the outermost tag, with its EtherType in A.
        func addresses(_ base: UInt32) -> [sock_filter] {
            let four = hash([base + 12, base + 16])
            let six = hash((0..<8).map { base + 8 + 4 * $0 })
            return [.jumpIfEqual(ipv4, then: 0, else: UInt8(four.count))] + four
                + [.jumpIfEqual(ipv6, then: 0, else: UInt8(six.count))] + six
        }

        var program: [sock_filter] = [.load(ancillary: UInt32(SKF_AD_PROTOCOL))]
        for inner in 0..<3 as Range<UInt32> {
            program += addresses(4 * inner)
            if inner < 2 {
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
}
