import Glibc
import Logging
import PacketIO

/// An interface that a run has had as a port and lost: it was moved to another network namespace, another took its place, or it is gone.
struct LostInterface: Sendable {
    /// The port, as configured.
    let port: String
    let originals: PortOriginals
    let merging: ReceiveMerging
    /// What kept the host off it.
    let portGuard: PortGuard?

    /// What became of it.
    private enum Outcome: Sendable {
        /// Put back; where, in words, and what couldn't be.
        case found(String, failures: [String])
        /// Another run has it.
        case taken(String)
        case gone
        /// It is in a namespace that can't be entered, or may be.
        case unreachable
    }

    /// What is left to be done about it.
    enum End {
        /// Nothing.
        case settled
        /// It was found, and is not as it was.
        case changed
        /// It may be in a namespace that can't be entered.
        case unreachable
    }

    /// Puts it back as it was, wherever it is, and says so.
    ///
    /// - Parameter others: Interfaces of this namespace that it isn't.
    func putBack(_ links: Links, besides others: [Int32?], _ log: Logger) -> End {
        switch find(links, besides: others) {
        case .found(let place, failures: []):
            log.notice("\(port) had left; it is \(place), and is as it was before")
            return .settled
        case .found(let place, let failures):
            for failure in failures { log.error("\(port) had left; it is \(place), and is not as it was: \(failure)") }
            return .changed
        case .taken(let place):
            log.notice("\(port) had left; it is \(place), where another Weir has it")
            return .settled
        case .gone:
            return .settled
        case .unreachable:
            log.warning(
                """
                \(port) is gone and can't be put back from here; if it is in another network namespace, it keeps an MTU of \
                \(originals.mtu &+ PortPreparation.tagRoom) there (it was \(originals.mtu)), and may keep Weir's guard: start Weir on it there \
                and stop it
                """)
            return .unreachable
        }
    }

    private func find(_ links: Links, besides others: [Int32?]) -> Outcome {
        let here = ((try? links.all()) ?? []).first { !others.contains($0.index) && originals.kinship(to: $0) != .stranger }
        if let here { return restore(here, "called \(here.name)") }
        var isComplete = true
        var taken: Outcome?
        for namespace in OtherNamespace.all() {
            do throws(SystemCallError) {
                let outcome = try namespace.visit { () throws(SystemCallError) -> Outcome? in
                    // Another namespace may have an interface of the same index and address, which only looks like it.
                    let found = try Links().all().first {
                        originals.kinship(to: $0) != .stranger && (portGuard?.stands(on: $0) ?? false || PortLock.isHeld($0.index).0)
                    }
                    return found.map { restore($0, "in the network namespace \(namespace.path), called \($0.name)") }
                }
                switch outcome {
                case .taken: taken = outcome
                case let outcome?: return outcome
                case nil: break
                }
            } catch {
                // A process that has ended has none.
                if error.code != ENOENT, error.code != ESRCH { isComplete = false }
                if error.code == EPERM { break }
            }
        }
        if let taken { return taken }
        guard let elsewhere = OtherNamespace.numbered(links) else { return .unreachable }
        let isThere = elsewhere.contains { originals.kinship(to: $0) != .stranger }
        return isThere || !isComplete ? .unreachable : .gone
    }

    /// In the namespace of the interface.
    private func restore(_ link: Link, _ place: String) -> Outcome {
        guard !PortLock.isHeld(link.index).0 else { return .taken(place) }
        do {
            let preparation = try PortPreparation(
                link, port: port, earlier: originals, isGuarded: PortGuard.note(on: link) != nil, hasReturned: true, merging: merging)
            let failures = preparation.giveBack {
                try PortGuard.lower(nil, on: link, removesHook: !preparation.originals.hadHook)
            }
            return .found(place, failures: failures)
        } catch {
            return .found(place, failures: ["\(error)"])
        }
    }
}
