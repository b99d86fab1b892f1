import Classifier
import Decisions
import Firewall
import Fragments
import FrameBuilder
import Ruleset
import Storage
import Testing
import Wire

/// What rules change of a datagram in fragments: changed and then cut is cut and then changed.
@Suite struct FragmentChangeTests {
    private static func firewall(_ rules: [String], _ mode: FragmentMode = .reassemble) throws -> Firewall {
        let lines = rules.map { "        \($0)\n" }.joined()
        let text = "table bridge t {\n    chain forward {\n        type filter hook forward priority 0; policy accept;\n\(lines)    }\n}\n"
        let program = try Program(compiling: try Ruleset.read(SourceFile(name: "f", text: text)).ruleset, ports: ["near0", "far0"])
        return Firewall(program: program, counters: FirewallCounters(for: program), fragments: FragmentGatherer(mode: mode))
    }

    // MARK: A plain reference

    /// A packet cut after these bytes of its payload, each a multiple of 8, as frames.
    /// - Parameter link: Bytes before the packet.
    private static func cut(_ frame: [UInt8], link: Int, at cuts: [Int], identification: UInt32) -> [[UInt8]] {
        let packet = Array(frame[link...])
        let isIPv4 = packet[0] >> 4 == 4
        // An IPv6 packet's hop-by-hop options stay in each fragment.
        let hasOptions = !isIPv4 && packet[6] == 0
        let headerLength = isIPv4 ? Int(packet[0] & 15) * 4 : hasOptions ? 48 : 40
        let payload = Array(packet[headerLength...])
        let ends = cuts + [payload.count]
        return zip([0] + cuts, ends).map { start, end in
            var header = Array(packet[..<headerLength])
            let more = end < payload.count
            let part = Array(payload[start..<end])
            guard isIPv4 else {
                let announcing = hasOptions ? 40 : 6
                let fragment = [header[announcing], 0] + (UInt16(start) | (more ? 1 : 0)).networkBytes + identification.networkBytes
                header[announcing] = 44
                header.replaceSubrange(4..<6, with: UInt16(headerLength - 40 + 8 + part.count).networkBytes)
                return Array(frame[..<link]) + header + fragment + part
            }
            header.replaceSubrange(2..<4, with: UInt16(headerLength + part.count).networkBytes)
            header.replaceSubrange(6..<8, with: (UInt16(start / 8) | (more ? 0x2000 : 0)).networkBytes)
            header.replaceSubrange(10..<12, with: [0, 0])
            header.replaceSubrange(10..<12, with: plainChecksum(header).networkBytes)
            return Array(frame[..<link]) + header + part
        }
    }

    /// 0 and 0xffff are the same number in an IPv4 header's checksum.
    private static func normal(_ frame: [UInt8], link: Int) -> [UInt8] {
        var frame = frame
        if frame[link] >> 4 == 4, frame[link + 10..<link + 12] == [0xff, 0xff] {
            frame.replaceSubrange(link + 10..<link + 12, with: [0, 0])
        }
        return frame
    }

    /// Frames that leave when these come, in the order in which they leave, with their reasons.
    private static func leaving(_ frames: [[UInt8]], by firewall: inout Firewall, isTagBeside: Bool) -> [(bytes: [UInt8], reason: Reason)] {
        var all: [(bytes: [UInt8], reason: Reason)] = []
        for frame in frames {
            var (bytes, tag) = (frame, nil as VLANTag?)
            if isTagBeside, let apart = takeOutTag(of: frame) { (bytes, tag) = (apart.bytes, apart.tag) }
            let judgement = firewall.judge(&bytes, tag: tag, ingress: 0, at: noon)
            if judgement.verdict != .hold { all.append((whole(bytes, judgement.frame), judgement.reason)) }
            guard firewall.hasDepartures else { continue }
            repeat {
                while let departure = firewall.nextDeparture(at: noon.monotonic) {
                    let held = Array(UnsafeRawBufferPointer(start: departure.held.start, count: departure.held.length))
                    all.append((whole(held, departure.judgement.frame), departure.judgement.reason))
                }
            } while firewall.finishDepartures()
        }
        return all
    }

