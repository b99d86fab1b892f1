import Classifier
import Decisions
import Firewall
import Flows
import Foundation
import FrameBuilder
import KernelBridge
import Ruleset
import Storage

/// One round of `ct count`: random rules that count connections, and a few connections that come and go, through both.
struct CountComparison {
    let bed: TestBed
    let seed: UInt64

    /// What a round came to.
    struct Outcome {
        var rules: [String]
        var packets = 0
        /// Packets by the rules that matched, nil for what was dropped: what never comes up is not tested.
        var kinds: [UInt8?: Int] = [:]
        var counters = 0
        /// Packets that are judged differently, and known to be.
        var known = 0
        /// Packets that the kernel was not shown, since it is known to count them differently.
        var kept = 0
        /// Up to the first packet that is judged differently.
        var lines: [String] = []
        var differences: [String] = []
    }

    /// nf_conncount looks for dead connections once in a jiffy at the most (`__nf_conncount_add`): what comes within the same one finds
    /// those that are over still counted. So there is more than one between two packets, at 250 a second or more.
    private static let gap: UInt32 = 5_500
    /// Packets between two pauses. On an idle machine they take half of the shortest timeout.
    private static let packets = 80
    /// Where they take so long, the rest is left out: no connection may end between a packet's way through the one and through the other.
    private static let patience = Duration.milliseconds(800)

    func run() throws -> Outcome {
        var settings = TrackingSettings(seed: seed)
        // So that nothing but a SYN begins a connection of TCP, and `CountTraffic` knows who does.
        settings.isLoose = false
        try settings.applyToKernel()
        var source = ConversationSource(seed: seed)
        let isIPv6 = source.random.oneIn(3)
        let countsFirstPackets = source.random.oneIn(2)
        let rules = CountRules(isIPv6: isIPv6, countsFirstPackets: countsFirstPackets, random: &source.random)
        let program = try Program(compiling: Ruleset.read(SourceFile(name: "counts", text: rules.text)).ruleset, ports: TestBed.ports)
        try bed.load(rules.text, asksPacketHooks: true)
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters, flows: settings.forWeir, start: Crossing.now.monotonic)
        var outcome = Outcome(rules: ["\(settings)"] + rules.rules)
        var traffic = CountTraffic(round: seed, isIPv6: isIPv6, &source)
        for segment in 0..<3 {
            var crossed: Set<String> = []
            if segment > 0 {
                Thread.sleep(forTimeInterval: TrackingSettings.pause)
                outcome.lines.append("\(TrackingSettings.pause) s later")
            }
            let end = ContinuousClock.now + Self.patience
            for step in traffic.steps(Self.packets, &source) {
                if ContinuousClock.now > end { break }
                // nf_conncount knows connections by their addresses: one that a rule has dropped counts again when the other side begins it.
                let isDatagram = step.words.hasPrefix("udp")
                if isDatagram, step.from == .far, !crossed.contains(step.words) { continue }
                let (hadBegun, hadInvalid) = Self.seen(counters, &firewall)
                let ours = Crossing.throughWeir(step, &firewall).flatMap(ConnectionState.init)?.code
                let (begun, invalid) = Self.seen(counters, &firewall)
                // nf_conncount counts a connection that is not assured once more for an answer that is invalid in it.
                if step.from == .far, invalid != hadInvalid, !countsFirstPackets {
                    outcome.kept += 1
                    continue
                }
                usleep(Self.gap)
                // What is dropped is waited for in vain, and not for long where Weir drops it.
                let theirs = Crossing.overBridge(step, bed, waits: ours == nil ? 6 : 100).flatMap(ConnectionState.init)?.code
                if isDatagram, theirs != nil { crossed.insert(step.words) }
                outcome.packets += 1
                outcome.kinds[theirs, default: 0] += 1
                func words(_ code: UInt8?) -> String { code.map { "passes, rules " + String($0, radix: 2) } ?? "is dropped" }
                let isSame = theirs == ours
                outcome.lines.append(
                    "\(step.from == .near ? ">" : "<") \(step.words): \(words(theirs))\(isSame ? "" : " BUT Weir: \(words(ours))")")
                // A packet of a connection that is in a list finds those behind it as they were, with those that are over; and its own.
                if !isSame, begun == hadBegun, !countsFirstPackets {
                    outcome.known += 1
                } else if !isSame {
                    outcome.differences.append("packet \(outcome.packets)")
                    return outcome
                }
            }
        }
        guard outcome.known == 0, outcome.kept == 0 else { return outcome }
        let counts = try bed.counts().rules
        for (counter, hits) in zip(program.counters, counters.snapshot().counters) where counter.rule < counts.count {
            outcome.counters += 1
            let ours = Count(packets: Int(hits.frames), bytes: Int(hits.bytes))
            guard let theirs = counts[counter.rule], theirs != ours else { continue }
            outcome.differences.append("\(program.rules[counter.rule].rule.text): nft counts \(theirs), and Weir \(ours)")
        }
        return outcome
    }
}

