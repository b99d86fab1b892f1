import Fragments
import FrameBuilder
import Testing

/// A sequence, with what becomes of each of its frames.
struct DeathCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var mode = FragmentMode.reassemble
    var parts: [Part]
    /// By frame; nil: let through.
    var deaths: [FragmentDeath?]

    init(_ description: String, _ mode: FragmentMode, _ deaths: [FragmentDeath?], _ parts: () -> [Part]) {
        testDescription = description
        self.mode = mode
        self.deaths = deaths
        self.parts = parts()
    }

    init(_ description: String, _ deaths: [FragmentDeath?], _ parts: () -> [Part]) {
        self.init(description, .reassemble, deaths, parts)
    }
}

private func bytes(_ count: Int, from start: Int = 0) -> [UInt8] { (start..<start + count).map { UInt8(truncatingIfNeeded: $0) } }

@Suite("Fragment deaths")
struct DeathTests {
    /// Of 24 bytes: 0 to 8, 8 to 16, 16 to 24, each with its place for its value.
    private static let parts = [
        Part(0, bytes(8), more: true), Part(8, bytes(8, from: 8), more: true), Part(16, bytes(8, from: 16), more: false),
    ]
    private static let (a, b, c) = (parts[0], parts[1], parts[2])

    static let cases: [DeathCase] = [
        DeathCase("in order", [nil, nil, nil]) { [a, b, c] },
        DeathCase("backwards", [nil, nil, nil]) { [c, b, a] },
        DeathCase("never whole", [.timeout, .timeout]) { [a, c] },
        //  |aaaaaaaa|
        //  |aaaaaaaa|
        //           |bbbbbbbb|cccccccc|
        DeathCase("a duplicate is ignored", [nil, .duplicate, nil, nil]) { [a, a, b, c] },
        DeathCase("a duplicate of the last is ignored", [nil, .duplicate, nil, nil]) { [c, c, b, a] },
        //  |aaaaaaaa|bbbbbbbb|
        //  |xxxxxxxx|
        DeathCase("the same place with other bytes", [.overlap, .overlap, .overlap, .timeout]) {
            [a, b, a.with { $0.bytes[3] ^= 1 }, c]
        },
        //  |aaaaaaaa|
        //      ... |xxxxxxxxxxxxxxxx|
        // A duplicate says the same of the end, too.
        DeathCase("the same bytes with more-fragments turned off", [.overlap, .overlap]) { [b, b.with { $0.more = false }] },
        DeathCase("the same bytes with more-fragments turned on", [.overlap, .overlap]) { [c, c.with { $0.more = true }] },
        DeathCase("into the next one", [.overlap, .overlap]) { [b, Part(0, bytes(16), more: true)] },
        DeathCase("over two", [.overlap, .overlap, .overlap]) { [b, c, Part(8, bytes(16, from: 8), more: false)] },
        DeathCase("within one", [.overlap, .overlap]) { [Part(0, bytes(24), more: true), b] },
        DeathCase("a clean set after an overlap is a new datagram", [.overlap, .overlap, nil, nil, nil]) {
            [a, Part(0, bytes(16), more: true), a, b, c]
        },
        DeathCase("behind the end", [.endConflict, .endConflict]) { [b.with { $0.more = false }, c] },
        DeathCase("an end in front of what has come", [.endConflict, .endConflict]) {
            [c.with { $0.more = true }, b.with { $0.more = false }]
        },
        DeathCase("another end in front of the end", [.endConflict, .endConflict]) { [c, b.with { $0.more = false }] },
        DeathCase("more behind the end", [.endConflict, .endConflict]) { [b.with { $0.more = false }, c.with { $0.more = true }] },
        DeathCase("no payload", [nil, .empty, nil, nil]) { [a, b.with { $0.bytes = [] }, b, c] },
        DeathCase("not a multiple of 8", [nil, .badLength, nil, nil]) { [a, b.with { $0.bytes.removeLast() }, b, c] },
        DeathCase("a multiple of 4 only", [nil, .badLength, nil, nil]) { [a, b.with { $0.bytes.removeLast(4) }, b, c] },
        DeathCase("the last may have any length", [nil, nil]) {
            [
                a,
                b.with {
                    $0.more = false; $0.bytes = [1]
                },
            ]
        },
        DeathCase("beyond 65,535", [nil, .tooLong, nil, nil]) { [a, Part(65528, bytes(8), more: false), b, c] },
        DeathCase("IPv4 counts its header in those", [.tooLong]) { [Part(65512, bytes(8), more: false)] },
        DeathCase("IPv6 doesn't", [.timeout]) { [Part(65512, bytes(8), more: false).with { $0.isIPv6 = true }] },
        DeathCase("ECT and not", [.ecn, .ecn, .timeout]) { [a.with { $0.congestion = 2 }, b, c] },
        DeathCase("CE and ECT", [nil, nil, nil]) {
            [a.with { $0.congestion = 2 }, b.with { $0.congestion = 3 }, c.with { $0.congestion = 1 }]
        },
        DeathCase("another identification", [.timeout, .timeout, .timeout]) { [a, b, c.with { $0.identification = 2 }] },
        DeathCase("another protocol is another datagram", [.timeout, .timeout, .timeout]) { [a, b, c.with { $0.number = 254 }] },
        DeathCase("of IPv6 it isn't", [nil, nil, nil]) {
            [a, b, c.with { $0.number = 254 }].map { $0.with { $0.isIPv6 = true } }
        },
        DeathCase("another VLAN", [.timeout, .timeout, .timeout]) { [a.with { $0.vlan = 5 }, b.with { $0.vlan = 5 }, c] },
        DeathCase("all in a VLAN", [nil, nil, nil]) { [a, b, c].map { $0.with { $0.vlan = 5 } } },
        DeathCase("IPv6: UDP without its header", [.headerChain, .timeout]) {
            let first = Part(0, bytes(8), more: true).with {
                $0.isIPv6 = true; $0.number = 6
            }
            return [
                first,
                c.with {
                    $0.isIPv6 = true; $0.number = 6
                },
            ]
        },
        DeathCase("IPv6: options that go on behind an authentication header", [.headerChain]) {
            // The authentication header has 16 bytes, the options 32.
            let headers: [UInt8] = [60, 2] + bytes(14) + [17, 3] + bytes(6)
            return [
                Part(0, headers, more: true).with {
                    $0.isIPv6 = true; $0.number = 51
                }
            ]
        },
        DeathCase("IPv4: TCP without its header is judged whole", [nil, nil, nil]) { [a, b, c].map { $0.with { $0.number = 6 } } },

        DeathCase("another priority is the same VLAN", [nil, nil, nil]) {
            [a.with { $0.vlan = 5 }, b.with { $0.vlan = 0x6005 }, c.with { $0.vlan = 5 }]
        },
        DeathCase("a priority tag is no VLAN", [nil, nil, nil]) { [a.with { $0.vlan = 0 }, b, c.with { $0.vlan = 0x6000 }] },

        DeathCase("tracked, in order", .track, [nil, nil, nil]) { [a, b, c] },
        DeathCase("tracked, the first last", .track, [nil, nil, nil]) { [c, b, a] },
        DeathCase("tracked, a duplicate", .track, [nil, nil, .duplicate, nil]) { [a, b, b, c] },
        DeathCase("tracked, the same bytes with more-fragments turned on", .track, [nil, nil, .overlap]) {
            [a, c, c.with { $0.more = true }]
        },
        DeathCase("tracked, the same place with other bytes", .track, [nil, nil, .overlap]) { [a, b, b.with { $0.bytes[3] ^= 1 }] },
        DeathCase("tracked, an overlap behind the first", .track, [nil, nil, .overlap]) {
            [a, b, Part(8, bytes(16, from: 9), more: false)]
        },
        DeathCase("tracked, an overlap in front of it", .track, [.overlap, .overlap]) { [b, Part(8, bytes(16, from: 9), more: false)] },
        DeathCase("tracked, no first", .track, [.timeout, .timeout]) { [b, c] },
        DeathCase("tracked, TCP without its header", .track, [.headerChain, .timeout]) {
            [a.with { $0.number = 6 }, b.with { $0.number = 6 }]
        },
        DeathCase("not at all", .drop, [.mode, .mode]) { [a, b] },
    ]

