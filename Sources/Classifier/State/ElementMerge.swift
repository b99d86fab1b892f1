import Synchronization

/// The elements of a file on their way into a set that goes on, and back out of it.
final class ElementMerge {
    private enum Step {
        case declare(Int)
        case sweep(Int)
        /// Once more, if there was no room for all before the others were gone.
        case again(Int)
        case done
        /// Takes out what was put in.
        case takeOut(Int)
        /// Puts back what was taken out.
        case putBack(Int)
    }

    private let memory: DynamicSetMemory
    private let elements: [DynamicSetPlan.Element]
    private let epoch: UInt32
    private var step = Step.declare(0)
    private(set) var refused = 0
    /// nil where it is not to be taken back.
    private var record: MergeRecord?

    init(_ memory: DynamicSetMemory, _ elements: [DynamicSetPlan.Element]) {
        self.memory = memory
        self.elements = elements
        epoch = memory.nextEpoch()
    }

    var isDone: Bool { if case .done = step { true } else { false } }

    /// Notes from now on what is changed.
    func beginRecord() { record = MergeRecord(memory.set, elements: elements.count) }

    /// Goes back from where it is.
    func takeBack() { if record != nil { step = .takeOut(0) } }

    /// Looks at that many elements.
    func go(on count: Int, at now: UInt64) {
        switch step {
        case .declare(let place):
            let end = declare(from: place, count, at: now)
            step = end < elements.count ? .declare(end) : .sweep(0)
        case .sweep(let place):
            if let next = memory.set.sweep(from: place, count: count, keeping: epoch, record) {
                step = .sweep(next)
            } else {
                step = refused > 0 ? .again(0) : .done
                if refused > 0 { refused = 0 }
            }
        case .again(let place):
            let end = declare(from: place, count, at: now)
            step = end < elements.count ? .again(end) : .done
        case .takeOut(let place):
            let end = min(record?.inserted.count ?? 0, place + count)
            for number in place..<max(place, end) {
                guard let record else { break }
                memory.set.takeOut(elements[Int(record.inserted[number])].key, epoch: epoch, at: now)
            }
            step = end < record?.inserted.count ?? 0 ? .takeOut(end) : .putBack(0)
        case .putBack(let place):
            let end = min(record?.changed.count ?? 0, place + count)
            for number in place..<max(place, end) {
                guard let record else { break }
                memory.set.putBack(record.changed[number], record.words(number), at: now)
            }
            step = end < record?.changed.count ?? 0 ? .putBack(end) : .done
        case .done: break
        }
    }

    private func declare(from place: Int, _ count: Int, at now: UInt64) -> Int {
        let end = min(elements.count, place + count)
        for index in place..<max(place, end) where !memory.set.declare(elements[index], index, epoch: epoch, record, at: now) {
            refused += 1
        }
        return end
    }
}

/// What a merge has changed in a set. It has room for all from the start: who fills it may not wait for memory.
final class MergeRecord {
    /// An element as it was.
    struct Changed: BitwiseCopyable {
        var key: PackedKey
        var data: UInt128
        var expires: UInt64
        var shape: UInt32
        /// Nothing but the time that it lives was changed.
        var isThere: Bool
    }

    /// Indices of the file's elements that were not there before.
    private(set) var inserted: [UInt32] = []
    private(set) var changed: [Changed] = []
    /// Of `changed`, one after another.
    private var states: [UInt64] = []
    private let stride: Int

    init(_ set: DynamicSet, elements: Int) {
        stride = set.stride
        // Each entry can be changed once. Rules may bring a few while the merge goes on.
        let entries = unsafe set.fresh.pointee.load(ordering: .acquiring) + 256
        inserted.reserveCapacity(elements)
        changed.reserveCapacity(entries)
        states.reserveCapacity(entries * stride)
    }

    func noteInsertion(_ index: Int) { if inserted.count < inserted.capacity { inserted.append(UInt32(truncatingIfNeeded: index)) } }

