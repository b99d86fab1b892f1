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

/// What the `ct count` statements of a program's rules have come to, shared by all workers as the kernel's are by all CPUs.
@safe
struct ConnectionLists: ~Copyable, @unchecked Sendable {
    private let bounds: FrozenArray<ConnectionBound>
    /// Where each statement's list begins.
    private let starts: FrozenArray<Int>
    private let words: UnsafeMutablePointer<UInt64>
    private let locks: UnsafeMutablePointer<Atomic<UInt32>>

    init(_ wanted: [ConnectionBound]) {
        bounds = FrozenArray(wanted)
        var starts: [Int] = []
        var end = 0
        for bound in wanted {
            starts.append(end)
            end += bound.words
        }
        self.starts = FrozenArray(starts)
        unsafe words = .allocate(capacity: end)
        unsafe locks = .allocate(capacity: wanted.count)
        for (index, start) in starts.enumerated() {
            unsafe (words + start).initialize(to: 0)
            unsafe (locks + index).initialize(to: Atomic(0))
        }
    }

    /// Bytes that `init` asks for.
    var byteCount: Int { (0..<bounds.count).reduce(0) { $0 + 8 * bounds[$1].words } }

    /// Writes to all memory, so that it is there before frames come. Only before the lists are used.
    func commit() {
        for index in 0..<bounds.count { unsafe (words + starts[index]).initialize(repeating: 0, count: bounds[index].words) }
    }

    deinit {
        unsafe locks.deinitialize(count: bounds.count)
        unsafe locks.deallocate()
        unsafe words.deallocate()
    }

    /// True if the list of this number lets a packet of the connection pass.
    @inline(never)
    func pass(_ connection: CountedConnection, list: Int, at now: UInt64) -> Bool {
        guard list >= 0, list < bounds.count else { return false }
        // A list changes as a whole. What is done under the lock calls nothing that waits.
        while unsafe !locks[list].compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {
            while unsafe locks[list].load(ordering: .relaxed) != 0 {}
        }
        defer { unsafe locks[list].store(0, ordering: .releasing) }
        return unsafe bounds[list].pass(connection, among: words + starts[list], at: now)
    }
}