    /// With its tag in its place.
    private static func whole(_ bytes: [UInt8], _ frame: ParsedFrame) -> [UInt8] {
        guard frame.isTagOutOfBand, let tag = frame.outermostTag else { return bytes }
        return Array(bytes[..<12]) + tag.tpid.networkBytes + tag.tci.networkBytes + bytes[12...]
    }

    // MARK: The property

    private static let linkRules = ["ether saddr set 02:00:00:00:00:09", "ether daddr set 02:00:00:00:00:08"]
    private static let tagRules = ["vlan id 5 vlan id set 9", "vlan id 5 @ll,112,16 set 0x6007"]
    private static let ipv4Rules = [
        "ip dscp set ef", "ip ecn set 1", "ip ttl set 3", "ip id set 7", "ip saddr set 10.9.8.7", "ip daddr set 10.0.0.255",
        "ip saddr set ip daddr", "ip protocol set 200",
    ]
    private static let ipv6Rules = [
        "ip6 dscp set cs5", "ip6 ecn set 2", "ip6 hoplimit set 9", "ip6 flowlabel set 77", "ip6 saddr set fd00::9", "ip6 daddr set fd00::8",
    ]
    private static let transportRules: [UInt8: [String]] = [
        17: ["udp dport set 99", "udp sport set udp dport", "udp checksum set 5", "udp length set 9", "@th,32,16 set 0x1234"],
        6: ["tcp dport set 99", "tcp sequence set 5", "tcp window set 100", "tcp flags set syn", "@th,96,32 set 0x50101234"],
        132: ["sctp dport set 99", "sctp vtag set 5"], 1: ["icmp id set 5", "icmp code set 1"], 58: ["icmpv6 id set 5"],
    ]
    /// Beyond the first fragment, as a rule.
    private static let payloadRules = ["@th,480,32 set 0xdeadbeef", "@th,800,16 set 0x1234"]

    private struct Datagram {
        var bytes: [UInt8]
        var link: Int
        var isTagged: Bool
        var rules: [String]
    }

    private static func datagram(_ random: inout SeededGenerator, withPayloadRules: Bool, protocols: [UInt8]) -> Datagram {
        let isIPv6 = Bool.random(using: &random)
        let isTagged = Bool.random(using: &random)
        let number = random.pick(protocols)
        let length = Int.random(in: 120...3_000, using: &random)
        let service = UInt8.random(in: 0...255, using: &random) & 0xfc
        let hasOptions = Bool.random(using: &random)
        var network =
            isIPv6
            ? Frame.ethernet().ipv6(trafficClass: service) : Frame.ethernet().ipv4(tos: service, options: hasOptions ? [1, 1, 1, 1] : [])
        if isIPv6, hasOptions { network = network.extensionHeader(0) }
        let transport: Frame =
            switch number {
            case 6: network.tcp(1000, 2000)
            case 17: network.udp(1000, 2000)
            case 132: network.ports(1000, 2000, of: 132)
            default: isIPv6 ? network.icmpv6(128) : network.icmp(8)
            }
        var rules = (isIPv6 ? ipv6Rules : ipv4Rules) + linkRules + (isTagged ? tagRules : [])
        let own = number == 1 && isIPv6 ? 58 : number
        rules += transportRules[own] ?? []
        if withPayloadRules { rules += payloadRules }
        rules.shuffle(using: &random)
        // A protocol that is another afterwards ends what rules know of the transport header.
        let picked = Array(rules.prefix(Int.random(in: 1...4, using: &random)))
        let ordered = picked.filter { !$0.hasPrefix("ip protocol") } + picked.filter { $0.hasPrefix("ip protocol") }
        let frame = transport.payload(length)
        var bytes = isIPv6 && hasOptions ? frame.bytes : frame.finished.bytes
        if isTagged { bytes.insert(contentsOf: [0x81, 0, 0x60, 5], at: 12) }
        return Datagram(bytes: bytes, link: isTagged ? 18 : 14, isTagged: isTagged, rules: ordered)
    }

