import Classifier
import Decisions
import Firewall
import Foundation
import FrameBuilder
import KernelBridge
import Ruleset
import Storage
import Wire

/// What has been tried.
struct Tally: CustomStringConvertible {
    var files = 0, packetFiles = 0, rules = 0, refused = 0, frames = 0, dropped = 0, changed = 0, counters = 0, unlisted = 0
    var differences = 0
    /// Files with differences for which the kernel counted otherwise each time.
    var unsteady = 0

    var description: String {
        """
        \(files) rule files (\(packetFiles) of them with br_netfilter), \(rules) rules (\(refused) more were refused by Weir), \
        \(frames) frames, \(dropped) of them dropped and \(changed) changed, \(counters) counters compared (nft could not list \
        \(unlisted) files, and of \(unsteady) counted otherwise each time); \(differences) differences
        """
    }
}

struct Difference {
    var text: String
    var frame: SentFrame?
}

/// What one passage of a file's frames came to.
struct Outcome {
    var differences: [Difference]
    /// What came through the bridge, in order of its bytes, and what nft counted; nil if there is none to compare.
    var kernel: Account?

    struct Account: Equatable {
        var arrived: [[UInt8]]
        var rules: [Count?]
    }
}

struct SentFrame {
    var number: UInt64
    var bytes: [UInt8]
    var ingress: UInt8
    /// As Weir hands it on; nil where it does not.
    var passed: [UInt8]?
}

/// One rule file and its frames, through the bridge and through Weir.
///
/// Fragments are left out: Weir judges datagrams whole, and a bridge without conntrack sees fragments.
struct Comparison {
    var rules: String
    var asksPacketHooks: Bool
    var seed: UInt64
    /// How many.
    var frames: Int
    var bed: TestBed

    /// When the frames are judged. The kernel's own clock is a little later; rules ask for days at the most.
    private static var instant: Instant {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Instant(monotonic: 0, sinceEpoch: UInt64(now.tv_sec) * 1_000_000_000)
    }

    func run(_ tally: inout Tally) throws -> Outcome {
        let ruleset: Ruleset
        do throws(RejectedRuleset) {
            ruleset = try Ruleset.read(SourceFile(name: "rules", text: rules)).ruleset
        } catch {
            return Outcome(differences: [Difference(text: "Weir takes each rule by itself and refuses the file:\n\(error.render())")])
        }
        let program = try Program(compiling: ruleset, ports: TestBed.ports)
        do {
            try bed.load(rules, asksPacketHooks: asksPacketHooks)
        } catch {
            return Outcome(differences: [Difference(text: "Weir accepts, and nft does not: \(error)")])
        }
        // What was on its way belongs to the round before.
        _ = (bed.near.received(), bed.far.received())
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        let instant = Self.instant
        let readsTransport = ruleset.readsTransport
        let changesHeaders = ruleset.changesHeaders
        var source = FrameSource(random: SeededGenerator(seed: seed ^ 0x5eed))
        var sent: [UInt64: SentFrame] = [:]
        var arrived: [[UInt8]] = []
        for number in 0..<UInt64(frames) {
            let bytes = source.frame(from: Conformance.source(number))
            let ingress = UInt8(number % 2)
            guard isComparable(bytes, readsTransport: readsTransport), !changesHeaders || Self.hasChecksum(bytes) else { continue }
            guard (ingress == 0 ? bed.near : bed.far).send(bytes) else { continue }
            let passed = Self.judge(bytes, ingress, at: instant, &firewall)
            sent[Conformance.source(number)] = SentFrame(number: number, bytes: bytes, ingress: ingress, passed: passed)
            if number % 64 == 63 { arrived += bed.near.received() + bed.far.received() }
        }
        // Frames cross the bridge within the call that sends them, but for those that the kernel puts off.
        var last = ContinuousClock.now
        while ContinuousClock.now - last < .milliseconds(15) {
            let more = bed.near.received() + bed.far.received()
            if more.isEmpty { usleep(1000) } else { last = .now }
            arrived += more
        }
        tally.files += 1
        tally.packetFiles += asksPacketHooks ? 1 : 0
        tally.rules += program.rules.count
        tally.frames += sent.count
        tally.dropped += sent.values.count { $0.passed == nil }
        tally.changed += sent.values.count { $0.passed != nil && $0.passed != $0.bytes }
        // nft 1.0.6 ends with a signal when it lists some rules.
        let counts = try? bed.counts()
        if counts == nil { tally.unlisted += 1 }
        return Outcome(
            differences: compare(arrived, with: sent) + (counts.map { compare($0, with: counters.snapshot(), of: program, &tally) } ?? []),
            kernel: Outcome.Account(arrived: arrived.sorted { $0.lexicographicallyPrecedes($1) }, rules: counts?.rules ?? []))
    }