    /// Notes an entry before it is changed. Under the set's lock.
    func note(_ set: DynamicSet, _ index: Int, isThere: Bool = false) {
        guard changed.count < changed.capacity else { return }
        unsafe changed.append(
            Changed(
                key: set.key(at: index), data: set.hasData ? set.data[index] : 0,
                expires: set.expiry(index).pointee.load(ordering: .relaxed), shape: set.entries[index].shape, isThere: isThere))
        for word in 0..<stride { unsafe states.append(set.words[index * stride + word]) }
    }

    /// The states of an element's statements.
    func words(_ number: Int) -> ArraySlice<UInt64> { states[number * stride..<(number + 1) * stride] }
}

extension DynamicSet {
    /// Brings in an element of the file, and marks it with the file's epoch.
    ///
    /// One that is there stays as it is, with what it has counted and the time that is left to it, unless the file says something else of it:
    /// another value, other statements, or that it lives for ever where it did not, or the other way round.
    /// - Parameters:
    ///   - number: The element's among those of the file.
    ///   - record: Notes what is changed.
    /// - Returns: False if there is no room for it.
    func declare(
        _ element: DynamicSetPlan.Element, _ number: Int = 0, epoch: UInt32, _ record: MergeRecord? = nil, at now: UInt64
    ) -> Bool {
        acquire()
        defer { release() }
        let marked = element.shape | epoch << Self.epochShift
        let expires = Self.end(element.timeout == 0 ? timeout : element.timeout, from: now)
        if let index = find(element.key, at: now) {
            let isSame = unsafe entries[index].shape & Self.shapeBits == element.shape && (!hasData || data[index] == element.data)
            if isSame {
                let current = unsafe expiry(index).pointee.load(ordering: .relaxed)
                if (current == Self.forever) != (expires == Self.forever) {
                    record?.note(self, index, isThere: true)
                    unsafe expiry(index).pointee.store(expires, ordering: .relaxed)
                }
                unsafe entries[index].shape = marked
                return true
            }
            record?.note(self, index)
            remove(element.key)
        }
        guard insert(element.key, data: element.data, expires: expires, shape: marked, at: now) != nil else { return false }
        record?.noteInsertion(number)
        return true
    }

    /// Takes out the elements that another file had and this one has not. What rules and the control socket have put in stays.
    /// - Returns: Where to go on; nil after the last.
    func sweep(from place: Int, count: Int, keeping epoch: UInt32, _ record: MergeRecord? = nil) -> Int? {
        let fresh = unsafe self.fresh.pointee.load(ordering: .acquiring)
        let end = min(fresh, place + count)
        for index in place..<max(place, end) {
            acquire()
            let mark = unsafe entries[index].shape >> Self.epochShift
            if mark != 0, mark != epoch, unsafe expiry(index).pointee.load(ordering: .relaxed) != 0 {
                record?.note(self, index)
                remove(key(at: index))
            }
            release()
        }
        return end < fresh ? end : nil
    }

    /// Takes out an element that a merge has put in.
    fileprivate func takeOut(_ key: PackedKey, epoch: UInt32, at now: UInt64) {
        acquire()
        defer { release() }
        if let index = find(key, at: now), unsafe entries[index].shape >> Self.epochShift == epoch { remove(key) }
    }

    /// Puts back an element that a merge has taken out; one that has been put in since stays.
    fileprivate func putBack(_ element: MergeRecord.Changed, _ states: ArraySlice<UInt64>, at now: UInt64) {
        guard element.expires > now else { return }
        acquire()
        defer { release() }
        if let index = find(element.key, at: now) {
            if element.isThere { unsafe expiry(index).pointee.store(element.expires, ordering: .relaxed) }
            return
        }
        guard !element.isThere,
            let index = insert(element.key, data: element.data, expires: element.expires, shape: element.shape, at: now)
        else { return }
        for (word, state) in states.enumerated() { unsafe words[index * stride + word] = state }
    }
}
