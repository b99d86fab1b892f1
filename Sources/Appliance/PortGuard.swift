import Glibc
import KernelPath
import PacketIO

/// What keeps the host off one port: TCX programs where they can be had, filters of tc elsewhere.
struct PortGuard {
    private enum Kind {
        case programs(TCXGuard)
        case filters(FilterGuard)
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

    /// Bytes that a note may have with this guard.
    private var noteCapacity: Int {
        switch kind {
        case .programs: TCXGuard.noteCapacity
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
    /// - Parameter isStrict: Refuse where programs or filters of others would come before it.
    static func expectToBeRaised(on link: Link, isStrict: Bool) throws {
        guard let obstacle = TCXGuard.obstacle(on: link) else { return }
        try FilterGuard.expectToBeRaised(on: link)
        let before = HookSide.allCases.flatMap { side in programs(link, side).map { "the TCX program \($0) at \(side)" } }
        if isStrict, let first = before.first {
            throw StartProblem("with --guard strict the guard must come first on \(link.name), and \(first) does; \(remedy(obstacle))")
        }
        for side in HookSide.allCases where isStrict {
            guard try FilterGuard.firstPreference(side, on: link) > 1 else { continue }
            throw StartProblem(
                "with --guard strict the guard must come first on \(link.name), and a tc \(side) filter of preference 1 does; "
                    + remedy(obstacle))
        }
    }

    /// Puts a guard on the interface and takes over from one that stands there, without a moment in which there is none.
    ///
    /// - Parameter originals: What `note(on:)` gives back as long as the guard stands, as far as there is room for it.
    static func raise(on link: Link, noting originals: PortOriginals) throws -> (PortGuard, warnings: [String]) {
        let obstacle: SystemCallError
        do throws(SystemCallError) {
            if let error = TCXGuard.obstacle(on: link) { throw error }
            let programs = try TCXGuard(on: link, mark: FilterGuard.mark, note: note(originals, TCXGuard.noteCapacity))
            let replacesFilters = FilterGuard.note(on: link) != nil
            try FilterGuard.remove(from: link, removesHook: false)
            return (PortGuard(link: link, kind: .programs(programs), replacesFilters: replacesFilters), [])
        } catch {
            obstacle = error
        }
        let (filters, filterWarnings) = try FilterGuard.raise(on: link, note: note(originals, FilterGuard.noteCapacity))
        let guarding = PortGuard(link: link, kind: .filters(filters), replacesFilters: true)
        var warnings = filterWarnings
        let before = HookSide.allCases.flatMap { side in guarding.programsOfOthers(side).map { "\($0) at \(side)" } }
        if !before.isEmpty {
            warnings.append(
                "TCX programs of others run before Weir's guard on \(link.name) (\(before.joined(separator: ", "))): what they let pass, "
                    + "the host hears and routes; \(remedy(obstacle))")
        } else if (try? TCXHook(link, .ingress).listing()) != nil {
            warnings.append(
                "the guard of \(link.name) is made of tc filters, which TCX programs of others would come before; \(remedy(obstacle))")
        }
        return (guarding, warnings)
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
            case .behind(let others): .behind(others.map(Self.describe).joined(separator: ", "))
            }
        case .filters(let filters):
            switch try filters.place(side) {
            case .first: .first
            case .missing: .missing
            case .behind: .behind("a tc filter")
            }
        }
    }

    /// Puts the guard of a side back to its place.
    mutating func restore(_ side: HookSide) throws {
        switch kind {
        case .programs(var programs):
            try programs.restore(side)
            kind = .programs(programs)
        case .filters(var filters):
            try filters.restore(side)
            kind = .filters(filters)
        }
    }

    /// TCX programs that run before a guard made of filters, in words; none before one made of programs.
    func programsOfOthers(_ side: HookSide) -> [String] {
        guard case .filters = kind else { return [] }
        return Self.programs(link, side)
    }

    /// Frames that the guard has counted; nil if it counts none.
    func counts() throws(SystemCallError) -> TCXGuard.Counts? {
        guard case .programs(let programs) = kind else { return nil }
        return try programs.counts()
    }

    /// TCX programs of a side that are not Weir's, in words, before or after the guard.
    static func programs(besidesWeirOn link: Link, _ side: HookSide) -> [String] {
        programs(link, side).filter { !$0.contains("\"weir_guard") }.map { "the TCX \($0)" }
    }

    private static func programs(_ link: Link, _ side: HookSide) -> [String] {
        ((try? TCXHook(link, side).listing())?.programs ?? []).map(describe)
    }

    private static func describe(_ id: UInt32) -> String {
        let name = (try? BPFProgram(id: id).information().name) ?? ""
        return name.isEmpty ? "program \(id)" : "program \(id) \"\(name)\""
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
        case .filters(var filters):
            try filters.setNote(note)
            kind = .filters(filters)
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