    @Test("what each fragment dies of", arguments: cases)
    func deaths(_ table: DeathCase) {
        var bench = Bench(table.mode)
        for part in table.parts { bench.take(part.frame) }
        bench.expire(at: 61)
        let expected = table.deaths.enumerated().map { Bench.Leaving(frame: $0, death: $1) }
        #expect(bench.leavings.sorted { $0.frame < $1.frame } == expected)
        #expect(bench.gatherer.heldBytes == 0 && bench.gatherer.datagramCount == 0)
    }

    /// Eight bytes of a fragment header, by RFC 8200, section 4.5.
    private static func fragmentHeader(next: UInt8, offset: UInt16, more: Bool) -> [UInt8] {
        [next, 0] + (offset | (more ? 1 : 0)).networkBytes + [0, 0, 0, 9]
    }

    static let nestedChains: [(bytes: [UInt8], death: FragmentDeath?)] = [
        (fragmentHeader(next: 253, offset: 0, more: true), .nested),
        (fragmentHeader(next: 253, offset: 8, more: false), .nested),
        (fragmentHeader(next: 60, offset: 8, more: true), .nested),
        (fragmentHeader(next: 253, offset: 0, more: false), nil),
        // Destination options first, then the header; then the chain goes on in the next fragment.
        ([44, 0, 1, 4, 0, 0, 0, 0] + fragmentHeader(next: 253, offset: 0, more: true), .nested),
        (fragmentHeader(next: 44, offset: 0, more: false) + fragmentHeader(next: 253, offset: 16, more: true), .nested),
    ]

