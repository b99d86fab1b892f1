import Storage
import Synchronization

/// One set that changes, by its memory.
///
/// A hash table with chains. Expired elements are never found; they are taken out when a chain is walked that has them, and a few by
/// each insertion, which so never looks at more than that.
///
/// Workers change it under a lock. Reports only count what lives, and take no lock: all they read is when each entry expires, a word that
/// is written and read as a whole, and how many entries have been used.
@safe
struct DynamicSet: BitwiseCopyable, @unchecked Sendable {
    struct Entry: BitwiseCopyable {
        /// Its first 128 bits.
        var key: UInt128
        /// In nanoseconds of the monotonic clock; `forever`, or 0 where there is no element. Only as `expiry` gives it.
        var expires: UInt64
        /// The next of the chain or of the free ones, from 1; 0 for none.
        var next: UInt32
        /// Index into `shapes`; above it of an element that the file has the epoch of the file: see `declare`.
        var shape: UInt32
    }

    /// Where `expires` stands in an entry.
    private static let expiryOffset = 16
    static let forever = UInt64.max

    /// What changes beside chains and entries.
    private struct Bookkeeping: BitwiseCopyable {
        /// The first of those that have been given back, from 1; 0 for none.
        var free: UInt32 = 0
        /// The entry that is looked at next for having expired.
        var cursor = 0
    }

    /// Of `Entry.shape`.
    static let shapeBits: UInt32 = 0xff_ffff
    static let epochShift: UInt32 = 24

    /// Entries that an insertion looks at for having expired.
    private static let collected = 4

    /// Entries from here on have never been used.
    let fresh: UnsafeMutablePointer<Atomic<Int>>
    private let lock: UnsafeMutablePointer<Atomic<UInt32>>
    private let refusals: UnsafeMutablePointer<Atomic<UInt64>>
    private let book: UnsafeMutablePointer<Bookkeeping>
    private let heads: UnsafeMutablePointer<UInt32>
    let entries: UnsafeMutablePointer<Entry>
    let words: UnsafeMutablePointer<UInt64>
    /// What keys have beyond their first 128 bits.
    private let rests: UnsafeMutablePointer<UInt128>
    /// What elements are mapped to.
    let data: UnsafeMutablePointer<UInt128>
    /// What elements have beside their keys: each has one of these.
    private let shapes: UnsafeMutablePointer<ElementShape>
    private let steps: UnsafeMutablePointer<ElementStep>
    let stride: Int
    private let width: Int
    let hasData: Bool
    private let capacity: Int
    private let buckets: Int
    let timeout: UInt64
    /// So that nobody outside knows which keys share a chain.
    private let keyedHash = KeyedHash()

    init(_ plan: DynamicSetPlan) {
        capacity = max(1, min(plan.capacity, DynamicSets.largest))
        timeout = plan.timeout
        stride = plan.words
        var buckets = 1
        while buckets < capacity { buckets *= 2 }
        self.buckets = buckets
        unsafe fresh = .allocate(capacity: 1)
        unsafe fresh.initialize(to: Atomic(0))
        unsafe lock = .allocate(capacity: 1)
        unsafe lock.initialize(to: Atomic(0))
        unsafe refusals = .allocate(capacity: 1)
        unsafe refusals.initialize(to: Atomic(0))
        unsafe book = .allocate(capacity: 1)
        unsafe book.initialize(to: Bookkeeping())
        unsafe heads = .allocate(capacity: buckets)
        unsafe heads.initialize(repeating: 0, count: buckets)
        // Left as they are: the kernel gives pages when they are first written.
        unsafe entries = .allocate(capacity: capacity)
        unsafe words = .allocate(capacity: max(1, capacity * stride))
        width = max(1, min(plan.width, PackedKey.capacity / 4))
        unsafe rests = .allocate(capacity: max(1, capacity * (width - 1)))
        hasData = plan.hasData
        unsafe data = .allocate(capacity: hasData ? capacity : 1)
        unsafe shapes = .allocate(capacity: max(1, plan.shapes.count))
        unsafe steps = .allocate(capacity: max(1, plan.shapes.reduce(0) { $0 + $1.steps.count }))
        var place = 0
        for (index, shape) in plan.shapes.enumerated() {
            unsafe (shapes + index).initialize(to: ElementShape(first: place, count: shape.steps.count))
            for step in shape.steps {
                unsafe (steps + place).initialize(to: step)
                place += 1
            }
        }
    }

