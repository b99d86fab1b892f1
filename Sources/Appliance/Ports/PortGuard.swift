import Glibc
import KernelPath
import PacketIO
import Reporting

/// What keeps the host off one port: TCX programs where they can be had, filters of tc elsewhere.
struct PortGuard {
    private enum Kind {
        case programs(TCXGuard)
        /// With an ingress program that carries flows or joins the ports, if either is asked for.
        case filters(FilterGuard, IngressProgram?)
    }

    /// Where the guard of a side stands.
    enum Place: Equatable {
        case first
        /// What comes before it, in words.
        case behind(String)
        case missing
    }

    let link: Link
    private var kind: Kind
    /// A run before has left filters beside which it must have put the qdisc.
    private let replacesFilters: Bool
    /// Why it isn't made of programs.
    private let obstacle: SystemCallError?

    /// Bytes that a note may have with this guard.
    private var noteCapacity: Int {
        switch kind {
        case .programs(let programs): programs.noteCapacity
        case .filters: FilterGuard.noteCapacity
        }
    }

    /// How reports call the kind of guard.
    var name: String {
        switch kind {
        case .programs: "tcx"
        case .filters: "filters"
        }
    }

    /// It can hand frames of carried flows to the other port.
    var canCarry: Bool {
        switch kind {
        case .programs(let programs): programs.carries
        case .filters(let filters, let ingress): ingress?.carries ?? false && !filters.isBehindOthers
        }
    }

    /// Nobody is told when others change it.
    var isUnannounced: Bool {
        switch kind {
        case .programs: true
        case .filters: false
        }
    }

    /// The note of a guard of Weir's that stands on the interface, left by a run that was killed or of one that runs: nil if none does,
    /// empty if it has none. Changes nothing.
    static func note(on link: Link) -> [UInt8]? {
        TCXGuard.note(on: link) ?? FilterGuard.note(on: link)
    }

    /// Throws what makes a guard impossible, as far as that can be seen without changing anything.
    ///
    /// - Parameter isStrict: Refuse where something of others would come before it.
    static func expectToBeRaised(on link: Link, isStrict: Bool) throws {
        func refuse(_ what: String, _ remedy: String) -> StartProblem {
            StartProblem("with --guard strict nothing of others may run before the guard of \(link.name), and \(what) does; \(remedy)")
        }
        if isStrict {
            let chains = (try InterfaceChain.atEgress()) ?? []
            if let bypass = Bypass.all(at: link, programs: link.xdpPrograms, chains: chains).first {
                throw refuse("\(bypass.title) at \(bypass.side)", bypass.remedy)
            }
        }
        guard let obstacle = TCXGuard.obstacle(on: link) else { return }
        try FilterGuard.expectToBeRaised(on: link)
        guard isStrict else { return }
        for side in HookSide.allCases {
            if let first = programs(link, side).first { throw refuse("the TCX \(first) at \(side)", remedy(obstacle)) }
            guard try FilterGuard.firstPreference(side, on: link) > 1 else { continue }
            throw refuse("a tc \(side) filter of preference 1", remedy(obstacle))
        }
    }

    /// Puts a guard on the interface and takes over from one that stands there, without a moment in which there is none.
    ///
    /// - Parameters:
    ///   - originals: What `note(on:)` gives back as long as the guard stands, as far as there is room for it.
    ///   - flows: What its ingress program carries out, if the kernel carries flows.
    ///   - join: By what it joins the ports when Weir fails, if it shall.
    /// - Returns: Also what others could come with later, or have already. TCX programs of others that run before it are not among that.
    static func raise(
        on link: Link, noting originals: PortOriginals, flows: FlowMaps? = nil, join: PortJoin? = nil
    ) throws -> (PortGuard, findings: [Finding]) {
        let obstacle: SystemCallError
        do throws(SystemCallError) {
            if let error = TCXGuard.obstacle(on: link) { throw error }
            let programs = try TCXGuard(on: link, note: note(originals, TCXGuard.noteLimit), flows: flows, join: join)
            let replacesFilters = FilterGuard.note(on: link) != nil
            try FilterGuard.remove(from: link, removesHook: false)
            return (PortGuard(link: link, kind: .programs(programs), replacesFilters: replacesFilters, obstacle: nil), [])
        } catch {
            obstacle = error
        }
        let ingress = flows == nil && join == nil ? nil : try IngressProgram(on: link, flows: flows, join: join)
        let (filters, filterWarnings) = try FilterGuard.raise(
            on: link, note: note(originals, FilterGuard.noteCapacity), ingress: ingress?.number)
        let guarding = PortGuard(link: link, kind: .filters(filters, ingress), replacesFilters: true, obstacle: obstacle)
        var findings = filterWarnings.map { Finding(.fault, .guard, link.name, $0) }
        let isOvertaken = HookSide.allCases.contains { !guarding.programsOfOthers($0).isEmpty }
        if !isOvertaken, (try? TCXHook(link, .ingress).listing()) != nil { findings.append(filtersFinding(link, obstacle)) }
        return (guarding, findings)
    }

    /// A guard of filters where the kernel has TCX.
    static func filtersFinding(_ link: Link, called name: String? = nil, _ obstacle: SystemCallError) -> Finding {
        Finding(
            .warning, .guard, name ?? link.name,
            "the guard of \(link.name) is made of tc filters: a TCX program of others comes before them, and if it lets frames pass, they get "
                + "past the rules, and the host hears, answers and routes them", do: remedy(obstacle))
    }