    @Test("a datagram dies that holds a fragment header", arguments: nestedChains, [FragmentMode.reassemble, .track])
    func nested(_ test: (bytes: [UInt8], death: FragmentDeath?), mode: FragmentMode) {
        let number: UInt8 = test.bytes.count == 16 && test.bytes[0] == 44 && test.bytes[2] == 1 ? 60 : 44
        for isFirstLast in [false, true] {
            var bench = Bench(mode)
            let first = Part(0, test.bytes, more: true).with {
                $0.isIPv6 = true; $0.number = number
            }
            let last = Part(test.bytes.count, bytes(8), more: false).with {
                $0.isIPv6 = true; $0.number = number
            }
            for part in isFirstLast ? [last, first] : [first, last] { bench.take(part.frame) }
            bench.expire(at: 61)
            let expected = [test.death, test.death].enumerated().map { Bench.Leaving(frame: $0, death: $1) }
            #expect(bench.leavings.sorted { $0.frame < $1.frame } == expected)
            #expect(bench.gatherer.heldBytes == 0 && bench.gatherer.datagramCount == 0)
        }
    }

    @Test("a datagram that has died of a fragment header in it takes what comes later with it, until its time is over")
    func nestedFirst() {
        var bench = Bench(.reassemble)
        func part(_ offset: Int, _ content: [UInt8], more: Bool) -> [UInt8] {
            Part(offset, content, more: more).with {
                $0.isIPv6 = true; $0.number = 44
            }.frame
        }
        bench.take(part(0, Self.fragmentHeader(next: 253, offset: 0, more: true), more: true))
        #expect(bench.leavings.map(\.death) == [.nested])
        bench.take(part(8, bytes(8), more: true))
        #expect(bench.leavings.map(\.death) == [.nested, .nested], "at once, and not when its time is over")
        #expect(bench.gatherer.heldBytes == 0 && bench.gatherer.datagramCount == 1)
        bench.expire(at: 59)
        bench.take(part(16, bytes(8), more: false))
        #expect(bench.leavings.map(\.death) == [.nested, .nested, .nested])
        bench.expire(at: 61)
        #expect(bench.gatherer.datagramCount == 0)
        // Somebody uses the identification again.
        bench.take(part(0, [59, 0, 1, 4, 0, 0, 0, 0], more: false))
        #expect(bench.leavings.count == 3 || bench.leavings.last?.death != .nested)
    }

