public import Storage

/// What a new program takes over from the one before: sets and lists of connections whose declaration is the same keep their memory, limits,
/// quotas and times of last use are copied when the new program comes into force.
///
/// One thread at a time has it: that which loads rules, and during `merge` a worker for it.
public final class StateInheritance: @unchecked Sendable {
    /// Why nothing is kept.
    public enum Reset: Sendable {
        case asked
    }

    private let predecessor: Program
    private let reset: Reset?
    private(set) var sets: [DynamicSetMemory?] = []
    private(set) var lists: [ConnectionListMemory?] = []
    private var cells: [StateHandover.Pair] = []
    private var merges: [ElementMerge] = []
    private var outcome = KeptState()

    /// - Parameters:
    ///   - predecessor: The program in force.
    ///   - reset: nil to keep what can be kept.
    public init(from predecessor: Program, reset: Reset? = nil) {
        self.predecessor = predecessor
        self.reset = reset
    }

    // MARK: While the program is compiled

    /// Finds what is the same in both.
    func match(_ stateful: borrowing StatefulEmitter) {
        matchSets(stateful.plans)
        (lists, outcome.kept.connectionCounts) = matchLists(stateful.listKeys)
        outcome.dropped.connectionCounts = predecessor.listKeys.count - outcome.kept.connectionCounts
        matchCells(stateful)
    }

    /// When elements end that rules don't change, by guard; nil for those that begin again.
    func expiry(ofGuard key: StateKey?, at now: UInt64) -> UInt64? {
        guard reset == nil, let key, let index = guardIndices[key] else { return nil }
        let expires = predecessor.elementGuards.guards[index].expires
        return expires > now ? expires : nil
    }

    private lazy var guardIndices = Self.indices(predecessor.guardKeys)

    private static func indices(_ keys: [StateKey?]) -> [StateKey: Int] {
        var indices: [StateKey: Int] = [:]
        for (index, key) in keys.enumerated() { if let key, indices[key] == nil { indices[key] = index } }
        return indices
    }

    private func matchSets(_ plans: [DynamicSetPlan]) {
        var old: [String: DynamicSetMemory] = [:]
        for memory in predecessor.dynamicSets.memories where old[memory.title] == nil { old[memory.title] = memory }
        sets = plans.map { plan in
            guard let memory = old.removeValue(forKey: plan.title) else { return nil }
            if let reason = reset != nil ? "it was asked for" : memory.difference(from: plan) {
                outcome.droppedSets.append(KeptState.DroppedSet(set: plan.title, reason: reason))
                return nil
            }
            if memory.needsMerge(plan.elements) { merges.append(ElementMerge(memory, plan.elements)) }
            return memory
        }
        for title in old.keys.sorted() {
            outcome.droppedSets.append(KeptState.DroppedSet(set: title, reason: "the new rules don't have it"))
        }
    }

    private func matchLists(_ keys: [StateKey?]) -> ([ConnectionListMemory?], count: Int) {
        guard reset == nil, !predecessor.listKeys.isEmpty else { return ([], 0) }
        let old = Self.indices(predecessor.listKeys)
        let lists = keys.map { key in key.flatMap { old[$0] }.map { predecessor.connectionLists.memories[$0] } }
        return (lists, lists.count { $0 != nil })
    }

    private func matchCells(_ stateful: borrowing StatefulEmitter) {
        let old = Self.indices(predecessor.cellKeys)
        let (buckets, quotas) = (stateful.bucketKeys.count, stateful.quotaKeys.count)
        var counts = [0, 0, 0]
        if reset == nil {
            for (cell, key) in stateful.cellKeys.enumerated() {
                guard let key, let from = old[key] else { continue }
                let kind: StateHandover.Kind = cell < buckets ? .limit : cell < buckets + quotas ? .quota : .lastUse
                counts[kind.rawValue] += 1
                cells.append(StateHandover.Pair(kind: kind, from: from, to: cell))
            }
        }
        outcome.kept.limits = counts[0]
        outcome.kept.quotas = counts[1]
        outcome.kept.lastUses = counts[2]
        outcome.dropped.limits = predecessor.buckets.count - counts[0]
        outcome.dropped.quotas = predecessor.quotas.count - counts[1]
        outcome.dropped.lastUses = predecessor.remembering.count - counts[2]
    }

    // MARK: When it comes into force

    /// The sets that go on don't yet have the elements of the new file, or have those of the old one.
    public var needsMerge: Bool { merges.contains { !$0.isDone } }

    /// Goes on with that for a bounded time. For a worker, which is never held up under the sets' locks; allocates nothing.
    /// - Parameter count: Elements to look at.
    public func merge(_ count: Int, at instant: Instant) {
        guard let merge = merges.first(where: { !$0.isDone }) else { return }
        merge.go(on: count, at: instant.monotonic)
    }

    /// Notes what `merge` changes, so that it can be taken back. Before it begins.
    public func recordMerge() { for merge in merges { merge.beginRecord() } }

    /// From now on `merge` takes back what it has changed; `needsMerge` tells when that is done.
    public func takeBackMerge() { for merge in merges { merge.takeBack() } }

    /// Copies what limits, quotas and times of last use have come to. Just before the first frame comes to the new program.
    public func handOver(to program: Program) -> StateHandover { StateHandover(cells, from: predecessor, to: program) }

    /// What is kept and what is not; elements as they are at this moment.
    public func outcome(at instant: Instant) -> KeptState {
        var outcome = outcome
        outcome.keptSets = sets.compactMap { memory in
            memory.map { KeptState.KeptSet(set: $0.title, elements: $0.set.count(at: instant.monotonic)) }
        }
        outcome.refusedElements = merges.reduce(0) { $0 + $1.refused }
        return outcome
    }
}
