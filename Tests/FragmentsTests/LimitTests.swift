import Fragments
import FrameBuilder
import Testing

@Suite("Fragment limits")
struct LimitTests {
    private static func beginning(_ datagram: Int, source: Int, size: Int = 1400) -> [UInt8] {
        Part(0, [UInt8](repeating: 7, count: size / 8 * 8), more: true)
            .with {
                $0.identification = UInt32(datagram); $0.source = source
            }.frame
    }

    @Test("bytes never pass the limit, and what goes is the oldest of the heaviest", arguments: [512 << 10, 1 << 20, 4 << 20])
    func bytes(limit: Int) {
        var bench = Bench(.reassemble, FragmentLimits(bytes: limit, datagrams: 4096))
        // A modest host waits while another floods.
        bench.take(Self.beginning(1, source: 2))
        var most = 0
        for datagram in 0..<10_000 {
            bench.take(Self.beginning(datagram & 0xffff, source: 1))
            most = max(most, bench.gatherer.heldBytes)
        }
        #expect(most <= limit)
        #expect(most > limit / 8, "the limit is used")
        #expect(bench.leavings.allSatisfy { $0.frame != 0 }, "the modest host's stays")
        let frames = bench.leavings.map(\.frame)
        #expect(frames == frames.sorted(), "the oldest goes first")
        #expect(Set(bench.deaths) == [.limitPair])
    }

    @Test("a pair of hosts never holds more than its share")
    func share() {
        var bench = Bench(.reassemble, FragmentLimits(bytesPerPair: 64 << 10))
        for datagram in 0..<100 {
            bench.take(Self.beginning(datagram, source: 1))
            #expect(bench.gatherer.heldBytes <= 64 << 10)
        }
        #expect(Set(bench.deaths) == [.limitPair])
    }

    @Test("without a share for each pair the bytes' limit decides")
    func heaviest() {
        let limits = FragmentLimits(bytes: 512 << 10, bytesPerPair: 512 << 10)
        var bench = Bench(.reassemble, limits)
        bench.take(Self.beginning(1, source: 2))
        for datagram in 0..<1000 { bench.take(Self.beginning(datagram, source: 1)) }
        #expect(bench.leavings.allSatisfy { $0.frame != 0 })
        #expect(Set(bench.deaths) == [.limitBytes])
    }

    @Test("many pairs: the number of datagrams is the limit")
    func datagrams() {
        var bench = Bench(.reassemble, FragmentLimits(datagrams: 10))
        for source in 1...100 { bench.take(Self.beginning(1, source: source, size: 64)) }
        #expect(bench.gatherer.datagramCount == 10)
        #expect(bench.deaths == Array(repeating: .limitDatagrams, count: 90))
    }

    /// A flood, a datagram of one fragment from each of 5,000 addresses, and in the midst of it one datagram that is meant to be whole.
    private enum Forged {
        static let fragments = 14

        /// Of a datagram from a host of its own; nil of the honest one's next fragment. That begins when there is no room left, and has
        /// one among every fifty of the flood's.
        static let arrivals: [Int?] = (0..<5000).flatMap { number -> [Int?] in
            number >= 4000 && number < 4000 + 50 * fragments && number % 50 == 0 ? [number, nil] : [number]
        }
    }

    @Test("a flood under many addresses doesn't stop a long datagram", arguments: [64, 1400])
    func manySources(size: Int) {
        var bench = Bench()
        var place = 0
        for source in Forged.arrivals {
            guard let source else {
                bench.take(Part(1400 * place, [UInt8](repeating: 3, count: 1400), more: place < Forged.fragments - 1).frame)
                place += 1
                continue
            }
            bench.take(Self.beginning(1, source: 2 + source, size: size))
        }
        #expect(bench.judged == [[UInt8](repeating: 3, count: Forged.fragments * 1400)])
        #expect(Set(bench.deaths).isSubset(of: [.limitDatagrams, .limitBytes]) && !bench.deaths.isEmpty)
    }

