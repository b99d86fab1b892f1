/// Which frames were seen at both ports: a table of a fixed size, by a hash of their bytes. What is older than a window of time makes room.
struct FrameCopies: ~Copyable {
    /// Nanoseconds within which a frame leaves by the other port.
    static let window: UInt64 = 250_000_000
    /// Hashes only the beginning and the end of a longer frame: the headers, and the sums and the last bytes of what follows.
    private static let hashedStart = 160
    private static let hashedEnd = 32

    /// Frames of the same bytes.
    private struct Entry {
        var tag: UInt32 = 0
        /// When the last of them came, in units of 2^20 ns.
        var time: UInt32 = 0
        /// Frames of each port that wait to be judged.
        var waiting: (UInt16, UInt16) = (0, 0)
        /// Frames that came in by each port and have not been seen at the other.
        var gone: (UInt16, UInt16) = (0, 0)

        var isEmpty: Bool { waiting == (0, 0) && gone == (0, 0) }

        mutating func change(_ port: UInt8, isWaiting: Bool, by step: Int) {
            func changed(_ count: UInt16) -> UInt16 { UInt16(clamping: Int(count) + step) }
            switch (isWaiting, port) {
            case (true, 0): waiting.0 = changed(waiting.0)
            case (true, _): waiting.1 = changed(waiting.1)
            case (false, 0): gone.0 = changed(gone.0)
            case (false, _): gone.1 = changed(gone.1)
            }
        }

        func count(_ port: UInt8, isWaiting: Bool) -> UInt16 {
            isWaiting ? port == 0 ? waiting.0 : waiting.1 : port == 0 ? gone.0 : gone.1
        }
    }

    private static let ways = 4
    private static let buckets = 8192
    private let entries = UnsafeMutablePointer<Entry>.allocate(capacity: ways * buckets)
    /// Nobody knows which frames share a place: captures are made where attackers are.
    private let key = UInt64.random(in: .min ... .max) | 1

    init() { entries.initialize(repeating: Entry(), count: Self.ways * Self.buckets) }

    deinit { entries.deallocate() }

    /// A hash of a frame's bytes.
    @inline(__always)
    func hash(_ bytes: UnsafeRawBufferPointer, length: Int) -> UInt64 {
        var state = key ^ UInt64(truncatingIfNeeded: length)
        func mix(_ word: UInt64) {
            let product = (state ^ word).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
            state = product.high ^ product.low
        }
        func add(_ range: Range<Int>) {
            var place = range.lowerBound
            while place &+ 8 <= range.upperBound {
                mix(bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                place &+= 8
            }
            var rest: UInt64 = 0
            while place < range.upperBound {
                rest = rest << 8 | UInt64(bytes[place])
                place &+= 1
            }
            mix(rest)
        }
        if bytes.count <= Self.hashedStart &+ Self.hashedEnd {
            add(0..<bytes.count)
        } else {
            add(0..<Self.hashedStart)
            add((bytes.count &- Self.hashedEnd)..<bytes.count)
        }
        return state
    }

    private static func ticks(_ time: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: time >> 20) }

    private func bucket(_ hash: UInt64) -> UnsafeMutablePointer<Entry> {
        entries + Int(truncatingIfNeeded: hash % UInt64(Self.buckets)) &* Self.ways
    }

    private func find(_ hash: UInt64) -> UnsafeMutablePointer<Entry>? {
        let bucket = bucket(hash)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        for way in 0..<Self.ways where bucket[way].tag == tag && !bucket[way].isEmpty { return bucket + way }
        return nil
    }

    /// Notes a frame that waits. Without room it goes by its sender.
    mutating func add(_ hash: UInt64, port: UInt8, time: UInt64) {
        let now = Self.ticks(time)
        if let entry = find(hash) {
            entry.pointee.time = now
            return entry.pointee.change(port, isWaiting: true, by: 1)
        }
        let bucket = bucket(hash)
        var chosen: UnsafeMutablePointer<Entry>?
        for way in 0..<Self.ways where bucket[way].waiting == (0, 0) {
            if chosen == nil || bucket[way].isEmpty || now &- bucket[way].time > now &- (chosen?.pointee.time ?? now) {
                chosen = bucket + way
                if bucket[way].isEmpty { break }
            }
        }
        guard let chosen else { return }
        chosen.pointee = Entry(tag: UInt32(truncatingIfNeeded: hash >> 32), time: now)
        chosen.pointee.change(port, isWaiting: true, by: 1)
    }

    enum Answer {
        /// It was seen at the other port before: it leaves by this one.
        case leaving
        /// Its copy follows at the other port.
        case entering
        case single
    }

    /// What a frame is whose turn it is, in the order of time.
    mutating func take(_ hash: UInt64, port: UInt8, time: UInt64) -> Answer {
        guard let entry = find(hash) else { return .single }
        let other = 1 &- min(port, 1)
        entry.pointee.change(port, isWaiting: true, by: -1)
        if entry.pointee.count(other, isWaiting: false) > 0 {
            // One that is long gone has had no copy.
            if Self.ticks(time) &- entry.pointee.time <= Self.ticks(Self.window) || entry.pointee.time &- Self.ticks(time) < 1 << 16 {
                entry.pointee.change(other, isWaiting: false, by: -1)
                return .leaving
            }
            entry.pointee.gone = (0, 0)
        }
        let hasCopy = entry.pointee.count(other, isWaiting: true) > 0
        return hasCopy ? .entering : .single
    }

    /// A frame has come in, and may be seen at the other port.
    mutating func note(_ hash: UInt64, port: UInt8, time: UInt64) {
        let now = Self.ticks(time)
        if let entry = find(hash) {
            entry.pointee.time = now
            return entry.pointee.change(port, isWaiting: false, by: 1)
        }
        add(hash, port: port, time: time)
        guard let entry = find(hash) else { return }
        entry.pointee.change(port, isWaiting: true, by: -1)
        entry.pointee.change(port, isWaiting: false, by: 1)
    }
}
