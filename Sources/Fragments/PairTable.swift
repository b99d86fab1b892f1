/// One host that sends fragments to one other.
struct HostPair: Hashable, BitwiseCopyable {
    var source: UInt128
    var destination: UInt128
}

/// The pairs of hosts of which fragments are held, and which of them holds the most.
///
/// The heaviest is at the top of a binary heap, so that asking for it costs nothing and a change a few steps. No more pairs than
/// datagrams: all memory is allocated when the table is made.
///
/// Invariant: `heap[positions of p] == p` for every pair in use; `heap[i]` holds at least as many bytes as its children.
@safe
struct PairTable: ~Copyable, @unchecked Sendable {
    struct Entry: BitwiseCopyable {
        var pair = HostPair(source: 0, destination: 0)
        /// In its bucket, or in the list of free entries.
        var next: Int32 = -1
        var heapPosition: Int32 = -1
        var bytes = 0
        /// Its datagrams, the oldest first.
        var oldest: Int32 = -1
        var newest: Int32 = -1
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let buckets: UnsafeMutablePointer<Int32>
    private let bucketMask: Int
    private let heap: UnsafeMutablePointer<Int32>
    private var heapCount = 0
    private var firstFree: Int32

    init(capacity: Int) {
        let bucketCount = DatagramTable.bucketCount(for: capacity)
        bucketMask = bucketCount - 1
        unsafe entries = .allocate(capacity: capacity)
        unsafe entries.initialize(repeating: Entry(), count: capacity)
        unsafe buckets = .allocate(capacity: bucketCount)
        unsafe buckets.initialize(repeating: -1, count: bucketCount)
        unsafe heap = .allocate(capacity: capacity)
        unsafe heap.initialize(repeating: -1, count: capacity)
        for index in 0..<capacity - 1 { unsafe entries[index].next = Int32(truncatingIfNeeded: index + 1) }
        firstFree = 0
    }

    deinit {
        unsafe entries.deallocate()
        unsafe buckets.deallocate()
        unsafe heap.deallocate()
    }

    /// Bytes that the whole table takes.
    static func bytes(for capacity: Int) -> Int {
        capacity * (MemoryLayout<Entry>.stride + MemoryLayout<Int32>.stride)
            + DatagramTable.bucketCount(for: capacity) * MemoryLayout<Int32>.stride
    }

    subscript(index: Int32) -> Entry {
        @inline(__always) get { unsafe entries[Int(index)] }
        @inline(__always) set { unsafe entries[Int(index)] = newValue }
    }

    /// The pair that holds the most, or nil if none holds anything.
    var heaviest: Int32? { heapCount > 0 ? unsafe heap[0] : nil }

    private func bucket(of pair: HostPair) -> Int { pair.hashValue & bucketMask }

    /// The entry of a pair, made if there is none; nil if all are in use.
    mutating func entry(of pair: HostPair) -> Int32? {
        let bucket = bucket(of: pair)
        var index = unsafe buckets[bucket]
        while index >= 0 {
            if self[index].pair == pair { return index }
            index = self[index].next
        }
        guard firstFree >= 0 else { return nil }
        index = firstFree
        firstFree = self[index].next
        self[index] = Entry(pair: pair, next: unsafe buckets[bucket], heapPosition: Int32(truncatingIfNeeded: heapCount))
        unsafe buckets[bucket] = index
        unsafe heap[heapCount] = index
        heapCount &+= 1
        return index
    }

    /// Counts bytes that the pair holds more, or less.
    mutating func add(_ bytes: Int, to index: Int32) {
        self[index].bytes &+= bytes
        if bytes > 0 { rise(from: Int(self[index].heapPosition)) } else { sink(from: Int(self[index].heapPosition)) }
    }

    /// Forgets a pair that holds nothing any more.
    mutating func remove(_ index: Int32) {
        let position = Int(self[index].heapPosition)
        heapCount &-= 1
        if position < heapCount {
            place(unsafe heap[heapCount], at: position)
            rise(from: position)
            sink(from: position)
        }
        let bucket = bucket(of: self[index].pair)
        if unsafe buckets[bucket] == index {
            unsafe buckets[bucket] = self[index].next
        } else {
            var before = unsafe buckets[bucket]
            while before >= 0, self[before].next != index { before = self[before].next }
            if before >= 0 { self[before].next = self[index].next }
        }
        self[index].next = firstFree
        firstFree = index
    }

    private mutating func place(_ index: Int32, at position: Int) {
        unsafe heap[position] = index
        self[index].heapPosition = Int32(truncatingIfNeeded: position)
    }

    private func bytes(at position: Int) -> Int { unsafe entries[Int(heap[position])].bytes }

    private mutating func rise(from start: Int) {
        var position = start
        let index = unsafe heap[position]
        while position > 0 {
            let parent = (position &- 1) / 2
            guard bytes(at: parent) < self[index].bytes else { break }
            place(unsafe heap[parent], at: position)
            position = parent
        }
        place(index, at: position)
    }

    private mutating func sink(from start: Int) {
        var position = start
        let index = unsafe heap[position]
        while true {
            var child = 2 &* position &+ 1
            guard child < heapCount else { break }
            if child &+ 1 < heapCount, bytes(at: child &+ 1) > bytes(at: child) { child &+= 1 }
            guard bytes(at: child) > self[index].bytes else { break }
            place(unsafe heap[child], at: position)
            position = child
        }
        place(index, at: position)
    }
}
