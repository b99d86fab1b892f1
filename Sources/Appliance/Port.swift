import Logging
import PacketIO

/// One of the two ports, over all that happens to its interface during a run.
struct Port: ~Copyable {
    let name: String
    private let journal: PortJournal
    private var preparation: PortPreparation?
    private(set) var link: Link?
    /// What was last said about it, so that each change is said once.
    private var reported: Condition?

    private enum Condition: Equatable {
        case gone, down, withoutCarrier, working
    }

    /// Takes the lock of a port that isn't taken yet.
    init(_ name: String, directory: String) throws(StartProblem) {
        journal = try PortJournal(port: name, directory: directory)
        self.name = name
    }

    /// The interface can forward.
    var isWorking: Bool { link?.isRunning ?? false }

    /// The operator's MTU.
    var mtu: UInt32? { preparation?.originals.mtu }

    /// Looks at the interface of the port's name as it is now, and makes an interface that is new the port: guarded, and set
    /// up for the run. Returns whether the interface is another one than before, or none.
    mutating func refresh(_ links: Links, _ log: Logger) throws -> Bool {
        let now = try links.link(named: name)
        guard let now else {
            let wasThere = link != nil
            link = nil
            preparation = nil
            report(log)
            return wasThere
        }
        if now.index == link?.index {
            if var preparation, now.mtu != link?.mtu {
                if let change = preparation.noteMTU(now.mtu) {
                    log.notice("\(name) has an MTU of \(change.mtu) now")
                    if let warning = change.warning { log.warning("\(warning)") }
                    try journal.write(preparation.originals)
                }
                self.preparation = preparation
            }
            link = now
            report(log)
            return false
        }
        let preparation = try PortPreparation(now, earlier: journal.read())
        // Noted down before anything changes: a crash may come at any moment.
        try journal.write(preparation.originals)
        // What fails half way must be put back too.
        self.preparation = preparation
        for warning in try preparation.take() { log.warning("\(warning)") }
        let isAnother = link != nil
        link = try links.link(named: name)
        report(log)
        return isAnother
    }

    private mutating func report(_ log: Logger) {
        let condition: Condition =
            switch link {
            case nil: .gone
            case let link? where !link.isUp: .down
            case let link? where !link.isRunning: .withoutCarrier
            default: .working
            }
        guard condition != reported else { return }
        switch condition {
        case .gone: log.warning("\(name) is gone; nothing passes until there is an interface of that name again")
        case .down: log.warning("\(name) is down; nothing passes until it is set up (ip link set \(name) up)")
        case .withoutCarrier: log.warning("\(name) has no carrier; nothing passes until its cable or peer is back")
        case .working: if reported != nil { log.notice("\(name) is up") }
        }
        reported = condition
    }

    /// Puts the interface back as it was.
    func giveBack(_ log: Logger) {
        let failures = preparation?.giveBack() ?? []
        for failure in failures { log.error("\(name) is not as it was: \(failure)") }
        if failures.isEmpty { journal.remove() }
    }
}
