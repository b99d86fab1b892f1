public import Logging
import PacketIO

/// Gives ports back to the host that a run has left as they were during the run: since it was killed, or since it failed open.
public struct PortRelease {
    private final class Held {
        private let lock: PortLock
        init(_ lock: consuming PortLock) { self.lock = lock }
    }

    private let ports: [String]
    private let stateDirectory: String
    private let log: Logger

    public init(ports: [String], stateDirectory: String, log: Logger) {
        self.ports = ports
        self.stateDirectory = stateDirectory
        self.log = log
    }

    /// Puts each port back as it was, and says so.
    ///
    /// - Returns: False if one is not as it was, or not there.
    /// - Throws: `StartProblem` if another Weir runs on one, before anything is changed.
    public func run() throws -> Bool {
        let links = try Links()
        let journal = PortJournal(existing: stateDirectory)
        let found = try ports.map { (name: $0, link: try links.link(named: $0)) }
        // Held until the end: no run may begin on a port that is being put back.
        let locks = try found.compactMap { try $0.link.map { Held(try lock($0)) } }
        defer { withExtendedLifetime(locks) {} }
        var isDone = true
        for (name, link) in found {
            guard let link else {
                log.error("there is no interface \(name)")
                isDone = false
                continue
            }
            isDone = try release(name, link, journal) && isDone
        }
        return isDone
    }

    private func lock(_ link: Link) throws -> PortLock {
        do throws(PortLock.Refusal) {
            return try PortLock(index: link.index)
        } catch {
            switch error {
            case .failed(let error): throw error
            case .held(let holder):
                let process = holder.process > 0 ? " (process \(holder.process))" : ""
                throw StartProblem("a Weir runs on \(link.name)\(process); stop it first")
            }
        }
    }

    private func release(_ name: String, _ link: Link, _ journal: PortJournal) throws -> Bool {
        let note = PortGuard.note(on: link)
        let earlier = journal.earlier(about: link, guardNote: note)
        guard note != nil || earlier != nil else {
            log.notice("\(name) is not held by Weir")
            return true
        }
        let preparation = try PortPreparation(link, port: name, earlier: earlier, isGuarded: note != nil)
        if let guess = preparation.guess { log.warning("\(guess)") }
        let originals = preparation.originals
        let failures = preparation.giveBack { try PortGuard.lower(nil, on: link, removesHook: !originals.hadHook) }
        for failure in failures { log.error("\(name) is not as it was: \(failure)") }
        if originals.lacksIPv6State == true { log.error("\(name) is not as it was: \(NoteFindings.lostIPv6)") }
        guard failures.isEmpty else { return false }
        journal.remove(about: originals.index)
        log.notice("\(name) is as it was before Weir took it")
        return originals.lacksIPv6State != true
    }
}