    /// As the packet socket gives the frame: with the outermost tag beside it.
    /// - Returns: The frame as it goes on, whole; nil if it does not.
    private static func judge(
        _ bytes: [UInt8], _ ingress: UInt8, at instant: Instant, _ firewall: inout Firewall
    ) -> [UInt8]? {
        let taken = takeOutTag(of: bytes)
        var rest = taken?.bytes ?? bytes
        var span = rest.mutableSpan
        var raw = span.mutableBytes
        let judgement = firewall.judge(&raw, tag: taken?.tag, ingress: ingress, at: instant)
        guard judgement.verdict == .accept else { return nil }
        guard taken != nil, let tag = judgement.frame.outermostTag else { return rest }
        return rest[..<12] + tag.tpid.networkBytes + tag.tci.networkBytes + rest[12...]
    }

    /// The frames that came, by the source address in which a frame's number is.
    private func compare(_ arrived: [[UInt8]], with sent: [UInt64: SentFrame]) -> [Difference] {
        var came: [UInt64: [[UInt8]]] = [:]
        for bytes in arrived { came[bytes[6..<12].reduce(0) { $0 << 8 | UInt64($1) }, default: []].append(bytes) }
        var differences: [Difference] = []
        for (source, frame) in sent.sorted(by: { $0.key < $1.key }) {
            let (theirs, ours) = (came[source] ?? [], frame.passed.map { [$0] } ?? [])
            if theirs.count != ours.count {
                differences.append(Difference(text: "passed nft \(theirs.count) times, and Weir \(ours.count) times", frame: frame))
            } else if let their = theirs.first, let our = ours.first, !isSame(their, our) {
                differences.append(Difference(text: "nft made it \(hexadecimal(their)), and Weir \(hexadecimal(our))", frame: frame))
            }
        }
        return differences
    }

    /// br_netfilter cuts off what is no part of an IP packet; a wire carries it.
    private func isSame(_ theirs: [UInt8], _ ours: [UInt8]) -> Bool {
        if theirs == ours { return true }
        return asksPacketHooks && ours.starts(with: theirs) && ParsedFrame.parse(ours.span.bytes, tag: nil).networkEnd == theirs.count
    }

    private func compare(
        _ counts: Counts, with snapshot: FirewallCounters.Snapshot, of program: Program, _ tally: inout Tally
    ) -> [Difference] {
        guard counts.rules.count == program.rules.count else {
            return [Difference(text: "nft has \(counts.rules.count) rules, and Weir \(program.rules.count)")]
        }
        var differences: [Difference] = []
        func compare(_ theirs: Count?, _ ours: Count, _ what: @autoclosure () -> String) {
            tally.counters += 1
            if let theirs, theirs != ours { differences.append(Difference(text: "nft counts \(theirs), and Weir \(ours): \(what())")) }
        }
        var seen: Set<Int> = []
        for (counter, hits) in zip(program.counters, snapshot.counters) where seen.insert(counter.rule).inserted {
            let rule = program.rules[counter.rule]
            let ours = Count(hits, from: counter.packets, counter.bytes)
            compare(counts.rules[counter.rule], ours, "line \(rule.line), \(rule.rule.text)")
        }
        for (counter, hits) in zip(program.namedCounters, snapshot.namedCounters) {
            let name = "\(counter.family) \(counter.table) \(counter.name)"
            compare(counts.objects[name], Count(hits, from: counter.packets, counter.bytes), name)
        }
        var elements: [String: [Count]] = [:]
        for (reference, hits) in zip(program.elementCounters, snapshot.elements) {
            let start = reference.element.counter ?? SetElement.Counter()
            elements["\(reference.family) \(reference.table) \(reference.set)", default: []]
                .append(Count(hits, from: start.packets, start.bytes))
        }
        for (name, ours) in elements {
            tally.counters += ours.count
            guard let theirs = counts.elements[name], theirs != ours.sorted() else { continue }
            differences.append(Difference(text: "elements of \(name): nft counts \(theirs), and Weir \(ours.sorted())"))
        }
        return differences
    }