    /// Why the heaviest pair is not always who makes room.
    @Test("by the rule that the heaviest pair makes room, that datagram would be lost", arguments: [true, false])
    func whoMakesRoom(isHeaviest: Bool) {
        /// Fragments that are held of each pair's only datagram, the oldest first.
        var held: [(pair: Int, fragments: Int)] = []
        var isWhole = false
        for arrival in Forged.arrivals {
            let pair = arrival ?? -1
            if let index = held.firstIndex(where: { $0.pair == pair }) {
                held[index].fragments += 1
                isWhole = isWhole || pair == -1 && held[index].fragments == Forged.fragments
            } else {
                held.append((pair, 1))
            }
            guard held.count > FragmentLimits().datagrams else { continue }
            let most = held.map(\.fragments).max() ?? 0
            held.remove(at: isHeaviest ? held.firstIndex { $0.fragments == most } ?? 0 : 0)
        }
        #expect(isWhole == !isHeaviest)
    }

    @Test("a datagram with too many fragments dies", arguments: [FragmentMode.reassemble, .track])
    func fragments(mode: FragmentMode) {
        var bench = Bench(mode, FragmentLimits(fragmentsPerDatagram: 5))
        for index in 0..<6 { bench.take(Part(8 * (index + 1), [UInt8](repeating: 1, count: 8), more: true).frame) }
        #expect(bench.deaths == Array(repeating: .limitFragments, count: 6))
    }

    @Test("a frame of any length finds room, the second time at the latest", arguments: [60, 1500, 9000, 60_000])
    func long(size: Int) {
        var bench = Bench(.reassemble, FragmentLimits(bytes: 512 << 10, datagrams: 256, bytesPerPair: 512 << 10))
        // Until there is room only for one more that is as long.
        for datagram in 0..<400 { bench.take(Self.beginning(datagram, source: 1)) }
        for datagram in 1000..<1020 {
            bench.take(Self.beginning(datagram, source: 1, size: size))
            #expect(bench.gatherer.datagramCount == bench.gatherer.heldFrames, "one that found no room leaves no datagram")
        }
        #expect(bench.gatherer.heldBytes > size)
        #expect(bench.leavings.contains { $0.frame == 400 } == (size > 1500), "the first that is longer finds none")
    }

    /// In a list alone each fragment of the low half would be looked for behind the whole high half.
    @Test("no order of arrival is slow", arguments: [FragmentMode.reassemble, .track])
    func order(mode: FragmentMode) {
        var bench = Bench(mode, FragmentLimits(bytes: 8 << 20, fragmentsPerDatagram: 8192, bytesPerPair: 8 << 20))
        let places = Array(4096..<8000) + Array(stride(from: 1, to: 4096, by: 2)) + Array(stride(from: 0, to: 4096, by: 2))
        for place in places { bench.take(Part(8 * place, [UInt8](repeating: UInt8(place & 0xff), count: 8), more: place < 7999).frame) }
        #expect(bench.released.sorted() == Array(places.indices))
        if mode == .reassemble { #expect(bench.judged == [(0..<64_000).map { UInt8(truncatingIfNeeded: $0 / 8) }]) }
    }

    /// Every fragment of another size, so that blocks are split and joined in every way.
    @Test("all memory comes back", arguments: [1, 2, 3] as [UInt64])
    func comesBack(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bench = Bench(.reassemble, FragmentLimits(bytes: 512 << 10, datagrams: 50, bytesPerPair: 100 << 10))
        for round in 0..<20_000 {
            let part = Part(
                8 * Int.random(in: 0..<100, using: &random), [UInt8](repeating: 1, count: 8 * Int.random(in: 1..<180, using: &random)),
                more: .random(using: &random)
            )
            .with {
                $0.identification = .random(in: 0..<20, using: &random); $0.source = .random(in: 1..<5, using: &random)
            }
            bench.take(part.frame, at: Double(round) / 100)
        }
        bench.expire(at: 1000)
        #expect(bench.gatherer.heldBytes == 0 && bench.gatherer.heldFrames == 0 && bench.gatherer.datagramCount == 0)
        #expect(bench.leavings.map(\.frame).sorted() == Array(0..<20_000))
    }
}
