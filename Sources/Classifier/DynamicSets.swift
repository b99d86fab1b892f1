import Ruleset
import Synchronization

/// What a rule does to a set, and what an element has that it puts in.
struct ElementTemplate: BitwiseCopyable, Sendable {
    var operation: Operation
    /// Nanoseconds that the element lives; 0 for the set's own timeout.
    var timeout: UInt64
    /// Of `DynamicSets.steps`.
    var first: Int32
    var count: Int32

    enum Operation: UInt8 {
        case add, update, delete
    }
}

/// One statement of elements; which of the others count depends on the kind.
struct ElementStep: BitwiseCopyable, Sendable {
    enum Kind: UInt8 {
        case counter, limit, quota
    }

    var kind: Kind
    var bucket = TokenBucket.none
    var quota = QuotaBound(bytes: 0, isOver: false)
    /// What an element's state begins with.
    var words: (UInt64, UInt64)

    /// State of a statement, in 64-bit words.
    static let words = 2
}

/// What a set is to be like.
struct DynamicSetPlan {
    var capacity: Int
    /// Nanoseconds; 0 for none.
    var timeout: UInt64
    /// The most that an element of any template has.
    var steps: Int
    /// From the file, with the time that they live; 0 for ever.
    var elements: [(key: UInt128, timeout: UInt64)] = []
    /// Of the file's elements.
    var template: Int
}

/// The sets of a program that change: shared by all workers, in memory that is there from the start.
///
/// A set is a hash table with chains. Expired elements are never found; they are taken out when a chain is walked that has them, and a
/// few by each insertion, which so never looks at more than that.
@safe
struct DynamicSets: ~Copyable, @unchecked Sendable {
    private let sets: FrozenArray<DynamicSet>
    private let templates: FrozenArray<ElementTemplate>
    private let steps: FrozenArray<ElementStep>

    /// Elements of a set at the most; each takes 32 bytes, and 16 for each of its statements.
    static let largest = Int(SetUpdate.largestSize)

    /// - Parameters:
    ///   - seed: Of this process, so that nobody outside knows which keys share a chain.
    ///   - start: From when on the elements of the file live.
    init(_ plans: [DynamicSetPlan], templates: [ElementTemplate], steps: [ElementStep], seed: (UInt64, UInt64), start: UInt64) {
        sets = FrozenArray(plans.map { DynamicSet($0, seed: seed) })
        self.templates = FrozenArray(templates)
        self.steps = FrozenArray(steps)
        for (index, plan) in plans.enumerated() {
            for element in plan.elements {
                _ = sets[index].change(
                    element.key, .add, timeout: element.timeout, template: plan.template, self.templates, self.steps, bytes: nil, at: start)
            }
        }
    }

    deinit {
        for index in 0..<sets.count { sets[index].free() }
    }

    /// Whether the set holds the key; nil where it does, and the element's own statements end the rule.
    /// - Parameter isNegated: The rule asks for keys that are not there. What is found ends it then, and its statements are left alone.
    @inline(never)
    func holds(_ key: UInt128, set: Int, isNegated: Bool, bytes size: UInt64, at now: UInt64) -> Bool? {
        sets[set].holds(key, templates, steps, isNegated: isNegated, bytes: size, at: now)
    }

    /// Does what the template says to the key, and says whether the rule goes on.
    @inline(never)
    func change(_ key: UInt128, set: Int, template: Int, bytes size: UInt64, at now: UInt64) -> Bool {
        let wanted = templates[template]
        return sets[set].change(
            key, wanted.operation, timeout: wanted.timeout, template: template, templates, steps, bytes: size, at: now)
    }
}

/// One of them, by its memory.
@safe
private struct DynamicSet: BitwiseCopyable, @unchecked Sendable {
    private struct Entry: BitwiseCopyable {
        var key: UInt128
        /// In nanoseconds of the monotonic clock; 0 for never.
        var expires: UInt64
        /// The next of the chain or of the free ones, from 1; 0 for none.
        var next: UInt32
        var template: Int32
    }

    /// What changes beside chains and entries.
    private struct Bookkeeping: BitwiseCopyable {
        /// Entries from here on have never been used.
        var fresh = 0
        /// The first of those that have been given back, from 1; 0 for none.
        var free: UInt32 = 0
        /// The entry that is looked at next for having expired.
        var cursor = 0
    }

