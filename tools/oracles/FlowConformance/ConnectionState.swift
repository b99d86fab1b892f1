import FrameBuilder

/// What rules read of a packet's connection, as rules write it into the packet's DSCP: so each frame that comes out says what it was.
struct ConnectionState: Hashable, CustomStringConvertible {
    let code: UInt8

    private static let states = ["none", "invalid", "untracked", "new", "established", "related"]
    private static let statuses = ["0", "seen-reply", "assured", "seen-reply | assured"]

    /// 8 for each state, 4 for the direction, and `ct status`.
    private static func code(_ state: Int, _ isReply: Bool, _ status: Int) -> Int { state * 8 + (isReply ? 4 : 0) + status }

    /// A rule for each state, in a table that nft and Weir both take.
    static let rules: String = {
        var rules: [String] = []
        for (family, header) in [("ipv4", "ip"), ("ipv6", "ip6")] {
            func add(_ matches: String, _ code: Int) {
                rules.append("meta nfproto \(family) \(matches) \(header) dscp set \(code) accept")
            }
            for state in 1...2 { add("ct state \(states[state])", code(state, false, 0)) }
            for state in 3...5 {
                for (isReply, direction) in [(false, "original"), (true, "reply")] {
                    for (status, bits) in statuses.enumerated() {
                        add(
                            "ct state \(states[state]) ct direction \(direction) ct status & (seen-reply | assured) == \(bits)",
                            code(state, isReply, status))
                    }
                }
            }
        }
        return """
            table inet states {
                chain judge {
                    type filter hook forward priority 0; policy accept;
            \(rules.map { "        " + $0 }.joined(separator: "\n"))
                }
            }

            """
    }()

    /// Reads it from a frame; nil if that is no IP.
    init?(_ frame: [UInt8]) {
        let start = frame.count > 18 && frame[12] == 0x81 && frame[13] == 0 ? 18 : 14
        guard frame.count > start + 1 else { return nil }
        switch frame[start] >> 4 {
        case 4: code = frame[start + 1] >> 2
        case 6: code = (frame[start] & 0xf) << 2 | frame[start + 1] >> 6
        default: return nil
        }
    }

    init(_ state: String, isReply: Bool = false, status: Int = 0) {
        code = UInt8(Self.code(Self.states.firstIndex(of: state) ?? 0, isReply, status))
    }

    var name: String { Int(code / 8) < Self.states.count ? Self.states[Int(code / 8)] : "\(code)" }

    var description: String {
        guard code >= 24, code < 48 else { return name }
        return "\(name) \(code & 4 == 0 ? "original" : "reply") (\(Self.statuses[Int(code & 3)]))"
    }
}