    /// As nf_ip6_check_hbh_len (net/bridge/br_netfilter_ipv6.c) sees the hop-by-hop options; it wants no jumbograms either.
    private static func hasWholeOptions(_ bytes: [UInt8], from start: Int) -> Bool {
        let header = start + 40
        guard header + 2 <= bytes.count, bytes[start + 6] == 0 else { return true }
        var index = header + 2
        let end = header + (Int(bytes[header + 1]) + 1) * 8
        while index < min(end, bytes.count) {
            if bytes[index] == 0 {
                index += 1
            } else {
                guard index + 1 < bytes.count, bytes[index] != 0xc2 else { return false }
                index += 2 + Int(bytes[index + 1])
            }
        }
        return index == end
    }

    /// Whether the kernel follows changes in the checksum as it should: where the transport header ends before it,
    /// `nft_payload_set_eval` changes the IP header's and gives up.
    private static func hasChecksum(_ bytes: [UInt8]) -> Bool {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        let needed =
            switch frame.transportProtocol {
            case 6: 20
            case 17, 136: 8
            case 58: 4
            default: 0
            }
        guard frame.transportLength >= needed else { return false }
        // A datagram without a checksum gets one there, and a segment size at an odd place spoils that of TCP.
        let transport = bytes[frame.transportOffset...].prefix(frame.transportLength)
        return switch frame.transportProtocol {
        case 17: transport.dropFirst(6).prefix(2) != [0, 0]
        case 6:
            !zip(transport.indices, transport).contains {
                ($0 - frame.transportOffset) % 2 == 1 && $0 - frame.transportOffset > 20 && $1 == 2
            }
        default: true
        }
    }

    /// Without what Weir does otherwise on purpose: the table in the documentation's page Differences.
    private func isComparable(_ bytes: [UInt8], readsTransport: Bool) -> Bool {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        if frame.malformation != nil || frame.isFragment { return false }
        // A bridge's rules see a priority tag as they see any other; Weir's look through it, as hosts do.
        if frame.tagCount > 1, frame.vlanCount < frame.tagCount { return false }
        // skb_vlan_untag ends a frame with less than a tag and two octets, before a bridge or a packet socket sees it.
        let type = bytes.count < 14 ? 0 : UInt16(bytes[12]) << 8 | UInt16(bytes[13])
        if type == 0x8100 || type == 0x88a8, bytes.count < 20 { return false }
        // A bridge ends one whose inner tag is cut off; a wire carries it.
        if frame.etherType == 0x8100 || frame.etherType == 0x88a8 { return false }
        // br_netfilter drops what has a wrong checksum or hop-by-hop options that end behind their header.
        if asksPacketHooks, frame.network == .ipv6, !Self.hasWholeOptions(bytes, from: frame.networkOffset) { return false }
        if asksPacketHooks, frame.network == .ipv4 {
            let header = bytes[frame.networkOffset...].prefix(Int(bytes[frame.networkOffset] & 15) * 4)
            if plainChecksum(Array(header)) != 0 { return false }
        }
        guard readsTransport, frame.network == .ipv4 || frame.network == .ipv6 else { return true }
        return frame.networkEnd == bytes.count
    }
}

extension Count {
    fileprivate init(_ hits: Hits, from packets: UInt64, _ bytes: UInt64) {
        self.init(packets: Int(hits.frames &+ packets), bytes: Int(hits.bytes &+ bytes))
    }
}

extension Ruleset {
    /// Whether a rule writes into frames.
    fileprivate var changesHeaders: Bool {
        tables.flatMap(\.chains).flatMap(\.rules).flatMap(\.statements).contains { statement in
            if case .assignment(let assignment) = statement { assignment.field != .metaMark } else { false }
        }
    }

    /// Whether a rule reads what stands behind the IP header.
    fileprivate var readsTransport: Bool {
        func isTransport(_ field: Field) -> Bool {
            switch field.place {
            case .header(.transport, _), .searched, .presence: true
            case .header, nil: false
            }
        }
        func reads(_ key: MatchKey) -> Bool { key.components.contains { isTransport($0.field) } }
        return tables.flatMap(\.chains).flatMap(\.rules).flatMap(\.statements).contains { statement in
            switch statement {
            case .match(let match): return reads(match.key)
            case .verdictMap(let map): return reads(map.key)
            case .update(let update):
                if case .field(let component) = update.data { return reads(update.key) || isTransport(component.field) }
                return reads(update.key)
            case .objectMap(let map): return reads(map.key)
            case .assignment(let assignment):
                // What is written may have to be followed in the checksum behind it.
                if case .mapped(let map) = assignment.value { return reads(map.key) || assignment.field != .metaMark }
                return assignment.field != .metaMark
            default: return false
            }
        }
    }
}