    private static func cuts(_ random: inout SeededGenerator, from first: Int, of length: Int) -> [Int] {
        var cuts = [first]
        while let last = cuts.last, cuts.count < 6 {
            let next = last + Int.random(in: 1...100, using: &random) * 8
            if next >= length { break }
            cuts.append(next)
        }
        return cuts
    }

    @Test("changed and cut is cut and changed", arguments: 1...4 as ClosedRange<UInt64>)
    func property(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var changed = 0
        for _ in 0..<300 {
            let datagram = Self.datagram(&random, withPayloadRules: true, protocols: [6, 17, 132, 1])
            let headers = datagram.bytes[datagram.link] >> 4 == 4 ? Int(datagram.bytes[datagram.link] & 15) * 4 : 40
            // A first fragment of IPv6 has its headers whole (RFC 7112).
            let first = datagram.bytes[datagram.link] >> 4 == 4 ? 1 : 3
            let cuts = Self.cuts(
                &random, from: Int.random(in: first...8, using: &random) * 8, of: datagram.bytes.count - datagram.link - headers - 8)
            let isTagBeside = datagram.isTagged && Bool.random(using: &random)
            var firewall = try Self.firewall(datagram.rules)
            let whole = Self.leaving([datagram.bytes], by: &firewall, isTagBeside: isTagBeside)
            let one = try #require(whole.first)
            #expect(one.reason == .acceptByPolicy)
            if one.bytes != datagram.bytes { changed += 1 }
            var order = Array(0...cuts.count)
            order.shuffle(using: &random)
            let parts = Self.cut(datagram.bytes, link: datagram.link, at: cuts, identification: 77)
            let expected = Self.cut(one.bytes, link: datagram.link, at: cuts, identification: 77)
            let got = Self.leaving(order.map { parts[$0] }, by: &firewall, isTagBeside: isTagBeside)
            #expect(got.allSatisfy { $0.reason == .acceptByPolicy })
            #expect(
                got.map { Self.normal($0.bytes, link: datagram.link) } == order.map { Self.normal(expected[$0], link: datagram.link) },
                "seed \(seed): \(datagram.rules) cut at \(cuts) in the order \(order)")
        }
        #expect(changed > 250)
    }

    @Test("tracked, first fragments are changed and what each fragment has", arguments: 1...4 as ClosedRange<UInt64>)
    func tracked(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let datagram = Self.datagram(&random, withPayloadRules: false, protocols: [6, 17, 1])
            let headers = datagram.bytes[datagram.link] >> 4 == 4 ? Int(datagram.bytes[datagram.link] & 15) * 4 : 40
            let cuts = Self.cuts(&random, from: 48, of: datagram.bytes.count - datagram.link - headers - 8)
            let isTagBeside = datagram.isTagged && Bool.random(using: &random)
            var firewall = try Self.firewall(datagram.rules, .track)
            let whole = try #require(Self.leaving([datagram.bytes], by: &firewall, isTagBeside: isTagBeside).first).bytes
            var order = Array(0...cuts.count)
            order.shuffle(using: &random)
            let parts = Self.cut(datagram.bytes, link: datagram.link, at: cuts, identification: 77)
            let expected = Self.cut(whole, link: datagram.link, at: cuts, identification: 77)
            let got = Self.leaving(order.map { parts[$0] }, by: &firewall, isTagBeside: isTagBeside)
            // The first is judged when it comes, and those that came before it leave after it.
            let place = order.firstIndex(of: 0) ?? 0
            let left = [0] + order[..<place] + order[(place + 1)...]
            #expect(got.allSatisfy { $0.reason == .acceptByPolicy })
            #expect(
                got.map { Self.normal($0.bytes, link: datagram.link) } == left.map { Self.normal(expected[$0], link: datagram.link) },
                "seed \(seed): \(datagram.rules) cut at \(cuts) in the order \(order)")
        }
    }

    // MARK: What can't be done

    private static let refused: [(rule: String, mode: FragmentMode, isIPv6: Bool, number: UInt8)] = [
        ("ip length set 100", .reassemble, false, 17), ("ip length set 100", .track, false, 17),
        ("ip frag-off set 5", .reassemble, false, 17), ("ip hdrlength set 6", .reassemble, false, 17),
        ("ip version set 5", .track, false, 17), ("ip checksum set 7", .reassemble, false, 17), ("ip checksum set 7", .track, false, 17),
        ("ip6 length set 5", .reassemble, true, 17), ("ip6 nexthdr set 6", .track, true, 17), ("ip6 version set 4", .reassemble, true, 17),
        ("sctp dport set 9", .track, false, 132), ("sctp dport set 9", .track, true, 132),
    ]

    @Test("what fragments can't have keeps them back", arguments: refused)
    func kept(_ test: (rule: String, mode: FragmentMode, isIPv6: Bool, number: UInt8)) throws {
        let network = test.isIPv6 ? Frame.ethernet().ipv6() : Frame.ethernet().ipv4()
        let frame = (test.number == 132 ? network.ports(1, 2, of: 132) : network.udp(1, 2)).payload(200).finished.bytes
        var firewall = try Self.firewall([test.rule], test.mode)
        let parts = Self.cut(frame, link: 14, at: [64], identification: 7)
        let got = Self.leaving(parts, by: &firewall, isTagBeside: false)
        #expect(got.map(\.reason) == [.fragmentChanged, .fragmentChanged])
        // What is held leaves as it came, into captures.
        if test.mode == .reassemble { #expect(got.map(\.bytes) == parts) }
    }

    @Test func `a fragment whose checksum is left to hardware is not changed`() throws {
        var firewall = try Self.firewall(["udp dport set 9"])
        var reasons: [Reason] = []
        for part in Self.cut(Frame.ethernet().ipv4().udp(1, 2).payload(200).finished.bytes, link: 14, at: [64], identification: 7) {
            var bytes = part
            var span = bytes.mutableSpan
            var raw = span.mutableBytes
            _ = firewall.judge(&raw, tag: nil, isChecksumPartial: true, ingress: 0, at: noon)
            let judgements = drain(&firewall)
            reasons += judgements.map(\.reason)
            #expect(judgements.allSatisfy { $0.decision.rule == .none && $0.decision.baseChain == .none }, "no rule or policy says that")
        }
        #expect(reasons == [.fragmentChanged, .fragmentChanged])
    }

    @Test func `a field that fragments have of their own is set in each, and others stay`() throws {
        var parts = Self.cut(Frame.ethernet().ipv4().udp(1, 2).payload(200).finished.bytes, link: 14, at: [64], identification: 7)
        // Another TTL and another source MAC address on the second's way.
        parts[1][22] = 9
        parts[1][11] = 0x55
        parts[1].replaceSubrange(24..<26, with: [0, 0])
        parts[1].replaceSubrange(24..<26, with: plainChecksum(Array(parts[1][14..<34])).networkBytes)
        var firewall = try Self.firewall(["ip dscp set ef", "ether daddr set 02:00:00:00:00:77"])
        let got = Self.leaving(parts, by: &firewall, isTagBeside: false).map(\.bytes)
        #expect(got.map { $0[22] } == [64, 9] && got.map { $0[11] } == [1, 0x55])
        #expect(got.allSatisfy { $0[15] == 46 << 2 && $0[5] == 0x77 && plainChecksum(Array($0[14..<34])) == 0 })
    }

    @Test func `a datagram that is dropped stays as it came`() throws {
        let parts = Self.cut(Frame.ethernet().ipv4().udp(1, 2).payload(200).finished.bytes, link: 14, at: [64], identification: 7)
        var firewall = try Self.firewall(["ip dscp set ef udp dport set 9 drop"])
        let got = Self.leaving(parts, by: &firewall, isTagBeside: false)
        #expect(got.map(\.bytes) == parts && got.map(\.reason) == [.rule, .rule])
    }
}
