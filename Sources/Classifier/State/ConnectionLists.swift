import Ruleset
import Storage
import Synchronization

/// A `ct count`, with what does not change of it.
///
/// Its state is a list: the number of entries, then the entries. One more than the limit are enough to know that there are too
/// many; those beyond are not noted, and come in with a packet of their own, from who began them, when others have gone.
struct ConnectionBound: BitwiseCopyable, Sendable {
    let limit: Int
    let isOver: Bool

    init(_ count: ConnectionCount) {
        limit = Int(count.limit)
        isOver = count.isOver
    }

    private init() {
        (limit, isOver) = (0, false)
    }

    /// In the place of a bound where there is none.
    static let none = ConnectionBound()

    /// Beside the number of entries: there were more since the list was last empty.
    private static let isCutShort: UInt64 = 1 << 63

    /// 64-bit words that the state takes.
    var words: Int { limit + 2 }

    /// Words that all elements of a set may take: 1 GiB.
    static let mostWords = 1 << 27

    /// Takes out of a list what is no more, puts the packet's connection in, and says whether the packet passes
    /// (net/netfilter/nf_conncount.c, `__nf_conncount_add`; net/netfilter/nft_connlimit.c, `nft_connlimit_do_eval`).
    ///
    /// The kernel looks for dead connections once in a jiffy, and for a few at a time; here all are looked at with every packet, so that
    /// what is said depends on neither. A packet without a connection counts as one, as long as it is here.
    func pass(_ connection: CountedConnection, among list: UnsafeMutablePointer<UInt64>, at now: UInt64) -> Bool {
        let own = connection.entry
        let entries = unsafe list + 1
        let count = unsafe min(Int(truncatingIfNeeded: list.pointee & ~Self.isCutShort), limit &+ 1)
        var isCutShort = unsafe count > 0 ? list.pointee & Self.isCutShort : 0
        var kept = 0
        var isListed = false
        for place in 0..<count {
            let entry = unsafe entries[place]
            if entry == own {
                isListed = true
            } else if !connection.isAlive(entry, at: now) {
                continue
            }
            unsafe entries[kept] = entry
            kept &+= 1
        }
        if own != 0, !isListed, connection.counting == .begins || (connection.counting == .goesOn && isCutShort != 0) {
            if kept <= limit {
                unsafe (entries + kept).initialize(to: own)
                kept &+= 1
            } else {
                isCutShort = Self.isCutShort
            }
        }
        unsafe list.pointee = UInt64(truncatingIfNeeded: kept) | isCutShort
        return (kept &+ (connection.counting == .alone ? 1 : 0) > limit) == isOver
    }
}

/// One list by its memory.
@safe
struct ConnectionList: BitwiseCopyable, @unchecked Sendable {
    let bound: ConnectionBound
    /// A word for the lock, then the list.
    private let memory: UnsafeMutablePointer<UInt64>

    init(_ bound: ConnectionBound) {
        self.bound = bound
        unsafe memory = .allocate(capacity: 1 + bound.words)
        unsafe memory.initialize(repeating: 0, count: 2)
    }

    /// Writes to all memory, so that it is there before frames come. Only before the list is used.
    func commit() { unsafe memory.initialize(repeating: 0, count: 1 + bound.words) }

    func free() { unsafe memory.deallocate() }

    private var lock: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// True if it lets a packet of the connection pass.
    func pass(_ connection: CountedConnection, at now: UInt64) -> Bool {
        // A list changes as a whole. What is done under the lock calls nothing that waits.
        while unsafe !lock.pointee.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {
            while unsafe lock.pointee.load(ordering: .relaxed) != 0 {}
        }
        defer { unsafe lock.pointee.store(0, ordering: .releasing) }
        return unsafe bound.pass(connection, among: memory + 1, at: now)
    }
}

/// The memory of a list. A statement that is the same in the next program keeps it.
final class ConnectionListMemory: Sendable {
    let list: ConnectionList

    init(_ bound: ConnectionBound) { list = ConnectionList(bound) }

    deinit { list.free() }
}

/// What the `ct count` statements of a program's rules have come to, shared by all workers as the kernel's are by all CPUs.
struct ConnectionLists: ~Copyable, Sendable {
    private let lists: FrozenArray<ConnectionList>
    /// Who own the memory of the lists, in their order.
    let memories: [ConnectionListMemory]
    private let isKept: [Bool]

    /// - Parameter kept: The memory of lists that go on, by bound.
    init(_ wanted: [ConnectionBound], kept: [ConnectionListMemory?]) {
        isKept = wanted.indices.map { $0 < kept.count && kept[$0] != nil }
        memories = wanted.enumerated().map { index, bound in (index < kept.count ? kept[index] : nil) ?? ConnectionListMemory(bound) }
        lists = FrozenArray(memories.map(\.list))
    }

    /// Bytes of all lists.
    var byteCount: Int { memories.reduce(0) { $0 + 8 * $1.list.bound.words } }

    /// Takes the memory of new lists.
    func commit() {
        for (memory, isKept) in zip(memories, isKept) where !isKept { memory.list.commit() }
    }

    /// True if the list of this number lets a packet of the connection pass.
    @inline(never)
    func pass(_ connection: CountedConnection, list: Int, at now: UInt64) -> Bool {
        guard list >= 0, list < lists.count else { return false }
        return lists[list].pass(connection, at: now)
    }
}
