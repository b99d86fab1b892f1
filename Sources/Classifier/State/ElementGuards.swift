import Ruleset
import Storage

/// What is asked of an element beside its key, in a set or map that rules don't change: whether it still lives, and its statements.
struct ElementGuard: BitwiseCopyable, Sendable {
    /// In nanoseconds of the monotonic clock; `.max` for never.
    var expires: UInt64
    /// Indices into `ElementGuards.steps`.
    var first: Int32
    var count: Int32
}

/// One statement of such an element. Its state is one of the program's own, as that of a rule's statement is.
struct ElementGuardStep: BitwiseCopyable, Sendable {
    enum Kind: UInt8 {
        case counter, limit, quota, last, connectionCount
    }

    var kind: Kind
    /// Of the element's counter, the limit, the quota, the remembering statement or the list of connections.
    var number: Int32
}

/// The guards of a program's elements.
struct ElementGuards: ~Copyable, Sendable {
    let guards: FrozenArray<ElementGuard>
    let steps: FrozenArray<ElementGuardStep>

    /// - Parameters:
    ///   - start: From when on elements live.
    ///   - end: When an element ends that goes on, by its index; nil for all others.
    init(_ plans: [ElementGuardPlan], start: UInt64, kept end: (Int) -> UInt64?) {
        var steps: [ElementGuardStep] = []
        var guards: [ElementGuard] = []
        guards.reserveCapacity(plans.count)
        for (index, plan) in plans.enumerated() {
            let planned = start.addingReportingOverflow(plan.lifetime)
            guards.append(
                ElementGuard(
                    expires: plan.lifetime == 0 || planned.overflow ? .max : end(index) ?? planned.partialValue,
                    first: Int32(truncatingIfNeeded: steps.count),
                    count: Int32(truncatingIfNeeded: plan.steps.count)))
            steps += plan.steps
        }
        self.guards = FrozenArray(guards)
        self.steps = FrozenArray(steps)
    }

    var byteCount: Int { guards.byteCount + steps.byteCount }
}

/// A guard as it is gathered.
struct ElementGuardPlan: Sendable {
    /// Nanoseconds; 0 for ever.
    var lifetime: UInt64
    var steps: [ElementGuardStep]
}
