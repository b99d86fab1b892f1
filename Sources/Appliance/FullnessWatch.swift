import Classifier
import Flows
import Logging
import Ruleset

/// Says when the connection table or a set that rules change has no room: once a minute at most for each.
package struct FullnessWatch {
    /// Seconds between two messages about the same.
    static let interval = 60

    package enum Cause: Hashable, Sendable {
        case connections, share
        case set(Int)
    }

    private struct Watched {
        /// The most that was counted so far.
        var total: UInt64 = 0
        /// As of the last message.
        var told: UInt64 = 0
        /// Seconds until another may come.
        var pause = 0
    }

    private var watched: [Cause: Watched] = [:]
    private var generation: UInt32 = 0

    package init() {}

    /// To be called once a second.
    mutating func look(at pool: WorkerPool, _ log: Logger) {
        let (newest, refusals) = pool.refusals()
        if newest.number != generation {
            // Sets of other rules count for themselves, from 0.
            watched = watched.filter { cause, _ in if case .set = cause { false } else { true } }
            generation = newest.number
        }
        note(.connections, refusals.limit) { count in
            log.warning(
                "the connection table is full: \(count) packets that would begin a connection were dropped (flow-limit); --flows makes it larger"
            )
        }
        note(.share, refusals.share) { count in
            log.warning(
                """
                a source has its share of the connection table: \(count) packets that would begin a connection were dropped (flow-share); \
                --flow-share changes the share
                """)
        }
        let program = newest.program
        for index in program.changingSets.indices {
            let set = program.changingSets[index]
            note(.set(index), program.refusedElements(ofSet: index)) { count in
                log.warning(
                    """
                    set \(set.name) of table \(set.tableTitle) is full: \(count) elements were not added, and their rules \
                    did not match; its "size" makes it larger
                    """)
            }
        }
    }

    /// What was full within the last minute, a sentence each.
    func warnings(_ program: Program) -> [String] {
        watched.filter { $0.value.pause > 0 }.compactMap { cause, _ -> String? in
            switch cause {
            case .connections: return "the connection table is full; --flows makes it larger"
            case .share: return "a source has its share of the connection table; --flow-share changes the share"
            case .set(let index):
                guard program.changingSets.indices.contains(index) else { return nil }
                let set = program.changingSets[index]
                return "set \(set.name) of table \(set.tableTitle) is full; its \"size\" makes it larger"
            }
        }.sorted()
    }

    /// - Parameters:
    ///   - total: What was refused so far. It may fall back for a moment, when workers change over to other rules.
    ///   - tell: Is called with what was refused since the last message, if one is due.
    package mutating func note(_ cause: Cause, _ total: UInt64, tell: (UInt64) -> Void) {
        guard total != 0 else { return }
        var state = watched[cause] ?? Watched()
        state.total = max(state.total, total)
        if state.pause > 0 { state.pause -= 1 }
        if state.pause == 0 && state.total > state.told {
            tell(state.total - state.told)
            state.told = state.total
            state.pause = Self.interval
        }
        watched[cause] = state
    }
}