    /// Entries that an insertion looks at for having expired.
    private static let collected = 4

    private let lock: UnsafeMutablePointer<Atomic<UInt32>>
    private let book: UnsafeMutablePointer<Bookkeeping>
    private let heads: UnsafeMutablePointer<UInt32>
    private let entries: UnsafeMutablePointer<Entry>
    private let words: UnsafeMutablePointer<UInt64>
    private let stride: Int
    private let capacity: Int
    private let buckets: Int
    private let timeout: UInt64
    private let seed: (UInt64, UInt64)

    init(_ plan: DynamicSetPlan, seed: (UInt64, UInt64)) {
        capacity = max(1, min(plan.capacity, DynamicSets.largest))
        timeout = plan.timeout
        self.seed = seed
        stride = plan.steps * ElementStep.words
        var buckets = 1
        while buckets < capacity { buckets *= 2 }
        self.buckets = buckets
        unsafe lock = .allocate(capacity: 1)
        unsafe lock.initialize(to: Atomic(0))
        unsafe book = .allocate(capacity: 1)
        unsafe book.initialize(to: Bookkeeping())
        unsafe heads = .allocate(capacity: buckets)
        unsafe heads.initialize(repeating: 0, count: buckets)
        // Left as they are: the kernel gives pages when they are first written.
        unsafe entries = .allocate(capacity: capacity)
        unsafe words = .allocate(capacity: max(1, capacity * stride))
    }

    func free() {
        unsafe lock.deinitialize(count: 1)
        unsafe lock.deallocate()
        unsafe book.deallocate()
        unsafe heads.deallocate()
        unsafe entries.deallocate()
        unsafe words.deallocate()
    }

    /// A spin lock: what is done under it is a walk along one short chain and a few entries more, without a call out, so that waiting
    /// for it is cheaper than sleeping. Chains, entries and states change together, which no single word could say.
    @inline(__always)
    private func acquire() {
        while unsafe !lock.pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {
            while unsafe lock.pointee.load(ordering: .relaxed) != 0 {}
        }
    }

    @inline(__always)
    private func release() { unsafe lock.pointee.store(0, ordering: .releasing) }

    func holds(
        _ key: UInt128, _ templates: borrowing FrozenArray<ElementTemplate>, _ steps: borrowing FrozenArray<ElementStep>,
        isNegated: Bool, bytes size: UInt64, at now: UInt64
    ) -> Bool? {
        acquire()
        defer { release() }
        guard let index = find(key, at: now) else { return false }
        return isNegated || pass(index, templates, steps, bytes: size, at: now) ? true : nil
    }

    /// net/netfilter/nft_dynset.c, `nft_dynset_eval`.
    /// - Parameter size: nil where no frame brings the element.
    func change(
        _ key: UInt128, _ operation: ElementTemplate.Operation, timeout: UInt64, template: Int,
        _ templates: borrowing FrozenArray<ElementTemplate>, _ steps: borrowing FrozenArray<ElementStep>, bytes size: UInt64?,
        at now: UInt64
    ) -> Bool {
        acquire()
        defer { release() }
        let lifetime = timeout == 0 ? self.timeout : timeout
        var found = find(key, at: now)
        switch operation {
        case .delete:
            if found != nil { remove(key) }
            return true
        case .add, .update:
            if let index = found {
                if operation == .update, unsafe entries[index].expires != 0, lifetime != 0 {
                    unsafe entries[index].expires = now &+ lifetime
                }
            } else {
                found = insert(key, expires: lifetime == 0 ? 0 : now &+ lifetime, template: template, templates, steps, at: now)
            }
        }
        // A full set takes no more, and the rule does not match.
        guard let index = found else { return false }
        guard let size else { return true }
        return pass(index, templates, steps, bytes: size, at: now)
    }

    private func hash(_ key: UInt128) -> Int {
        let low = UInt64(truncatingIfNeeded: key) ^ seed.0
        let high = UInt64(truncatingIfNeeded: key >> 64) ^ seed.1
        let product = (low | 1).multipliedFullWidth(by: high ^ 0x9e37_79b9_7f4a_7c15 ^ low &>> 32)
        let mixed = (product.high ^ product.low ^ low).multipliedFullWidth(by: seed.1 | 1)
        return Int(truncatingIfNeeded: (mixed.high ^ mixed.low) & UInt64(buckets &- 1))
    }

