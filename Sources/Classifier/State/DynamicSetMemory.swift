import Ruleset
import Synchronization

/// The memory of a set that changes. A set that is the same in the next program keeps it, elements and all: then two programs have it, until
/// no worker goes by the older one.
final class DynamicSetMemory: Sendable {
    let set: DynamicSet
    /// As the set's messages name it.
    let title: String
    private let identity: Identity
    /// Which file's elements are marked as such; 0 where no file had any. Only who loads rules touches it.
    private let epoch: Atomic<UInt32>

    /// All that two sets must have in common to be the same.
    private struct Identity: Sendable {
        var declaration: String
        var shapes: [[ElementStatement]]
        var capacity: Int
        var timeout: UInt64
        var words: Int
        var width: Int
        var hasData: Bool

        init(_ plan: DynamicSetPlan) {
            declaration = plan.declaration
            shapes = plan.shapes.map(\.statements)
            capacity = plan.capacity
            timeout = plan.timeout
            words = plan.words
            width = plan.width
            hasData = plan.hasData
        }
    }

    /// New, with the elements of the file.
    /// - Parameter start: From when on they live.
    init(_ plan: DynamicSetPlan, start: UInt64) {
        set = DynamicSet(plan)
        title = plan.title
        identity = Identity(plan)
        epoch = Atomic(plan.elements.isEmpty ? 0 : 1)
        for element in plan.elements { _ = set.declare(element, epoch: 1, at: start) }
    }

    deinit { set.free() }

    /// Takes all memory that elements can come to need; at once, and only for a set that no worker has yet.
    func commit() { set.commit() }

    /// Why the set of a plan is another one; nil if it is this one.
    func difference(from plan: DynamicSetPlan) -> String? {
        guard plan.isTransferable else { return "what a map leads to that is no value belongs to its rules" }
        let other = Identity(plan)
        if identity.declaration != other.declaration || identity.timeout != other.timeout { return "its declaration has changed" }
        if identity.capacity != other.capacity { return "its size has changed" }
        if identity.shapes != other.shapes || identity.words != other.words { return "the statements of its elements have changed" }
        return identity.width == other.width && identity.hasData == other.hasData ? nil : "its declaration has changed"
    }

    /// Bytes that a plan's set takes.
    static func byteCount(of plan: DynamicSetPlan) -> Int { DynamicSet.byteCount(of: plan) }

    /// True if a file has given it elements, or gives it some now.
    func needsMerge(_ elements: [DynamicSetPlan.Element]) -> Bool { !elements.isEmpty || epoch.load(ordering: .relaxed) != 0 }

    /// The mark for the elements of another file.
    func nextEpoch() -> UInt32 {
        let next = epoch.load(ordering: .relaxed) % Self.lastEpoch + 1
        epoch.store(next, ordering: .relaxed)
        return next
    }

    private static let lastEpoch: UInt32 = 0xff
}