    /// What `init` asks for. The kernel gives pages when they are first written, so that a set takes it when it has been full.
    static func byteCount(of plan: DynamicSetPlan) -> Int {
        let capacity = max(1, min(plan.capacity, DynamicSets.largest))
        var buckets = 1
        while buckets < capacity { buckets *= 2 }
        let element =
            MemoryLayout<Entry>.stride + 8 * plan.words + 16 * (max(1, plan.width) - 1) + (plan.hasData ? 16 : 0)
        return capacity * element + 4 * buckets
    }

    /// Writes to all memory that no element has used yet, so that it is there before frames come. Only before the set is used.
    func commit() {
        let fresh = unsafe self.fresh.pointee.load(ordering: .relaxed)
        let count = capacity - fresh
        guard count > 0 else { return }
        unsafe (entries + fresh).initialize(repeating: Entry(key: 0, expires: 0, next: 0, shape: 0), count: count)
        unsafe (words + fresh * stride).initialize(repeating: 0, count: count * stride)
        unsafe (rests + fresh * (width - 1)).initialize(repeating: 0, count: count * (width - 1))
        if hasData { unsafe (data + fresh).initialize(repeating: 0, count: count) }
    }

    func free() {
        unsafe fresh.deinitialize(count: 1)
        unsafe fresh.deallocate()
        unsafe lock.deinitialize(count: 1)
        unsafe lock.deallocate()
        unsafe refusals.deinitialize(count: 1)
        unsafe refusals.deallocate()
        unsafe book.deallocate()
        unsafe heads.deallocate()
        unsafe entries.deallocate()
        unsafe words.deallocate()
        unsafe rests.deallocate()
        unsafe data.deallocate()
        unsafe shapes.deallocate()
        unsafe steps.deallocate()
    }

    /// A spin lock: what is done under it is a walk along one short chain and a few entries more, without a call out, so that waiting
    /// for it is cheaper than sleeping. Chains, entries and states change together, which no single word could say.
    @inline(__always)
    func acquire() {
        while unsafe !lock.pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {
            while unsafe lock.pointee.load(ordering: .relaxed) != 0 {}
        }
    }

    @inline(__always)
    func release() { unsafe lock.pointee.store(0, ordering: .releasing) }

    func holds(
        _ key: PackedKey, isNegated: Bool, bytes size: UInt64, connection: CountedConnection, at now: UInt64
    ) -> Bool? {
        acquire()
        defer { release() }
        guard let index = find(key, at: now) else { return false }
        return isNegated || pass(index, bytes: size, connection: connection, at: now) ? true : nil
    }

    func mapped(_ key: PackedKey, bytes size: UInt64, connection: CountedConnection, at now: UInt64) -> UInt128? {
        acquire()
        defer { release() }
        guard hasData, let index = find(key, at: now), pass(index, bytes: size, connection: connection, at: now) else { return nil }
        return unsafe data[index]
    }

    /// Elements that there was no room for so far. Takes no lock.
    var refused: UInt64 { unsafe refusals.pointee.load(ordering: .relaxed) }

    /// Elements that live. Looks at every entry, and takes no lock: workers go on meanwhile, and what they change counts or not.
    func count(at now: UInt64) -> Int {
        // What was used before is written before: entries that come after are not looked at.
        let end = unsafe fresh.pointee.load(ordering: .acquiring)
        var count = 0
        for index in 0..<end { if unsafe expiry(index).pointee.load(ordering: .relaxed) > now { count &+= 1 } }
        return count
    }

