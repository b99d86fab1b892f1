import Glibc
import KernelPath
import Logging
import PacketIO

/// What a report is told of a port.
struct PortState: Sendable {
    var name: String
    /// What the interface is called now; nil if it is gone.
    var interface: String?
    /// The operator's MTU; nil if the interface is gone.
    var mtu: UInt32?
    /// The interface can forward.
    var isUp: Bool
    /// It is there, and set up.
    var isAdministratedUp: Bool
    /// How the guard has fared.
    var guarding: GuardRecord
}

/// One of the two ports, over all that happens to its interface during a run.
///
/// A port is an interface, not a name: it stays the port when it is renamed. Only once it is gone another one of the configured name
/// takes its place.
struct Port: ~Copyable {
    /// As configured: what rules, reports and captures call it.
    let name: String
    private let merging: ReceiveMerging
    private let journal: PortJournal
    private var lock: PortLock?
    private var tether: PortTether?
    private var preparation: PortPreparation?
    private var portGuard: PortGuard?
    private var watch: GuardWatch
    private let hasStrictGuard: Bool
    private(set) var link: Link?
    /// The interface was guarded already, by a run that was killed.
    private var isTakenOver = false
    /// What was last seen of it, so that each change is said once.
    private var reported: Condition?
    private var notices = ChangeNotices()
    /// What interferes with it, as it was said last.
    private var interference = InterferenceWatch()
    /// Interfaces that were the port before, the last ones.
    private var lost: [LostInterface] = []
    /// The guard of the interface that was the port last.
    private var lastGuard: PortGuard?
    private static let lostLimit = 16

    private enum Condition: Equatable {
        case gone, down, withoutCarrier, working
    }

    /// What its guard carries out, if the kernel carries flows.
    private let flows: FlowMaps?
    /// By what its guard joins the ports when Weir fails, if it shall.
    private let join: PortJoin?

    init(
        _ name: String, directory: String, hasStrictGuard: Bool, merging: ReceiveMerging, flows: FlowMaps? = nil, join: PortJoin? = nil
    ) throws {
        self.flows = flows
        self.join = join
        self.merging = merging
        let watch = try GuardWatch(port: name)
        journal = try PortJournal(directory: directory)
        self.watch = watch
        self.hasStrictGuard = hasStrictGuard
        self.name = name
    }

    /// The interface can forward.
    var isWorking: Bool { link?.isRunning ?? false }

    /// The operator's MTU.
    var mtu: UInt32? { preparation?.originals.mtu }

    /// For messages: the configured name, and what the interface is called now if that is another.
    var title: String {
        guard let link, link.name != name else { return name }
        return link.isCalled(name) ? "\(name) (\(link.name))" : "\(name) (now \(link.name))"
    }

    // MARK: coming and going

    /// Finds out before the start whether the port could be taken, and reserves it; changes nothing on it.
    mutating func reserve(_ links: Links, _ log: Logger) throws {
        guard let now = try links.link(named: name) else { return }
        try lock(now, log)
        try PortGuard.expectToBeRaised(on: now, isStrict: hasStrictGuard)
        let note = PortGuard.note(on: now)
        let earlier = journal.earlier(about: now, guardNote: note)
        for finding in NoteFindings.atStart(
            now, called: name, journal, guardNote: note.flatMap(PortJournal.decode), earlier)
        { log.warning("\(finding.sentence)") }
        try PortPreparation(now, port: name, earlier: earlier, isGuarded: note != nil).expectToBeTaken()
    }