    /// The key's entry; expired ones in its chain are given back.
    private func find(_ key: UInt128, at now: UInt64) -> Int? {
        let bucket = hash(key)
        var previous: UInt32 = 0
        var link = unsafe heads[bucket]
        while link != 0 {
            let index = Int(link &- 1)
            let entry = unsafe entries[index]
            if entry.expires != 0, entry.expires <= now {
                unlink(index, behind: previous, bucket)
            } else {
                if entry.key == key { return index }
                previous = link
            }
            link = entry.next
        }
        return nil
    }

    private func remove(_ key: UInt128) {
        let bucket = hash(key)
        var previous: UInt32 = 0
        var link = unsafe heads[bucket]
        while link != 0 {
            let entry = unsafe entries[Int(link &- 1)]
            if entry.key == key { return unlink(Int(link &- 1), behind: previous, bucket) }
            previous = link
            link = entry.next
        }
    }

    private func unlink(_ index: Int, behind previous: UInt32, _ bucket: Int) {
        let next = unsafe entries[index].next
        if previous == 0 { unsafe heads[bucket] = next } else { unsafe entries[Int(previous &- 1)].next = next }
        unsafe entries[index].next = book.pointee.free
        // Marks it as free for `collect`.
        unsafe entries[index].template = -1
        unsafe book.pointee.free = UInt32(truncatingIfNeeded: index &+ 1)
    }

    /// Looks at a few entries, round and round, and gives back those that have expired.
    private func collect(at now: UInt64) {
        let fresh = unsafe book.pointee.fresh
        for _ in 0..<min(Self.collected, fresh) {
            let index = unsafe book.pointee.cursor < fresh ? book.pointee.cursor : 0
            unsafe book.pointee.cursor = index &+ 1
            let entry = unsafe entries[index]
            if entry.template >= 0, entry.expires != 0, entry.expires <= now { remove(entry.key) }
        }
    }

    /// nil if the set is full.
    private func insert(
        _ key: UInt128, expires: UInt64, template: Int, _ templates: borrowing FrozenArray<ElementTemplate>,
        _ steps: borrowing FrozenArray<ElementStep>, at now: UInt64
    ) -> Int? {
        collect(at: now)
        let index: Int
        if unsafe book.pointee.free != 0 {
            index = unsafe Int(book.pointee.free &- 1)
            unsafe book.pointee.free = entries[index].next
        } else {
            index = unsafe book.pointee.fresh
            guard index < capacity else { return nil }
            unsafe book.pointee.fresh = index &+ 1
        }
        let bucket = hash(key)
        let entry = unsafe Entry(
            key: key, expires: expires, next: heads[bucket], template: Int32(truncatingIfNeeded: template))
        unsafe (entries + index).initialize(to: entry)
        unsafe heads[bucket] = UInt32(truncatingIfNeeded: index &+ 1)
        let shape = templates[template]
        for step in 0..<Int(shape.count) {
            let state = unsafe words + (index &* stride &+ step &* ElementStep.words)
            let initial = steps[Int(shape.first) &+ step].words
            unsafe state.initialize(to: initial.0)
            unsafe (state + 1).initialize(to: initial.1)
        }
        return index
    }

    /// Evaluates the entry's statements, up to the first that ends the rule (`nft_set_elem_update_expr`).
    private func pass(
        _ index: Int, _ templates: borrowing FrozenArray<ElementTemplate>, _ steps: borrowing FrozenArray<ElementStep>,
        bytes size: UInt64, at now: UInt64
    ) -> Bool {
        let shape = unsafe templates[Int(entries[index].template)]
        for number in 0..<Int(shape.count) {
            let step = steps[Int(shape.first) &+ number]
            let state = unsafe words + (index &* stride &+ number &* ElementStep.words)
            switch step.kind {
            case .counter:
                unsafe state.pointee &+= 1
                unsafe state[1] &+= size
            case .limit:
                let (empty, passes) = unsafe step.bucket.after(state.pointee, bytes: size, at: now)
                unsafe state.pointee = empty
                if !passes { return false }
            case .quota:
                unsafe state.pointee &+= size
                if unsafe !step.quota.passes(state.pointee) { return false }
            }
        }
        return true
    }
}