    /// When an entry expires, as one word that another thread may read.
    @inline(__always)
    func expiry(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe UnsafeMutableRawPointer(entries + index).advanced(by: Self.expiryOffset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    private func hasExpired(_ index: Int, at now: UInt64) -> Bool { unsafe expiry(index).pointee.load(ordering: .relaxed) <= now }

    /// A time in milliseconds, in nanoseconds: 0 for none of its own, and `forever` for `timeout never`.
    static func lifetime(_ milliseconds: UInt64?) -> UInt64 {
        guard let milliseconds else { return 0 }
        return milliseconds == 0 ? forever : milliseconds &* 1_000_000
    }

    static func end(_ lifetime: UInt64, from now: UInt64) -> UInt64 {
        guard lifetime != 0 else { return forever }
        let (end, isTooFar) = now.addingReportingOverflow(lifetime)
        return isTooFar ? forever : end
    }

    /// net/netfilter/nft_dynset.c, `nft_dynset_eval`.
    func change(
        _ key: PackedKey, _ template: ElementTemplate, data value: UInt128, bytes size: UInt64, connection: CountedConnection,
        at now: UInt64
    ) -> Bool {
        acquire()
        defer { release() }
        let lifetime = template.timeout == 0 ? timeout : template.timeout
        var found = find(key, at: now)
        switch template.operation {
        case .delete:
            if found != nil { remove(key) }
            return true
        case .add, .update:
            if let index = found {
                if template.operation == .update, lifetime != 0, unsafe expiry(index).pointee.load(ordering: .relaxed) != Self.forever {
                    unsafe expiry(index).pointee.store(Self.end(lifetime, from: now), ordering: .relaxed)
                }
            } else {
                found = insert(key, data: value, expires: Self.end(lifetime, from: now), shape: template.shape, at: now)
            }
        }
        // A full set takes no more, and the rule does not match.
        guard let index = found else { return false }
        return pass(index, bytes: size, connection: connection, at: now)
    }

    func put(_ key: PackedKey, timeout: UInt64, shape: UInt32, at now: UInt64) -> SetOutcome {
        acquire()
        defer { release() }
        if find(key, at: now) != nil { return .unchanged }
        let expires = Self.end(timeout == 0 ? self.timeout : timeout, from: now)
        return insert(key, data: 0, expires: expires, shape: shape, at: now) == nil ? .refused : .changed
    }

    func take(_ key: PackedKey, at now: UInt64) -> SetOutcome {
        acquire()
        defer { release() }
        guard find(key, at: now) != nil else { return .unchanged }
        remove(key)
        return .changed
    }

    /// The lock is held for one element at a time.
    func elements(from place: Int, count: Int, at now: UInt64, _ body: (PackedKey, UInt64?) -> Void) -> Int? {
        let fresh = unsafe self.fresh.pointee.load(ordering: .acquiring)
        let end = min(fresh, place + count)
        for index in place..<max(place, end) {
            acquire()
            let expires = unsafe expiry(index).pointee.load(ordering: .relaxed)
            let key = expires > now ? key(at: index) : nil
            release()
            if let key { body(key, expires == Self.forever ? nil : expires - now) }
        }
        return end < fresh ? end : nil
    }

    private func hash(_ key: PackedKey) -> Int {
        var state = keyedHash.mix(key.first, 0)
        for index in 1..<max(1, width) { state = keyedHash.mix(key[index], state) }
        return Int(truncatingIfNeeded: state & UInt64(buckets &- 1))
    }

    @inline(__always)
    private func has(_ key: PackedKey, _ index: Int) -> Bool {
        guard unsafe entries[index].key == key.first else { return false }
        for part in 1..<max(1, width) {
            if unsafe rests[index &* (width &- 1) &+ part &- 1] != key[part] { return false }
        }
        return true
    }

    func key(at index: Int) -> PackedKey {
        var key = unsafe PackedKey(entries[index].key)
        for part in 1..<max(1, width) { unsafe key.set(part, rests[index &* (width &- 1) &+ part &- 1]) }
        return key
    }

    /// The key's entry; expired ones in its chain are given back.
    func find(_ key: PackedKey, at now: UInt64) -> Int? {
        let bucket = hash(key)
        var previous: UInt32 = 0
        var link = unsafe heads[bucket]
        while link != 0 {
            let index = Int(link &- 1)
            let next = unsafe entries[index].next
            if hasExpired(index, at: now) {
                unlink(index, behind: previous, bucket)
            } else {
                if has(key, index) { return index }
                previous = link
            }
            link = next
        }
        return nil
    }

    func remove(_ key: PackedKey) {
        let bucket = hash(key)
        var previous: UInt32 = 0
        var link = unsafe heads[bucket]
        while link != 0 {
            let index = Int(link &- 1)
            if has(key, index) { return unlink(index, behind: previous, bucket) }
            previous = link
            link = unsafe entries[index].next
        }
    }

    private func unlink(_ index: Int, behind previous: UInt32, _ bucket: Int) {
        let next = unsafe entries[index].next
        if previous == 0 { unsafe heads[bucket] = next } else { unsafe entries[Int(previous &- 1)].next = next }
        unsafe entries[index].next = book.pointee.free
        unsafe expiry(index).pointee.store(0, ordering: .relaxed)
        unsafe book.pointee.free = UInt32(truncatingIfNeeded: index &+ 1)
    }

    /// Looks at a few entries, round and round, and gives back those that have expired.
    private func collect(at now: UInt64) {
        let fresh = unsafe self.fresh.pointee.load(ordering: .relaxed)
        for _ in 0..<min(Self.collected, fresh) {
            let index = unsafe book.pointee.cursor < fresh ? book.pointee.cursor : 0
            unsafe book.pointee.cursor = index &+ 1
            let expires = unsafe expiry(index).pointee.load(ordering: .relaxed)
            if expires != 0, expires <= now { remove(key(at: index)) }
        }
    }

    /// nil if the set is full.
    func insert(_ key: PackedKey, data value: UInt128, expires: UInt64, shape: UInt32, at now: UInt64) -> Int? {
        collect(at: now)
        let index: Int
        let fresh = unsafe self.fresh.pointee.load(ordering: .relaxed)
        let isFresh = unsafe book.pointee.free == 0
        if !isFresh {
            index = unsafe Int(book.pointee.free &- 1)
            unsafe book.pointee.free = entries[index].next
        } else {
            index = fresh
            guard index < capacity else {
                _ = unsafe refusals.pointee.wrappingAdd(1, ordering: .relaxed)
                return nil
            }
        }
        let bucket = hash(key)
        unsafe entries[index].key = key.first
        unsafe entries[index].next = heads[bucket]
        unsafe entries[index].shape = shape
        unsafe expiry(index).pointee.store(expires, ordering: .relaxed)
        // Who counts must not see an entry before its word.
        if isFresh { unsafe self.fresh.pointee.store(fresh &+ 1, ordering: .releasing) }
        for part in 1..<max(1, width) { unsafe (rests + (index &* (width &- 1) &+ part &- 1)).initialize(to: key[part]) }
        if hasData { unsafe (data + index).initialize(to: value) }
        unsafe heads[bucket] = UInt32(truncatingIfNeeded: index &+ 1)
        let wantedShape = unsafe shapes[Int(shape & Self.shapeBits)]
        for step in 0..<wantedShape.count {
            let wanted = unsafe steps[wantedShape.first &+ step]
            let state = unsafe words + (index &* stride &+ wanted.place)
            let initial = wanted.words
            unsafe state.initialize(to: initial.0)
            unsafe (state + 1).initialize(to: initial.1)
        }
        return index
    }

    /// Evaluates the entry's statements, up to the first that ends the rule (`nft_set_elem_update_expr`).
    private func pass(_ index: Int, bytes size: UInt64, connection: CountedConnection, at now: UInt64) -> Bool {
        let shape = unsafe shapes[Int(entries[index].shape & Self.shapeBits)]
        for number in 0..<shape.count {
            let step = unsafe steps[shape.first &+ number]
            let state = unsafe words + (index &* stride &+ step.place)
            switch step.kind {
            case .counter:
                unsafe state.pointee &+= 1
                unsafe state[1] &+= size
            case .last: unsafe state.pointee = now
            case .limit:
                let (empty, passes) = unsafe step.bucket.after(state.pointee, bytes: size, at: now)
                unsafe state.pointee = empty
                if !passes { return false }
            case .quota:
                unsafe state.pointee &+= size
                if unsafe !step.quota.passes(state.pointee) { return false }
            case .connectionCount:
                if unsafe !step.bound.pass(connection, among: state, at: now) { return false }
            }
        }
        return true
    }
}