    /// A guard of filters that TCX programs come before.
    ///
    /// - Parameter programs: As `programsOfOthers` names them.
    func overtakenFinding(_ port: String, _ programs: [String]) -> Finding {
        Finding(
            .fault, .guard, port,
            "TCX programs of others run before the guard of \(link.name) (\(programs.listed())): frames that they let pass get "
                + "past the rules, and the host hears, answers and routes them", do: obstacle.map(Self.remedy))
    }

    private static func remedy(_ obstacle: SystemCallError) -> String {
        obstacle.code == EPERM
            ? "give Weir CAP_BPF and CAP_SYS_ADMIN, and its guard comes first" : "its own TCX program can't be had (\(obstacle))"
    }

    // MARK: watching

    /// Where the guard of a side stands now. Programs that come before filters, which filters can't change, are not told of here.
    func place(_ side: HookSide) throws(SystemCallError) -> Place {
        switch kind {
        case .programs(let programs):
            switch try programs.place(side) {
            case .first: .first
            case .missing: .missing
            case .behind(let others): .behind("the TCX program " + others.map(Self.describe).listed())
            }
        case .filters(let filters, _):
            switch try filters.place(side) {
            case .first: .first
            case .missing: .missing
            case .behind: .behind("a tc filter")
            }
        }
    }

    /// Returns true if this very guard, and no other run's, stands on an interface of the network namespace that the calling thread is in.
    /// Filters don't go along when an interface moves.
    func stands(on link: Link) -> Bool {
        switch kind {
        case .programs(let programs): programs.isAttached(to: link)
        case .filters: false
        }
    }

    /// Puts the guard of a side, which was found at another place, back to the first.
    mutating func restore(_ side: HookSide, from place: Place) throws {
        switch kind {
        case .programs(var programs):
            try programs.restore(side, isMissing: place == .missing)
            kind = .programs(programs)
        case .filters(var filters, let ingress):
            try filters.restore(side)
            kind = .filters(filters, ingress)
        }
    }

    /// Takes away what restored guards have replaced. To be called once each side has its guard again.
    mutating func settle() throws {
        guard case .programs(var programs) = kind else { return }
        try programs.settle()
        kind = .programs(programs)
    }

    /// TCX programs that run before a guard made of filters, in words; none before one made of programs.
    func programsOfOthers(_ side: HookSide) -> [String] {
        guard case .filters = kind else { return [] }
        return Self.programs(link, side).map { "\($0) at \(side)" }
    }

    /// Frames that the guard has counted; nil if it counts none.
    func counts() throws(SystemCallError) -> TCXGuard.Counts? {
        switch kind {
        case .programs(let programs): try programs.counts()
        case .filters(_, let ingress): try ingress?.counts()
        }
    }

    /// What a guard of Weir's does on the interface for a run that has failed open; nil if none stands there that would.
    static func joining(on link: Link) -> TCXGuard.Joining? { TCXGuard.joining(on: link) ?? IngressProgram.joining(on: link) }

    /// TCX programs of a side that are not Weir's, in words, before or after the guard.
    static func programs(besidesWeirOn link: Link, _ side: HookSide) -> [String] {
        programs(link, side).filter { !$0.contains("\"weir_guard") }.map { "the TCX \($0)" }
    }

    private static func programs(_ link: Link, _ side: HookSide) -> [String] {
        ((try? TCXHook(link, side).listing())?.programs ?? []).map { "program \(describe($0))" }
    }

    /// A program's number, and its name where that can be known.
    static func describe(_ id: UInt32) -> String {
        let name = (try? BPFProgram(id: id).information().name) ?? ""
        return name.isEmpty ? "\(id)" : "\(id) \"\(name)\""
    }

    // MARK: note and end

    /// The note in at most that many bytes; empty if no note is that short.
    private static func note(_ originals: PortOriginals, _ capacity: Int) -> [UInt8] {
        let note = PortJournal.encode(originals, limit: capacity)
        return note.count <= capacity ? note : []
    }

    /// Writes another note.
    mutating func note(_ originals: PortOriginals) throws(SystemCallError) {
        let note = Self.note(originals, noteCapacity)
        switch kind {
        case .programs(let programs): try programs.setNote(note)
        case .filters(var filters, let ingress):
            try filters.setNote(note)
            kind = .filters(filters, ingress)
        }
    }

    /// Takes the guard away from an interface, whichever kinds there are of Weir's: from here on the host hears and speaks.
    ///
    /// - Parameters:
    ///   - guarding: What this run has put there, if it knows.
    ///   - removesHook: The `clsact` qdisc was not there before Weir.
    static func lower(_ guarding: PortGuard?, on link: Link, removesHook: Bool) throws {
        if case .programs(let programs) = guarding?.kind { try programs.remove() }
        try TCXGuard.remove(from: link)
        // Programs need no qdisc, so one that is there beside them is somebody else's.
        let hasFilters = guarding?.replacesFilters ?? (FilterGuard.note(on: link) != nil)
        try FilterGuard.remove(from: link, removesHook: removesHook && hasFilters)
    }
}