    /// The first fragment has all headers or dies, so that nothing that is put together has a fragment header, wherever it is cut.
    @Test("no datagram is whole that has a fragment header in it, wherever it is cut", arguments: nestedChains.filter { $0.death != nil })
    func cut(_ test: (bytes: [UInt8], death: FragmentDeath?)) {
        let number: UInt8 = test.bytes.count == 16 && test.bytes[0] == 44 && test.bytes[2] == 1 ? 60 : 44
        let whole = test.bytes + bytes(32)
        for cut in stride(from: 8, to: whole.count, by: 8) {
            for isFirstLast in [false, true] {
                var bench = Bench(.reassemble)
                let first = Part(0, Array(whole[..<cut]), more: true).with {
                    $0.isIPv6 = true; $0.number = number
                }
                let last = Part(cut, Array(whole[cut...]), more: false).with {
                    $0.isIPv6 = true; $0.number = number
                }
                for part in isFirstLast ? [last, first] : [first, last] { bench.take(part.frame) }
                #expect(bench.released.isEmpty, "cut at \(cut)")
                bench.expire(at: 61)
                #expect(bench.leavings.allSatisfy { $0.death != nil }, "cut at \(cut)")
            }
        }
    }

    @Test(
        "a fragment header is found behind an authentication header, and left out of the whole",
        arguments: [FragmentMode.reassemble, .track])
    func authenticated(_ mode: FragmentMode) {
        func part(_ offset: Int, _ more: Bool, _ frame: Frame) -> [UInt8] {
            frame.fragmentHeader(offset: offset, more: more, identification: 7).ipPayload(253, bytes(8, from: offset)).bytes
        }
        let chains: [Frame] = [
            .ethernet().ipv6().authenticationHeader(), .ethernet().ipv6().extensionHeader(0).authenticationHeader().extensionHeader(60),
            .ethernet().ipv6().extensionHeader(43).authenticationHeader().authenticationHeader(),
        ]
        for chain in chains {
            var bench = Bench(mode)
            bench.take(part(8, false, chain))
            #expect(bench.leavings.isEmpty)
            bench.take(part(0, true, chain))
            #expect(bench.released.sorted() == [0, 1])
            // The rules' transport header is the first authentication header, as nft has it.
            if mode == .reassemble { #expect(bench.judged.first?.suffix(16) == bytes(16)[...]) }
        }
    }

    @Test("frames leave in the order in which they came")
    func order() {
        var bench = Bench()
        for part in [Self.c, Self.a, Self.b] { bench.take(part.frame) }
        #expect(bench.released == [0, 1, 2])
    }

    @Test("both ports have datagrams of their own")
    func ingress() {
        var bench = Bench()
        bench.take(Self.a.frame, ingress: 0)
        bench.take(Self.b.with { $0.more = false }.frame, ingress: 1)
        #expect(bench.judged.isEmpty)
    }

    @Test("the timer runs from the first that came", arguments: [(false, 30.0), (true, 60.0)])
    func timer(isIPv6: Bool, seconds: Double) {
        var bench = Bench()
        bench.take(Self.c.with { $0.isIPv6 = isIPv6 }.frame, at: 100)
        bench.take(Self.b.with { $0.isIPv6 = isIPv6 }.frame, at: 100 + seconds - 0.001)
        #expect(bench.leavings.isEmpty)
        #expect(bench.gatherer.deadline == UInt64((100 + seconds) * 1e9))
        bench.expire(at: 100 + seconds)
        #expect(bench.deaths == [.timeout, .timeout])
        #expect(bench.gatherer.deadline == nil)
    }
}
