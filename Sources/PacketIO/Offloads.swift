import CLinux
import Glibc

/// What becomes of generic receive offload (GRO) on the ports, which merges segments that come in into super-frames.
public enum ReceiveMerging: String, Sendable, CaseIterable {
    /// As the operator has set it. Super-frames leave as the segments that came, but for constant IPv4 identifications.
    case keep
    /// Off for the run: what the wire brings leaves byte for byte. Linux has no switch for some kinds of packets only.
    case off

    /// Features to have off for the run.
    package var unwanted: [String] { Offloads.unbearable + (self == .off ? [Offloads.genericReceive] : []) }
}

/// A port's offload features by ethtool's names (`ethtool -k`), through the SIOCETHTOOL ioctl
/// (include/uapi/linux/ethtool.h, net/ethtool/ioctl.c).
package struct Offloads: ~Copyable {
    /// Receive offloads that merge packets in ways that a `virtio_net_hdr` has no word for, so that the frames could not be
    /// sent on as they came, and would be lost.
    package static let unbearable = ["rx-lro", "rx-gro-hw", "rx-gro-list", "rx-udp-gro-forwarding"]

    /// Generic receive offload, `generic-receive-offload` in ethtool's listing.
    static let genericReceive = "rx-gro"

    private static let nameLength = 32
    private let socket: Descriptor
    private let name: String
    /// All features of this kernel, by their bit number.
    private let names: [String]

    init(_ name: String) throws(SystemCallError) {
        let socket = try Self.open()
        let names = try Self.featureNames(socket.number, name)
        self.socket = socket
        self.name = name
        self.names = names
    }

    private static func open() throws(SystemCallError) -> Descriptor {
        let number = try systemCall("socket AF_INET") {
            Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        }
        return Descriptor(owning: number)
    }

    /// The features that are on and could be turned off.
    func enabled(among features: [String]) throws(SystemCallError) -> [String] {
        // struct ethtool_gfeatures: cmd, size, then a block of four words for each 32 features.
        let blocks = (names.count + 31) / 32
        var request = [UInt32](repeating: 0, count: 2 + 4 * blocks)
        request[0] = UInt32(ETHTOOL_GFEATURES)
        request[1] = UInt32(blocks)
        try Self.command(socket.number, name, &request, "read the offloads of")
        return features.filter { feature in
            guard let bit = names.firstIndex(of: feature) else { return false }
            let block = 2 + 4 * (bit / 32)
            // available, requested, active, never_changed
            return request[block + 2] >> UInt32(bit % 32) & 1 == 1 && request[block + 3] >> UInt32(bit % 32) & 1 == 0
        }
    }

    /// Turns features on or off. Some are refused by some drivers: what is still on afterwards, `enabled` tells.
    func set(_ features: [String], on: Bool) throws(SystemCallError) {
        // struct ethtool_sfeatures: cmd, size, then valid and requested for each 32 features.
        let blocks = (names.count + 31) / 32
        var request = [UInt32](repeating: 0, count: 2 + 2 * blocks)
        request[0] = UInt32(ETHTOOL_SFEATURES)
        request[1] = UInt32(blocks)
        for bit in features.compactMap({ names.firstIndex(of: $0) }) {
            let mask = (1 as UInt32) << UInt32(bit % 32)
            request[2 + 2 * (bit / 32)] |= mask
            if on { request[3 + 2 * (bit / 32)] |= mask }
        }
        try Self.command(socket.number, name, &request, "set the offloads of")
    }

    private static func featureNames(_ socket: Int32, _ name: String) throws(SystemCallError) -> [String] {
        // struct ethtool_sset_info: cmd, reserved, mask of string sets, then the size of each set asked for.
        var info = [UInt32](repeating: 0, count: 5)
        info[0] = UInt32(ETHTOOL_GSSET_INFO)
        info[2] = 1 << ETH_SS_FEATURES.rawValue
        try command(socket, name, &info, "count the offloads of")
        let count = Int(info[4])
        guard count > 0, count <= 1024 else { return [] }
        // struct ethtool_gstrings: cmd, string_set, len, then names of 32 bytes.
        var strings = [UInt32](repeating: 0, count: 3 + count * nameLength / 4)
        strings[0] = UInt32(ETHTOOL_GSTRINGS)
        strings[1] = ETH_SS_FEATURES.rawValue
        strings[2] = UInt32(count)
        try command(socket, name, &strings, "name the offloads of")
        return strings.withUnsafeBytes { bytes in
            (0..<count).map { String(decoding: bytes[(12 + $0 * nameLength)...].prefix(nameLength).prefix { $0 != 0 }, as: UTF8.self) }
        }
    }

    private static func command(_ socket: Int32, _ name: String, _ request: inout [UInt32], _ what: String) throws(SystemCallError) {
        try systemCall("\(what) \(name)") { weir_ethtool(socket, name, &request) }
    }
}