    /// Looks at the interface as it is now, and makes one that is new the port: guarded, and set up for the run. Returns whether
    /// the interface is another one than before, or none.
    ///
    /// - Parameters:
    ///   - other: the interface that is the other port.
    ///   - surroundings: what the guard's watch has to know.
    mutating func refresh(_ links: Links, besides other: Int32?, _ surroundings: Surroundings, _ log: Logger) throws -> Bool {
        if let link, tether?.holds ?? false, let now = try links.link(index: link.index) {
            try follow(now, log)
            return false
        }
        let wasThere = link != nil
        // What was true of the interface is true no more, even if there is one of its index again.
        link = nil
        tether = nil
        lastGuard = portGuard ?? lastGuard
        portGuard = nil
        guard let now = try interface(links, besides: other) else {
            report(log)
            return wasThere
        }
        try lock(now, log)
        tether = try PortTether(now)
        let note = PortGuard.note(on: now)
        let known = preparation?.originals
        let earlier = known.flatMap { $0.kinship(to: now) == .stranger ? nil : $0 } ?? journal.earlier(about: now, guardNote: note)
        var preparation = try PortPreparation(
            now, port: name, earlier: earlier, isGuarded: note != nil, hasReturned: known != nil && earlier == known, merging: merging)
        if join != nil { preparation.keepPromiscuous() }
        isTakenOver = known == nil && preparation.isTakenOver
        lost.removeAll { $0.originals.kinship(to: now) != .stranger }
        if let known, known.index != now.index || known.kinship(to: now) == .stranger { leave(known, for: now) }
        if let earlier, earlier.index != now.index { journal.remove(about: earlier.index) }
        if let guess = preparation.guess { log.warning("\(guess)") }
        // What fails half way must be put back too.
        self.preparation = preparation
        // The guard has the note, so that nothing is changed that isn't noted: a crash may come at any moment. It comes first, since
        // a port that came back during the run is open to the host until then, and a folder may be slow.
        let (portGuard, findings) = try PortGuard.raise(on: now, noting: preparation.originals, flows: flows, join: join)
        self.portGuard = portGuard
        watch.begin(portGuard, surroundings, log)
        do throws(StartProblem) {
            try journal.write(preparation.originals)
        } catch {
            guard known != nil else { throw error }
            log.warning("\(error)")
        }
        for finding in findings { log.log(level: finding.severity == .fault ? .error : .warning, "\(finding.sentence)") }
        for warning in try preparation.take() { log.warning("\(warning)") }
        link = try links.link(index: now.index)
        interference.begin(isStart: known == nil)
        lookForInterference(links, log)
        report(log)
        return wasThere
    }

    /// Another interface is the port now.
    private mutating func leave(_ known: PortOriginals, for now: Link) {
        guard known.kinship(to: now) == .stranger else { return journal.remove(about: known.index) }
        // Its note stays: it may be in another namespace, or here under another name.
        lost.append(LostInterface(port: name, originals: known, merging: merging, portGuard: lastGuard))
        if lost.count > Self.lostLimit { lost.removeFirst() }
    }

    /// The interface of the port: the one of its name, or else the previous one, known by its hardware address, under another name.
    private func interface(_ links: Links, besides other: Int32?) throws -> Link? {
        if let link = try links.link(named: name), link.index != other { return link }
        guard let known = preparation?.originals else { return nil }
        return try links.all().first { $0.index != other && known.kinship(to: $0) != .stranger }
    }

    private mutating func lock(_ link: Link, _ log: Logger) throws {
        guard lock?.index != link.index else { return }
        // The previous one is free for others whether or not the new one is there.
        lock = nil
        do throws(PortLock.Refusal) {
            lock = try PortLock(index: link.index)
        } catch {
            switch error {
            case .failed(let error): throw error
            case .held(let holder):
                let process = holder.process > 0 ? " (process \(holder.process))" : ""
                guard !holder.mayBeWeir else { throw StartProblem("another Weir runs on \(name)\(process); stop it first") }
                log.warning(
                    "user \(holder.user)\(process) has taken the name by which Weir keeps a second Weir off \(name); end that process")
            }
        }
    }

    private mutating func follow(_ now: Link, _ log: Logger) throws {
        if let link, now.name != link.name, notices.mayPass() {
            log.notice(
                now.name == name
                    ? "\(name) has its name again, and was \(link.name)" : "\(name) was renamed to \(now.name); it is still the port")
        }
        if var preparation {
            let before = preparation.originals
            if let change = preparation.follow(now), notices.mayPass() {
                log.notice("\(name) has an MTU of \(change.mtu) now")
                if let warning = change.warning { log.warning("\(warning)") }
            }
            self.preparation = preparation
            if preparation.originals != before { noteAgain(preparation.originals, log) }
        }
        link = now
        report(log)
    }

    /// Writes what the port is to be put back to, where it has changed. One place is enough for the next start, so neither waits for the
    /// other, and the port works on without.
    private mutating func noteAgain(_ originals: PortOriginals, _ log: Logger) {
        do { try portGuard?.note(originals) } catch { log.warning("\(error)") }
        do { try journal.write(originals) } catch { log.warning("\(error)") }
    }

    /// Looks whether the guard stands where it should. To be called on every notification, and once a second besides.
    mutating func watchGuard(_ surroundings: Surroundings, _ log: Logger) {
        guard var guarding = portGuard else { return }
        watch.look(&guarding, surroundings, log)
        portGuard = guarding
    }

    /// Checks what no message tells of, and puts it right.
    mutating func checkGuard(_ surroundings: Surroundings, _ log: Logger) {
        guard let portGuard, watch.needsLook(portGuard, surroundings) else { return }
        watchGuard(surroundings, log)
    }

    /// Its guard stands before everything else and can carry.
    var canCarry: Bool { portGuard?.canCarry ?? false && watch.state.isFirst }

    var state: PortState {
        PortState(
            name: name, interface: link?.name, mtu: link.map { mtu ?? $0.mtu }, isUp: isWorking, isAdministratedUp: link?.isUp ?? false,
            guarding: watch.state)
    }

