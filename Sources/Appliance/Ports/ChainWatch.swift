import PacketIO

/// Knows the chains of nftables at the egress of interfaces, and asks for them when something of nftables has changed.
struct ChainWatch {
    /// Looks after which a kernel that had no nftables is asked again: each question has it look for the module.
    private static let patience = 60

    /// nil where the kernel doesn't tell of changes.
    private let events = try? NetfilterEvents()
    /// Chains of all interfaces, as of the last look.
    private(set) var atEgress: [InterfaceChain] = []
    private var hasChanged = true
    /// Looks that are left out.
    private var pause = 0

    /// To be polled for `POLLIN`; nil if nothing is announced.
    var notifications: Int32? { events?.number }

    mutating func notified() {
        events?.drain()
        hasChanged = true
        pause = 0
    }

    /// Looks if something was announced.
    mutating func lookIfChanged() {
        if hasChanged { look() }
    }

    /// Looks. To be called once a second besides: what is announced may be lost.
    mutating func look() {
        hasChanged = false
        guard pause == 0 else { return pause -= 1 }
        do throws(SystemCallError) {
            let answer = try InterfaceChain.atEgress()
            atEgress = answer ?? []
            if answer == nil { pause = Self.patience }
        } catch {
            // The last answer stays; the next look asks again.
        }
    }
}
