/// Memory of a fixed size, lent in blocks of 2^n units and taken back: a buddy allocator (Knowlton 1965).
///
/// All of it is allocated when it is made. Free blocks that are buddies are always joined, so how it can be lent depends on what is
/// lent and not on what was.
///
/// Invariant: `states[i]` is the order of the block that begins at unit i, with `State.free` if it is in the free list of its order,
/// and `State.inside` where no block begins. The links of a free list stand in the free blocks themselves.
@safe
struct BlockArena: ~Copyable, @unchecked Sendable {
    /// Bytes of the smallest block.
    static let unit = 128
    /// No block, where one could stand.
    static let none: Int32 = -1

    private enum State {
        static let free: UInt8 = 0x80
        static let inside: UInt8 = 0xff
    }

    /// Stands at the beginning of a free block.
    private struct Links: BitwiseCopyable {
        var next: Int32
        var previous: Int32
    }

    private static let orders = 24

    private let base: UnsafeMutableRawPointer
    private let states: UnsafeMutablePointer<UInt8>
    private let heads: UnsafeMutablePointer<Int32>
    private let unitCount: Int
    var byteCount: Int { unitCount &* Self.unit }
    /// Bytes that are not lent.
    private(set) var freeBytes = 0

    /// As many whole units as fit into that many bytes with what is known of each, between one and 2^24 of them.
    init(byteCount: Int) {
        let perUnit = Self.unit + MemoryLayout<UInt8>.stride
        let lists = (Self.orders + 1) * MemoryLayout<Int32>.stride
        unitCount = min(max((byteCount - lists) / perUnit, 1), 1 << Self.orders)
        unsafe base = .allocate(byteCount: unitCount * Self.unit, alignment: 64)
        unsafe states = .allocate(capacity: unitCount)
        unsafe states.initialize(repeating: State.inside, count: unitCount)
        unsafe heads = .allocate(capacity: Self.orders + 1)
        unsafe heads.initialize(repeating: Self.none, count: Self.orders + 1)
        var next = 0
        while next < unitCount {
            var order = min(next == 0 ? Self.orders : next.trailingZeroBitCount, Self.orders)
            while next + 1 << order > unitCount { order -= 1 }
            putIntoList(Int32(truncatingIfNeeded: next), order)
            next += 1 << order
        }
        freeBytes = unitCount * Self.unit
    }

    deinit {
        unsafe base.deallocate()
        unsafe states.deallocate()
        unsafe heads.deallocate()
    }

    /// Bytes of the block that is lent for that many.
    static func blockBytes(for byteCount: Int) -> Int { unit << order(for: byteCount) }

    private static func order(for byteCount: Int) -> Int {
        let units = max(1, (byteCount &+ unit &- 1) / unit)
        return Int.bitWidth &- (units &- 1).leadingZeroBitCount
    }

    /// True if a block of that many bytes could be lent now.
    func hasRoom(for byteCount: Int) -> Bool {
        var order = Self.order(for: byteCount)
        while order <= Self.orders {
            if unsafe heads[order] != Self.none { return true }
            order &+= 1
        }
        return false
    }

    /// Lends a block of at least that many bytes: the number of its first unit, or nil if none is free.
    mutating func take(_ byteCount: Int) -> Int32? {
        let wanted = Self.order(for: byteCount)
        var order = wanted
        while order <= Self.orders, unsafe heads[order] == Self.none { order &+= 1 }
        guard order <= Self.orders else { return nil }
        let block = unsafe heads[order]
        takeFromList(block, order)
        while order > wanted {
            order &-= 1
            putIntoList(block &+ Int32(truncatingIfNeeded: 1 << order), order)
        }
        unsafe states[Int(block)] = UInt8(truncatingIfNeeded: wanted)
        freeBytes &-= Self.unit << wanted
        return block
    }

    /// Takes a lent block back.
    mutating func giveBack(_ block: Int32) {
        var block = Int(block)
        guard block >= 0, block < unitCount, unsafe states[block] <= UInt8(Self.orders) else { return }
        var order = unsafe Int(states[block])
        freeBytes &+= Self.unit << order
        while order < Self.orders {
            let buddy = block ^ 1 << order
            guard buddy &+ 1 << order <= unitCount, unsafe states[buddy] == State.free | UInt8(truncatingIfNeeded: order) else { break }
            takeFromList(Int32(truncatingIfNeeded: buddy), order)
            unsafe states[max(block, buddy)] = State.inside
            block = min(block, buddy)
            order &+= 1
        }
        putIntoList(Int32(truncatingIfNeeded: block), order)
    }

    /// Bytes of a lent block.
    func blockBytes(at block: Int32) -> Int {
        let order = unsafe states[Int(block)]
        return order <= UInt8(Self.orders) ? Self.unit << Int(order) : 0
    }

    /// The first byte of a lent block; valid until it is given back.
    @unsafe
    func start(of block: Int32) -> UnsafeMutableRawPointer {
        unsafe base + Int(block) &* Self.unit
    }

    private func putIntoList(_ block: Int32, _ order: Int) {
        let head = unsafe heads[order]
        unsafe start(of: block).storeBytes(of: Links(next: head, previous: Self.none), as: Links.self)
        if head != Self.none { unsafe start(of: head).storeBytes(of: block, toByteOffset: 4, as: Int32.self) }
        unsafe heads[order] = block
        unsafe states[Int(block)] = State.free | UInt8(truncatingIfNeeded: order)
    }

    private func takeFromList(_ block: Int32, _ order: Int) {
        let links = unsafe start(of: block).load(as: Links.self)
        if links.previous == Self.none {
            unsafe heads[order] = links.next
        } else {
            unsafe start(of: links.previous).storeBytes(of: links.next, as: Int32.self)
        }
        if links.next != Self.none { unsafe start(of: links.next).storeBytes(of: links.previous, toByteOffset: 4, as: Int32.self) }
    }
}