    private mutating func report(_ log: Logger) {
        let condition: Condition =
            switch link {
            case nil: .gone
            case let link? where !link.isUp: .down
            case let link? where !link.isRunning: .withoutCarrier
            default: .working
            }
        guard condition != reported else {
            if let count = notices.sum() { summarize(count, log) }
            return
        }
        defer { reported = condition }
        if reported == nil, condition == .working { return }
        guard notices.mayPass() else { return }
        switch condition {
        case .gone: log.warning("\(name) is gone; nothing passes until there is an interface of that name again")
        case .down: log.warning("\(title) is down; nothing passes until it is set up (ip link set \(link?.name ?? name) up)")
        case .withoutCarrier: log.warning("\(title) has no carrier; nothing passes until its cable or peer is back")
        case .working: log.notice("\(title) is up")
        }
    }

    /// Says what was held back.
    private func summarize(_ count: UInt64, _ log: Logger) {
        let now =
            switch reported {
            case .gone?, nil: "it is gone now"
            case .down?: "it is down now"
            case .withoutCarrier?: "it has no carrier now"
            case .working?: "it is up now"
            }
        log.warning("\(title) went, came, or changed its name or MTU \(GuardWords.more(count)); \(now); find out who or what does that")
    }

    /// Says what has come since the last look, or since the port was taken, and interferes with it, or loses what is sent there.
    mutating func lookForInterference(_ links: Links, _ log: Logger) {
        guard let link, let mtu else { return }
        interference.look(at: link, called: name, mtu: mtu, links, log)
    }

    /// Removes what earlier runs have noted about interfaces that are no more. To be called once the port is taken, so that no note is
    /// gone before it was read.
    func removeStaleNotes(_ links: Links, _ log: Logger) {
        for note in (try? journal.staleNotes(links)) ?? [] where unlink(note.path) == 0 {
            log.notice("\(note.reason); its note \(note.path) is removed")
        }
    }

    // MARK: the end

    /// Puts the interface back as it was, and those that were the port before.
    ///
    /// - Parameter hasRun: false if the start was refused. An interface that a killed run has left guarded stays so then: that nothing
    ///   passes is what it was like.
    /// - Returns: False if something was found that could not be put back.
    mutating func giveBack(_ links: Links, besides other: Int32?, hasRun: Bool, _ log: Logger) -> Bool {
        watch.finish(log)
        if let count = notices.sum(isLast: true) { summarize(count, log) }
        interference.finish(name, log)
        let isBack = putBack(links, besides: other, hasRun: hasRun, log)
        return putLostBack(links, besides: [other, preparation?.originals.index], log) && isBack
    }

    private mutating func putBack(_ links: Links, besides other: Int32?, hasRun: Bool, _ log: Logger) -> Bool {
        guard var preparation else { return true }
        let index = preparation.originals.index
        if !(tether?.holds ?? false) {
            // It may be there again, and nobody has looked.
            link = nil
            guard let now = try? interface(links, besides: other),
                let again = try? PortPreparation(
                    now, port: name, earlier: preparation.originals, isGuarded: PortGuard.note(on: now) != nil, hasReturned: true,
                    merging: merging),
                again.isKnown
            else {
                lost.append(
                    LostInterface(port: name, originals: preparation.originals, merging: merging, portGuard: portGuard ?? lastGuard))
                return true
            }
            preparation = again
        }
        guard hasRun || !isTakenOver else {
            let what = join == nil ? "nothing passes" : "it is joined with the other port, and no rule sees what passes"
            log.notice("\(title) stays guarded, as the run before left it: \(what), and the host is kept off it")
            return true
        }
        let originals = preparation.originals
        let failures = preparation.giveBack {
            try PortGuard.lower(portGuard, on: preparation.link, removesHook: !originals.hadHook)
        }
        for failure in failures { log.error("\(title) is not as it was: \(failure)") }
        guard failures.isEmpty else { return false }
        journal.remove(about: index)
        if originals.lacksIPv6State == true {
            log.error("\(title) is not as it was: \(NoteFindings.lostIPv6)")
            return false
        }
        if !hasRun { log.notice("\(title) had been taken, and is as it was before") }
        return true
    }

    /// Puts back what was the port before. A note stays where there is still something to do. Returns false if one that was found is not as
    /// it was.
    private mutating func putLostBack(_ links: Links, besides others: [Int32?], _ log: Logger) -> Bool {
        var isBack = true
        for interface in lost {
            let end = interface.putBack(links, besides: others, log)
            if end == .changed { isBack = false }
            guard end == .settled else { continue }
            let index = interface.originals.index
            if journal.content(about: index).map({ $0 == interface.originals }) ?? false { journal.remove(about: index) }
        }
        lost = []
        return isBack
    }
}
