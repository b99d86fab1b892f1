import Ruleset
import Wire

/// In which order a frame meets base chains, and which of them.
///
/// The kernel of a bridge asks IP's hooks from within its own (net/bridge/br_netfilter_hooks.c), from a function that is hooked in
/// like a chain: at prerouting and forward with priority 0 (before Linux 6.8 -1 at forward), at postrouting after all. Bridge chains of the same priority were
/// there later than that function, and so come first.
struct PathPosition: Comparable {
    private enum Turn: Int {
        case bridgeFirst, packet, bridgeLast
    }

    private let hook: Int
    private let turn: Int
    private let priority: Int32
    /// Among equals the one that was added last comes first (net/netfilter/core.c, nf_hook_entries_grow): counters and the deciding
    /// rule tell the difference.
    private let age: Int

    /// - Parameter index: of the chain among all base chains, in the order in which they were added.
    /// - Returns: Nil for a chain to which no frame comes.
    init?(_ base: BaseChain, of family: Family, index: Int) {
        guard base.hook.isOnPath, family != .arp else { return nil }
        var lastBeforePackets: Int32 = 0
        switch base.hook {
        case .prerouting, .input:
            hook = 0
        case .forward, .output:
            hook = 1
        case .postrouting:
            hook = 2
            lastBeforePackets = .max
        }
        let turn: Turn = family == .bridge ? (base.priority <= lastBeforePackets ? .bridgeFirst : .bridgeLast) : .packet
        self.turn = turn.rawValue
        priority = base.priority
        age = -index
    }

    /// Where connections are tracked among the chains of prerouting: `NF_IP_PRI_CONNTRACK`, which is the bridge's as well.
    private static let trackingPriority: Int32 = -200

    /// True if its own priority puts the chain before tracking. One that comes after another that is not so comes too late for all
    /// that: a packet is tracked once.
    static func isBeforeTracking(_ base: BaseChain) -> Bool {
        base.hook == .prerouting && base.priority < trackingPriority
    }

    static func < (left: PathPosition, right: PathPosition) -> Bool {
        (left.hook, left.turn, left.priority, left.age) < (right.hook, right.turn, right.priority, right.age)
    }
}

/// Kinds of frames that differ in which tables see them, a bit each.
struct FrameKinds: OptionSet, BitwiseCopyable, Sendable {
    let rawValue: UInt8

    /// IP as `inet`, `ip` and `ip6` see it: whole, and untagged or after a single tag.
    static let ipv4 = FrameKinds(rawValue: 1)
    static let ipv6 = FrameKinds(rawValue: 2)
    static let other = FrameKinds(rawValue: 4)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The frames that tables of the family see.
    init(seenBy family: Family) {
        switch family {
        case .bridge: self = [.ipv4, .ipv6, .other]
        case .inet: self = [.ipv4, .ipv6]
        case .ip: self = .ipv4
        case .ip6: self = .ipv6
        case .arp, .netdev: self = []
        }
    }

    /// The one that a frame is of.
    @inline(__always)
    init(of frame: ParsedFrame) {
        guard frame.vlanCount <= 1 else {
            self = .other
            return
        }
        switch frame.network {
        case .ipv4: self = .ipv4
        case .ipv6: self = .ipv6
        case .arp, .other: self = .other
        }
    }
}
