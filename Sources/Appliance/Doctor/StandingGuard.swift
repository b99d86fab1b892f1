import KernelPath
import PacketIO
import Reporting

/// A guard of Weir's as it is found on an interface, by whichever run it was put there.
struct StandingGuard {
    /// `tcx` or `filters`.
    var kind: String
    var places: [HookSide: PortGuard.Place]
    var isFirst: Bool { HookSide.allCases.allSatisfy { places[$0] == .first } }
    /// What the port was like before; nil if it says nothing.
    var originals: PortOriginals?

    /// nil if none stands there. Changes nothing.
    static func find(on link: Link) -> StandingGuard? {
        if let places = TCXGuard.places(on: link) {
            return StandingGuard(
                kind: "tcx",
                places: places.mapValues { place in
                    switch place {
                    case .first: .first
                    case .missing: .missing
                    case .behind(let ids): .behind("the TCX program " + ids.map(PortGuard.describe).listed())
                    }
                }, originals: TCXGuard.note(on: link).flatMap(PortJournal.decode))
        }
        guard let numbers = FilterGuard.predecessors(on: link) else { return nil }
        var places: [HookSide: PortGuard.Place] = [:]
        for side in HookSide.allCases {
            let programs = (try? TCXHook(link, side).listing().programs) ?? []
            let place: PortGuard.Place =
                if numbers[side] == nil {
                    .missing
                } else if !programs.isEmpty {
                    .behind("the TCX program " + programs.map(PortGuard.describe).listed())
                } else {
                    numbers[side] == 0 ? .first : .behind("a tc filter")
                }
            places[side] = place
        }
        return StandingGuard(kind: "filters", places: places, originals: FilterGuard.note(on: link).flatMap(PortJournal.decode))
    }
}
