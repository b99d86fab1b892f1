import Synchronization

/// Entries that a worker shares with the kernel's program: a part of the map, which is mapped into this process.
@safe
public struct CarriedEntries: @unchecked Sendable {
    /// Number of the first entry in the map.
    public let first: UInt32
    public let count: Int
    private let base: UnsafeMutableRawPointer
    /// Keeps the memory.
    private let owner: any AnyObject & Sendable

    /// - Parameters:
    ///   - base: The entry of number `first`, aligned as memory pages are; `count` of them lie there as long as `owner` lives.
    @unsafe
    public init(first: UInt32, count: Int, base: UnsafeMutableRawPointer, owner: any AnyObject & Sendable) {
        self.first = first
        self.count = count
        unsafe self.base = base
        self.owner = owner
    }

    private func word(_ entry: Int, _ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (base + (entry &* CarriedEntry.size &+ offset)).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    private func double(_ entry: Int, _ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + (entry &* CarriedEntry.size &+ offset)).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    func load(_ entry: Int, _ offset: Int) -> UInt32 { unsafe word(entry, offset).pointee.load(ordering: .relaxed) }
    func load64(_ entry: Int, _ offset: Int) -> UInt64 { unsafe double(entry, offset).pointee.load(ordering: .relaxed) }
    func store(_ value: UInt32, _ entry: Int, _ offset: Int) { unsafe word(entry, offset).pointee.store(value, ordering: .relaxed) }
    func store64(_ value: UInt64, _ entry: Int, _ offset: Int) { unsafe double(entry, offset).pointee.store(value, ordering: .relaxed) }

    /// What the program has made of an entry before, seen in order.
    func loadOrdered(_ entry: Int, _ offset: Int) -> UInt64 {
        unsafe double(entry, offset).pointee.load(ordering: .sequentiallyConsistent)
    }

    /// What the program has to see before anything is looked at that follows.
    func storeOrdered(_ value: UInt32, _ entry: Int, _ offset: Int) {
        unsafe word(entry, offset).pointee.store(value, ordering: .sequentiallyConsistent)
    }

    /// Takes an entry's lock. The program holds it for less than a microsecond, and nothing interrupts it.
    func lock(_ entry: Int) {
        while unsafe !word(entry, CarriedEntry.lock).pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {}
    }

    func unlock(_ entry: Int) { unsafe word(entry, CarriedEntry.lock).pointee.store(0, ordering: .releasing) }

    /// Makes an entry one that nobody has used.
    func clear(_ entry: Int) {
        lock(entry)
        for offset in stride(from: CarriedEntry.raised, to: CarriedEntry.size, by: 8) { store64(0, entry, offset) }
        store(0, entry, CarriedEntry.generation)
        unlock(entry)
    }

    func setKey(_ key: CarriedKey, _ entry: Int) {
        for index in 0..<CarriedKey.size {
            unsafe base.storeBytes(
                of: key.bytes[index], toByteOffset: entry &* CarriedEntry.size &+ CarriedEntry.key &+ index, as: UInt8.self)
        }
    }

    /// The key that was set last.
    public func withKey<Result>(_ entry: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe body(UnsafeRawBufferPointer(start: base + (entry &* CarriedEntry.size &+ CarriedEntry.key), count: CarriedKey.size))
    }
}
