import Decisions

/// A datagram of which fragments are held, or tracked.
struct Datagram: BitwiseCopyable {
    var key: FragmentKey
    var pair: Int32
    /// Nanoseconds on the caller's clock at which it dies if it isn't whole.
    var deadline: UInt64
    /// In its bucket, or in the list of free records.
    var next: Int32 = -1
    /// Neighbours among all datagrams of its IP version, by age; after its end `laterBorn` is the next one to depart.
    var laterBorn: Int32 = -1
    var earlierBorn: Int32 = -1
    /// Neighbours among its pair's, by age.
    var laterOfPair: Int32 = -1
    var earlierOfPair: Int32 = -1
    /// Fragments by arrival.
    var firstArrived = BlockArena.none
    var lastArrived = BlockArena.none
    /// Fragments by offset.
    var lowest = BlockArena.none
    var highest = BlockArena.none
    /// Root of the tree by offset.
    var root = BlockArena.none
    var fragmentCount: Int32 = 0
    /// Bytes of its blocks.
    var blockBytes: Int32 = 0
    /// Bytes of the datagram that have come.
    var gathered: Int32 = 0
    /// Bytes that it has in all; -1 until its last fragment has come.
    var total: Int32 = -1
    /// Bit n: a fragment with the ECN field n has come.
    var congestion: UInt8 = 0
    /// A fragment leaves its transport checksum to hardware.
    var hasPartialChecksum = false
    /// Bytes of the largest packet among its fragments, padding included.
    var longest: Int32 = 0
    /// What the rules said of it, in the mode that asks them before it is whole, or when it departs.
    var ruling: Decision?
    /// It has died, and holds nothing: why the rest dies that may come.
    var death: FragmentDeath?

    init(key: FragmentKey, pair: Int32, deadline: UInt64) {
        self.key = key
        self.pair = pair
        self.deadline = deadline
    }

    var isWhole: Bool { total >= 0 && gathered == total }
}

/// Datagrams by their key and by their age; all memory is allocated when the table is made.
///
/// Every datagram waits as long as all others of its IP version, so that the first of a list by age is the first to die: no search.
@safe
struct DatagramTable: ~Copyable, @unchecked Sendable {
    private let records: UnsafeMutablePointer<Datagram>
    private let buckets: UnsafeMutablePointer<Int32>
    private let bucketMask: Int
    private var firstFree: Int32 = 0
    /// The eldest and the youngest of IPv4 and of IPv6.
    private var eldest: (Int32, Int32) = (-1, -1)
    private var youngest: (Int32, Int32) = (-1, -1)
    private(set) var count = 0

    init(capacity: Int) {
        let bucketCount = Self.bucketCount(for: capacity)
        bucketMask = bucketCount - 1
        unsafe records = .allocate(capacity: capacity)
        unsafe buckets = .allocate(capacity: bucketCount)
        unsafe buckets.initialize(repeating: -1, count: bucketCount)
        for index in 0..<capacity {
            var record = Datagram(key: .empty, pair: -1, deadline: 0)
            record.next = index + 1 < capacity ? Int32(truncatingIfNeeded: index + 1) : -1
            unsafe (records + index).initialize(to: record)
        }
    }

    deinit {
        unsafe records.deallocate()
        unsafe buckets.deallocate()
    }

    /// A power of two, from which a mask takes a place.
    static func bucketCount(for capacity: Int) -> Int {
        var count = 1
        while count < capacity { count *= 2 }
        return count
    }

    /// Bytes that the whole table takes.
    static func bytes(for capacity: Int) -> Int {
        capacity * MemoryLayout<Datagram>.stride + bucketCount(for: capacity) * MemoryLayout<Int32>.stride
    }

    subscript(index: Int32) -> Datagram {
        @inline(__always) get { unsafe records[Int(index)] }
        @inline(__always) nonmutating _modify { yield unsafe &records[Int(index)] }
    }

    var isFull: Bool { firstFree < 0 }

    private func bucket(of key: FragmentKey) -> Int { key.hashValue & bucketMask }

    func index(of key: FragmentKey) -> Int32? {
        var index = unsafe buckets[bucket(of: key)]
        while index >= 0 {
            if self[index].key == key { return index }
            index = self[index].next
        }
        return nil
    }

    /// Adds a datagram as the youngest; nil if the table is full.
    mutating func insert(_ datagram: Datagram) -> Int32? {
        guard firstFree >= 0 else { return nil }
        let index = firstFree
        firstFree = self[index].next
        self[index] = datagram
        let bucket = bucket(of: datagram.key)
        self[index].next = unsafe buckets[bucket]
        unsafe buckets[bucket] = index
        let before = datagram.key.isIPv6 ? youngest.1 : youngest.0
        self[index].earlierBorn = before
        self[index].laterBorn = -1
        if before >= 0 { self[before].laterBorn = index } else { setEldest(index, datagram.key.isIPv6) }
        setYoungest(index, datagram.key.isIPv6)
        count &+= 1
        return index
    }

    /// Takes a datagram out of all lists; its record stays until `free`.
    mutating func unlink(_ index: Int32) {
        let datagram = self[index]
        let bucket = bucket(of: datagram.key)
        if unsafe buckets[bucket] == index {
            unsafe buckets[bucket] = datagram.next
        } else {
            var before = unsafe buckets[bucket]
            while before >= 0, self[before].next != index { before = self[before].next }
            if before >= 0 { self[before].next = datagram.next }
        }
        if datagram.earlierBorn >= 0 {
            self[datagram.earlierBorn].laterBorn = datagram.laterBorn
        } else {
            setEldest(datagram.laterBorn, datagram.key.isIPv6)
        }
        if datagram.laterBorn >= 0 {
            self[datagram.laterBorn].earlierBorn = datagram.earlierBorn
        } else {
            setYoungest(datagram.earlierBorn, datagram.key.isIPv6)
        }
        self[index].laterBorn = -1
        count &-= 1
    }

    /// Makes an unlinked datagram's record one that can be used again.
    mutating func free(_ index: Int32) {
        self[index].next = firstFree
        firstFree = index
    }

    /// The datagram of one IP version that dies next.
    func eldest(isIPv6: Bool) -> Int32? {
        let index = isIPv6 ? eldest.1 : eldest.0
        return index >= 0 ? index : nil
    }

    private mutating func setEldest(_ index: Int32, _ isIPv6: Bool) {
        if isIPv6 { eldest.1 = index } else { eldest.0 = index }
    }

    private mutating func setYoungest(_ index: Int32, _ isIPv6: Bool) {
        if isIPv6 { youngest.1 = index } else { youngest.0 = index }
    }
}
