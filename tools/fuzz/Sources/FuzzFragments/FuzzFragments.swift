import Decisions
import Fragments
import Wire

/// The first byte chooses mode and limits; each step of the bytes behind it is a fragment and the time that passes before it. Each frame
/// leaves once and as it came, all memory comes back, and what is judged is what any receiver makes of the frames that leave.
@c(LLVMFuzzerTestOneInput)
public func fuzzFragments(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let bytes, count > 1 else { return 0 }
    var bench = Bench(UnsafeBufferPointer(start: bytes, count: count))
    bench.run()
    return 0
}

/// A fragment as it was sent.
struct Sent {
    var datagram: UInt8
    var isIPv6: Bool
    var offset: Int
    var payload: [UInt8]
    var more: Bool
    var frame: [UInt8]
    var hasLeft = false
}

struct Bench: ~Copyable {
    private var input: Reader
    private var gatherer: FragmentGatherer
    private var sent: [Sent] = []
    /// Fragments of which a datagram was judged, until they have left.
    private var judged: [UInt8]?
    private var released: [Int] = []
    private var ruled = 0
    private var now: UInt64 = 0
    private let mode: FragmentMode

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        input = Reader(bytes: bytes)
        let choice = input.byte()
        mode = choice & 1 == 0 ? .reassemble : .track
        let limits =
            choice & 2 == 0
            ? FragmentLimits(bytes: 1 << 20)
            : FragmentLimits(
                bytes: FragmentLimits.smallestBytes, datagrams: 1 + Int(choice >> 4), fragmentsPerDatagram: 2 + Int(choice >> 2 & 3) * 20,
                bytesPerPair: 20_000)
        gatherer = FragmentGatherer(mode: mode, limits: limits)
    }

    mutating func run() {
        while !input.isAtEnd, sent.count < 400 {
            let (kind, place, size, time) = (input.byte(), input.byte(), input.byte(), input.byte())
            if time > 250 { now &+= UInt64(time) &* 1_000_000_000 / 10 }
            gatherer.expire(now: now)
            depart()
            step(kind, place, size)
        }
        gatherer.expire(now: now &+ 61_000_000_000)
        depart()
        check(sent.allSatisfy(\.hasLeft), "a frame has not left")
        check(gatherer.heldFrames == 0 && gatherer.heldBytes == 0 && gatherer.datagramCount == 0, "memory is not back")
        check(gatherer.deadline == nil, "something waits")
    }

    private mutating func step(_ kind: UInt8, _ place: UInt8, _ size: UInt8) {
        let fragment = Sent(
            datagram: kind & 3, isIPv6: kind & 4 != 0, offset: place > 250 ? 65_536 - 8 * (256 - Int(place)) : 8 * Int(place & 63),
            payload: [UInt8](repeating: kind >> 6 &+ place & 1, count: size > 200 ? Int(size) &* 7 : 8 * Int(size & 15)),
            more: kind & 8 != 0, frame: [])
        var made = fragment
        made.frame = frame(of: fragment, congestion: kind >> 4 & 3, source: place >> 6 & 1)
        let number = sent.count
        sent.append(made)
        let bytes = made.frame.span.bytes
        let parsed = ParsedFrame.parse(bytes, tag: nil)
        guard parsed.malformation == nil, parsed.isFragment else {
            sent[number].hasLeft = true
            return
        }
        switch gatherer.take(bytes, parsed, frameTag: FrameTag(), ingress: 0, now: now, time: UInt64(number)) {
        case .held: break
        case .whole:
            guard gatherer.assemble() else {
                gatherer.abandon(.tooLong)
                break
            }
            let assembled = gatherer.assembled
            let whole = ParsedFrame.parse(assembled.bytes, tag: nil)
            check(whole.malformation == nil && !whole.isFragment, "the whole is no packet")
            judged = Array(assembled[whole.transportOffset..<whole.networkEnd])
            conclude()
        case .first:
            conclude()
            leave(number)
        case .follows, .dies: leave(number)
        }
        depart()
        if let judged {
            // Whoever prefers the first of two, and whoever prefers the last, sees what was judged.
            check(map(released) == judged && map(released.reversed()) == judged, "another datagram than was judged")
            self.judged = nil
        }
        released = []
        check(gatherer.heldBytes <= gatherer.limits.bytes, "more than the limit")
    }

    private mutating func conclude() {
        ruled += 1
        gatherer.conclude(Decision(.accept, byRule: RuleIndex(ruled)))
    }

    private mutating func leave(_ number: Int) {
        check(!sent[number].hasLeft, "a frame leaves twice")
        sent[number].hasLeft = true
    }

    private mutating func depart() {
        var last = -1
        repeat {
            while let held = gatherer.nextDeparture() {
                let number = Int(held.time)
                leave(number)
                check([UInt8](UnsafeRawBufferPointer(start: held.start, count: held.length)) == sent[number].frame, "a frame has changed")
                guard case .ruled = held.outcome else { continue }
                check(last < number, "out of order")
                last = number
                released.append(number)
            }
        } while gatherer.finishDepartures()
    }

    /// The datagram that frames make, the later over the earlier; nil if they make none.
    private func map(_ numbers: [Int]) -> [UInt8]? {
        var bytes: [Int: UInt8] = [:]
        var end: Int?
        for number in numbers {
            let fragment = sent[number]
            for (index, byte) in fragment.payload.enumerated() { bytes[fragment.offset + index] = byte }
            if !fragment.more { end = fragment.offset + fragment.payload.count }
        }
        guard let end, bytes.count == end else { return nil }
        return (0..<end).map { bytes[$0] ?? 0 }
    }

    private func frame(of fragment: Sent, congestion: UInt8, source: UInt8) -> [UInt8] {
        var frame: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
        let units = UInt16(truncatingIfNeeded: fragment.offset >> 3)
        if fragment.isIPv6 {
            frame += [0x86, 0xdd, 0x60, congestion << 4, 0, 0] + words(UInt16(8 + fragment.payload.count)) + [44, 64]
            frame += [UInt8](repeating: 0, count: 15) + [source] + [UInt8](repeating: 0, count: 15) + [9, 253, 0]
            frame += words(units << 3 | (fragment.more ? 1 : 0)) + [0, 0, 0, fragment.datagram]
        } else {
            frame += [8, 0, 0x45, congestion] + words(UInt16(20 + fragment.payload.count)) + [0, fragment.datagram]
            frame += words(units | (fragment.more ? 0x2000 : 0)) + [64, 253, 0, 0, 10, 0, 0, source, 10, 0, 0, 9]
        }
        return frame + fragment.payload
    }

    private func words(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
}

/// The input, byte after byte; zeros behind its end.
struct Reader {
    let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }

    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return 0 }
        position += 1
        return bytes[position - 1]
    }
}

/// Ends the run unless it holds: libFuzzer keeps the input.
func check(_ holds: Bool, _ finding: String) {
    if !holds { fatalError(finding) }
}
