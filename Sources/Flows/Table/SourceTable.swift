import Storage

/// Who began the flows that may have to make room, and who began the most of them.
///
/// Sources share places by a keyed hash, an IPv6 /64 counting as one source: nobody can choose whom to share with, and the memory
/// does not grow with the sources. The heaviest place is at the top of a binary heap, so that asking for it costs nothing.
///
/// Invariant: `heap[position of p] == p` for every place; `heap[i]` counts at least as many flows as its children.
struct SourceTable: ~Copyable, Sendable {
    struct Place: BitwiseCopyable {
        var count: Int32 = 0
        /// The ends of its list.
        var oldest = FlowAccount.none
        var newest = FlowAccount.none
        var heapPosition: Int32 = 0
    }

    private let places: FixedArray<Place>
    private let heap: FixedArray<Int32>
    let placeCount: Int

    static func placeCount(for capacity: Int) -> Int { max(1, capacity / 32) }
    static let bytesPerPlace = MemoryLayout<Place>.stride + MemoryLayout<Int32>.stride

    init(capacity: Int) {
        placeCount = Self.placeCount(for: capacity)
        places = FixedArray(repeating: Place(), count: placeCount)
        heap = FixedArray(repeating: 0, count: placeCount)
        for index in 0..<placeCount {
            let number = Int32(truncatingIfNeeded: index)
            places[index].heapPosition = number
            heap[index] = number
        }
    }

    subscript(place: Int) -> Place {
        @inline(__always) get { places[place] }
        @inline(__always) nonmutating _modify { yield &places[place] }
    }

    /// Where a source's flows are listed.
    func place(of source: UInt128, isIPv6: Bool, _ hash: KeyedHash) -> Int {
        KeyedHash.place(of: hash.mix(isIPv6 ? source >> 64 : source, isIPv6 ? 1 : 2), among: placeCount)
    }

    /// The place with the most flows; nil if none has any.
    var heaviest: Int? {
        let place = Int(heap[0])
        return self[place].count > 0 ? place : nil
    }

    mutating func add(_ place: Int) {
        self[place].count &+= 1
        rise(from: Int(self[place].heapPosition))
    }

    mutating func subtract(_ place: Int) {
        self[place].count &-= 1
        sink(from: Int(self[place].heapPosition))
    }

    private func put(_ place: Int32, at position: Int) {
        heap[position] = place
        self[Int(place)].heapPosition = Int32(truncatingIfNeeded: position)
    }

    private func count(at position: Int) -> Int32 { places[Int(heap[position])].count }

    private func rise(from start: Int) {
        var position = start
        let place = heap[position]
        while position > 0 {
            let parent = (position &- 1) / 2
            guard count(at: parent) < self[Int(place)].count else { break }
            put(heap[parent], at: position)
            position = parent
        }
        put(place, at: position)
    }

    private func sink(from start: Int) {
        var position = start
        let place = heap[position]
        while true {
            var child = 2 &* position &+ 1
            guard child < placeCount else { break }
            if child &+ 1 < placeCount, count(at: child &+ 1) > count(at: child) { child &+= 1 }
            guard count(at: child) > self[Int(place)].count else { break }
            put(heap[child], at: position)
            position = child
        }
        put(place, at: position)
    }
}
