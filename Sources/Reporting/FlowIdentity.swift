import Wire

/// By what events of one connection are found: the two ends, the lower first, and the protocol.
struct FlowIdentity {
    private var octets: [UInt8] = []
    /// Where the addresses end; ports follow if there are any.
    private let isIPv4: Bool

    /// nil of a frame that has no connection to speak of: no IP, or a later fragment.
    init?(_ frame: ParsedFrame, icmp: UInt16?) {
        guard frame.network == .ipv4 || frame.network == .ipv6, let number = frame.transportProtocol,
            !frame.isFragment || frame.fragmentOffset == 0
        else { return nil }
        isIPv4 = frame.network == .ipv4
        var ports: (UInt16, UInt16)?
        var isOneWay = false
        if frame.hasPorts {
            ports = (frame.sourcePort, frame.destinationPort)
        } else if let icmp {
            let type = UInt8(icmp >> 8)
            if let answer = Self.counterpart(of: type, isIPv4: isIPv4) {
                ports = (UInt16(type), UInt16(answer))
            } else {
                ports = (UInt16(type), icmp & 0xff)
                isOneWay = true
            }
        }
        let isForward =
            isOneWay || frame.source < frame.destination
            || frame.source == frame.destination && (ports?.0 ?? 0) <= (ports?.1 ?? 0)
        append(isForward ? frame.source : frame.destination)
        append(isForward ? frame.destination : frame.source)
        octets += [number, 0]
        guard let ports else { return }
        for port in isForward ? [ports.0, ports.1] : [ports.1, ports.0] {
            octets += [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
        }
    }

    private mutating func append(_ address: UInt128) {
        for place in (0..<(isIPv4 ? 4 : 16)).reversed() { octets.append(UInt8(truncatingIfNeeded: address >> UInt128(place * 8))) }
    }

    /// The type that answers a type of ICMP or asks for it, as Community ID pairs them.
    private static func counterpart(of type: UInt8, isIPv4: Bool) -> UInt8? {
        let pairs: [(UInt8, UInt8)] =
            isIPv4 ? [(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)] : [(128, 129), (133, 134), (135, 136), (130, 131), (144, 145)]
        return pairs.first { $0.0 == type || $0.1 == type }.map { $0.0 == type ? $0.1 : $0.0 }
    }

    /// A number for `flow_id`, of 51 bits as Suricata's, since readers in JavaScript have no more: the same for both directions.
    var number: UInt64 { FNV.hash(octets) & 0x7_ffff_ffff_ffff }

    /// Community ID, version 1: the hash by which Zeek, Suricata and others name a connection.
    func communityID(seed: UInt16) -> String {
        "1:" + Base64.text(of: SHA1.digest(of: [UInt8(seed >> 8), UInt8(truncatingIfNeeded: seed)] + octets))
    }
}

/// The hash of Fowler, Noll and Vo, in its variant 1a of 64 bits: for numbers that are to be the same wherever they are made.
enum FNV {
    static func hash(_ octets: some Sequence<UInt8>) -> UInt64 {
        octets.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

/// Base 64 (RFC 4648, section 4).
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

    static func text(of octets: [UInt8]) -> String {
        var text = ""
        for start in stride(from: 0, to: octets.count, by: 3) {
            let part = octets[start..<min(start + 3, octets.count)]
            let bits = part.reduce(0 as UInt32) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - part.count))
            for place in 0..<4 {
                text.append(place <= part.count ? digits[Int(bits >> UInt32(18 - 6 * place) & 63)] : "=")
            }
        }
        return text
    }
}

/// The secure hash of 160 bits (FIPS 180-4, section 6.1), which Community ID is made with.
enum SHA1 {
    static func digest(of message: [UInt8]) -> [UInt8] {
        var state: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0)
        let bits = UInt64(message.count) * 8
        var octets = message + [0x80]
        octets += [UInt8](repeating: 0, count: (120 - octets.count % 64) % 64)
        octets += (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * $0)) }
        for start in stride(from: 0, to: octets.count, by: 64) {
            var words = stride(from: start, to: start + 64, by: 4).map { place in
                octets[place..<place + 4].reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
            }
            for place in 16..<80 {
                words.append(rotated(words[place - 3] ^ words[place - 8] ^ words[place - 14] ^ words[place - 16], 1))
            }
            var (a, b, c, d, e) = state
            for (place, word) in words.enumerated() {
                let (mixed, constant): (UInt32, UInt32) =
                    switch place {
                    case ..<20: (b & c | ~b & d, 0x5a82_7999)
                    case ..<40: (b ^ c ^ d, 0x6ed9_eba1)
                    case ..<60: (b & c | b & d | c & d, 0x8f1b_bcdc)
                    default: (b ^ c ^ d, 0xca62_c1d6)
                    }
                (a, b, c, d, e) = (rotated(a, 5) &+ mixed &+ e &+ constant &+ word, a, rotated(b, 30), c, d)
            }
            state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
        }
        return [state.0, state.1, state.2, state.3, state.4].flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) }
        }
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
