import KernelPath
import PacketIO

/// A program or chain of other software that has a port's frames before any guard could: an XDP program, which also comes before the
/// packet sockets' tap, or a chain of nftables at the egress.
struct Bypass: Sendable, Hashable {
    enum Hook: Sendable, Hashable {
        case program(XDPProgram)
        case chain(InterfaceChain)
    }

    let hook: Hook
    /// The interface.
    let interface: String
    /// In words.
    let title: String

    /// What of it there is at an interface.
    ///
    /// - Parameter chains: All that hang on any interface.
    static func all(at link: Link, programs: [XDPProgram], chains: [InterfaceChain]) -> [Bypass] {
        hooks(at: link, programs: programs, chains: chains).map { Bypass($0, at: link) }
    }

    static func hooks(at link: Link, programs: [XDPProgram], chains: [InterfaceChain]) -> [Hook] {
        programs.map(Hook.program) + chains.filter { $0.side == .egress && $0.isOn(link) }.map(Hook.chain)
    }

    init(_ hook: Hook, at link: Link) {
        self.hook = hook
        interface = link.name
        title =
            switch hook {
            case .program(let program): "the XDP program \(PortGuard.describe(program.id))"
            case .chain(let chain): "the nftables chain \(chain.name) of table \(chain.table)"
            }
    }

    /// Which frames it has.
    var side: HookSide {
        switch hook {
        case .program: .ingress
        case .chain: .egress
        }
    }

    /// What to do.
    var remedy: String {
        switch hook {
        case .program(let program): "take it off, or be sure of it: ip link set dev \(interface) \(program.mode.rawValue) off"
        case .chain(let chain): "delete it: nft delete chain netdev \(chain.table) \(chain.name)"
        }
    }

    /// What it means, as `weir doctor` and a run tell it.
    func finding(_ port: String) -> Finding {
        switch hook {
        case .program:
            Finding(
                .fault, .programs, port,
                "\(title) runs at \(interface) before Weir: what it drops Weir doesn't see, and what it redirects no rule has seen",
                do: remedy)
        case .chain:
            Finding(
                .fault, .nftables, port,
                "\(title) runs at the egress of \(interface) before the guard: it can drop, copy or redirect what Weir sends, and mark "
                    + "the host's frames as Weir's", do: remedy)
        }
    }
}
