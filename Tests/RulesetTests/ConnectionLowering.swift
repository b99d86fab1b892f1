import Ruleset

extension ConnectionKey {
    /// What a load of it has of octets, by the name that nft's debug output gives it; of an address without a family it does not say.
    static let octets = [
        "state": 4, "direction": 1, "status": 4, "mark": 4, "expiration": 4, "l3protocol": 1, "protocol": 1, "src": 4, "dst": 4,
        "src_ip": 4,
        "dst_ip": 4, "src_ip6": 16, "dst_ip6": 16, "proto_src": 2, "proto_dst": 2, "bytes": 8, "packets": 8, "avgpkt": 8,
    ]

    /// The same with the family left out, which the values say as well.
    static func withoutFamily(_ name: String) -> String {
        name.hasPrefix("src") ? "src" : name.hasPrefix("dst") ? "dst" : name
    }

    /// The name, with the direction.
    var netlinkName: String {
        func name(_ name: String, _ direction: Direction?) -> String { name + (direction.map { " \($0.rawValue)" } ?? "") }
        switch self {
        case .state: return "state"
        case .direction: return "direction"
        case .status: return "status"
        case .mark: return "mark"
        case .expiration: return "expiration"
        case .networkProtocol: return "l3protocol"
        case .transportProtocol: return "protocol"
        case .address(let direction, let end, _): return name(end == .source ? "src" : "dst", direction)
        case .port(let direction, let end): return name(end == .source ? "proto_src" : "proto_dst", direction)
        case .bytes(let direction): return name("bytes", direction)
        case .packets(let direction): return name("packets", direction)
        case .averageBytes(let direction): return name("avgpkt", direction)
        case .zone(let direction): return name("zone", direction)
        }
    }
}

extension Field {
    /// Whether it is one, of which nft compares no more octets than a prefix has.
    var isConnectionAddress: Bool {
        if case .connection(.address) = source { true } else { false }
    }
}