extension CountComparison {
    /// Connections that packets would have begun so far, and packets that were invalid.
    private static func seen(_ counters: FirewallCounters, _ firewall: inout Firewall) -> (begun: UInt64, invalid: UInt64) {
        firewall.countFlows()
        let flows = counters.snapshot().flows
        return (flows[1 + Int(FlowEvent.new.rawValue)], flows.suffix(InvalidCause.allCases.count).reduce(0, &+))
    }
}

/// Four connections of UDP, four of TCP and one of ICMP, between two pairs of hosts, in and out of turn. No SYN comes from the far end.
struct CountTraffic {
    private let pairs: [Hosts]
    private var talks: [TCPTalk] = []

    init(round: UInt64, isIPv6: Bool, _ source: inout ConversationSource) {
        pairs = [1, 2].map { Hosts(number: $0, round: round, isIPv6: isIPv6) }
        for hosts in pairs {
            for port in [1001, 1002] as [UInt16] {
                let initial = [source.word(), source.word()]
                talks.append(TCPTalk(hosts: hosts, ports: [port, 80], initial: initial, next: initial))
            }
        }
    }

    mutating func steps(_ count: Int, _ source: inout ConversationSource) -> [Step] {
        var steps: [Step] = []
        while steps.count < count {
            let hosts = source.random.pick(pairs)
            // Mostly from where connections begin.
            let end = source.random.oneIn(3) ? End.far : .near
            switch Int.random(in: 0..<9, using: &source.random) {
            case 0:
                let isRequest = end == .near
                let type: UInt8 = hosts.isIPv6 ? (isRequest ? 128 : 129) : (isRequest ? 8 : 0)
                let frame = pairs[0].message(pairs[0].address(end), pairs[0].address(end.other), [type, 0, 0, 0, 0, 7, 0, 1])
                steps.append(Step(from: end, frame: frame, words: "icmp type \(type)"))
            case ..<4:
                let port: UInt16 = source.random.pick([1001, 1002])
                let datagram = hosts.udp(end, [port, 53], count: 8)
                steps.append(Step(from: end, frame: hosts.frame(from: end, 17, datagram), words: "udp host \(hosts.number) port \(port)"))
            default:
                let place = Int.random(in: 0..<talks.count, using: &source.random)
                talks[place].steps = []
                if source.random.oneIn(3) { source.openTCP(&talks[place], .near) } else { source.tcpStep(&talks[place]) }
                let flags = talks[place].hosts.isIPv6 ? 14 + 40 + 13 : 14 + 20 + 13
                let isSYN: (Step) -> Bool = { $0.frame[flags] & 0x12 == 0x02 }
                steps += talks[place].steps.filter { $0.from == .near || !isSYN($0) }.map { step in
                    var step = step
                    step.words = "tcp host \(talks[place].hosts.number) port \(talks[place].ports[0]) \(step.words)"
                    return step
                }
            }
        }
        return steps
    }
}
