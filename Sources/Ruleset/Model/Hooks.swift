// Which base chains there are: the families' hooks, and the names that nft has for priorities at them.

extension Family {
    /// Hooks at which the kernel has chains of this family, as far as no device is needed for them.
    public var hooks: [Hook] {
        switch self {
        case .bridge, .inet, .ip, .ip6: Hook.allCases
        case .arp: [.input, .output]
        case .netdev: []
        }
    }

    /// The standard priority `filter`.
    private var filterPriority: Int32 { self == .bridge ? -200 : 0 }

    /// nft's names for priorities at a hook, from the lowest (linux/netfilter_ipv4.h, linux/netfilter_bridge.h).
    func priorities(at hook: Hook) -> [(name: String, value: Int32)] {
        var priorities: [(name: String, value: Int32)] = []
        switch self {
        case .bridge:
            if hook == .prerouting { priorities.append(("dstnat", -300)) }
            priorities.append(("filter", filterPriority))
            if hook == .output { priorities.append(("out", 100)) }
            if hook == .postrouting { priorities.append(("srcnat", 300)) }
        case .inet, .ip, .ip6:
            priorities += [("raw", -300), ("mangle", -150)]
            if hook == .prerouting { priorities.append(("dstnat", -100)) }
            priorities += [("filter", filterPriority), ("security", 50)]
            if hook == .postrouting { priorities.append(("srcnat", 100)) }
        case .arp, .netdev:
            priorities.append(("filter", filterPriority))
        }
        return priorities
    }

    /// Every name that nft has for a priority of any family at any hook.
    static let priorityNames: Set<String> = ["raw", "mangle", "dstnat", "filter", "security", "out", "srcnat"]
}

extension Hook {
    /// True if frames on their way from port to port come here.
    public var isOnPath: Bool {
        switch self {
        case .prerouting, .forward, .postrouting: true
        case .input, .output: false
        }
    }
}

extension BaseChain {
    /// `type filter hook H priority P; policy V;`
    func text(in family: Family) -> String {
        "type filter hook \(hook.rawValue) priority \(priorityText(in: family)); policy \(policy.rawValue);"
    }

    /// As nft lists it: by name at a standard priority and up to 10 beside it.
    func priorityText(in family: Family) -> String {
        for (name, value) in family.priorities(at: hook) {
            let distance = Int(priority) - Int(value)
            switch distance {
            case 0: return name
            case 1...10: return "\(name) + \(distance)"
            case -10 ... -1: return "\(name) - \(-distance)"
            default: break
            }
        }
        return "\(priority)"
    }
}
