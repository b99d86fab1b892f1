import ArgumentParser
import Foundation
import KernelBridge
import Storage

/// Random conversations, through a Linux bridge with conntrack and through Weir: the same state of each packet.
@main
struct FlowConformance: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flow-conformance",
        abstract: "Hold what Weir says of connections to what the kernel's conntrack says.",
        discussion: """
            Every round makes conversations (TCP, UDP, ICMP and its errors, SCTP, GRE and others, legal and not), sends each packet over \
            a bridge with br_netfilter, and has Weir judge it. Rules write ct state, direction and status into the packets. A \
            conversation is followed to the first packet of which the two say different things: either a known difference, which is \
            listed with its reason, or one that is told with all that came before. Exit code 0 if all are known, else 1. Needs root, \
            and br_netfilter and nf_conntrack in the kernel.
            """)

    @OptionGroup
    var options: OracleOptions

    @Option(help: "Conversations in a round.")
    var conversations = 300

    @Option(help: "Differences that are told in full, at the most.")
    var told = 5

    @Option(
        name: .customLong("kind"),
        help:
            "Only conversations of this kind; may be given several times: \(ConversationSource.kinds.map(\.name).joined(separator: ", ")).")
    var kinds: [String] = []

    @Flag(help: "Hold what rules count by ct count to what nft's count, instead of the state of packets.")
    var counts = false

    func validate() throws {
        let names = ConversationSource.kinds.map(\.name)
        if let other = kinds.first(where: { !names.contains($0) }) {
            throw ValidationError("there is no kind '\(other)'; there are \(names.joined(separator: ", "))")
        }
    }

    func run() throws {
        guard TestBed.hasPacketHooks else { throw Failure("the kernel has no br_netfilter: modprobe br_netfilter") }
        try options.inFolder { folder in try run(in: folder) }
    }

    private func run(in folder: URL) throws {
        let bed = try TestBed(folder: folder)
        try TestBed.run("for end in near0 eth1 eth2 far0; do ethtool -K $end rx off tx off gro off > /dev/null; done")
        if counts { return try compareCounts(bed) }
        var tally = FlowTally()
        let seeds = try options.forEachRound { round in
            let comparison = try FlowComparison(bed: bed, seed: round)
            for (conversation, outcomes) in try comparison.run(conversations: conversations, kinds: kinds) {
                guard let difference = tally.add(conversation, outcomes), tally.unknown <= told else { continue }
                print("seed \(round), \(comparison.settings): \(conversation.kind)")
                for (index, outcome) in outcomes[...difference].enumerated() {
                    if index == conversation.pause { print("    \(TrackingSettings.pause) s later") }
                    let kernel = outcome.kernel.map { "\($0)" } ?? "nothing"
                    let weir = outcome.weir.map { "\($0)" } ?? "nothing"
                    let states = kernel == weir ? kernel : "\(kernel) BUT Weir: \(weir)"
                    print("    \(outcome.step.from == .near ? ">" : "<") \(outcome.step.words): \(states)")
                }
            }
            tally.rounds += 1
        }
        print("seeds \(seeds): \(tally)")
        if tally.unknown > 0 || tally.rounds == 0 || (kinds.isEmpty && !tally.isBroad) { throw ExitCode.failure }
    }

    private func compareCounts(_ bed: TestBed) throws {
        var differences = 0, packets = 0, dropped = 0, counters = 0, known = 0, kept = 0
        var matches = Set<UInt8>()
        let seeds = try options.forEachRound { round in
            let outcome = try CountComparison(bed: bed, seed: round).run()
            packets += outcome.packets
            dropped += outcome.kinds[nil] ?? 0
            counters += outcome.counters
            known += outcome.known
            kept += outcome.kept
            matches.formUnion(outcome.kinds.keys.compactMap { $0 })
            if !outcome.differences.isEmpty {
                differences += 1
                if differences <= told {
                    let lines = ["seed \(round)"] + outcome.rules + outcome.lines + outcome.differences
                    print(lines.joined(separator: "\n    "))
                }
            }
        }
        print(
            "seeds \(seeds): \(seeds.count) rounds of ct count, \(packets) packets (\(dropped) dropped), "
                + "\(counters) counters compared, \(differences) rounds with differences\n"
                + "    known, of \(known) packets: those that begin no connection find counts in which others still are that are over; "
                + "\(kept) invalid answers were kept from the kernel")
        // Were there more, they would not be what they are taken for.
        let areFew = known * 8 <= packets
        if differences > 0 || seeds.isEmpty || dropped == 0 || matches.count < 2 || !areFew { throw ExitCode.failure }
    }
}

/// What has been tried.
struct FlowTally: CustomStringConvertible {
    var rounds = 0
    var unknown = 0
    private var conversations = 0, packets = 0
    private var known = [Int](repeating: 0, count: KnownDifference.all.count)
    /// By state and kind: what is never seen is not tested.
    private var states: [String: Int] = [:]

    /// - Returns: The first packet that is judged differently, and not known to be.
    mutating func add(_ conversation: Conversation, _ outcomes: [FlowComparison.Outcome]) -> Int? {
        conversations += 1
        for (index, outcome) in outcomes.enumerated() {
            packets += 1
            if let kernel = outcome.kernel, kernel == outcome.weir {
                states[kernel.name, default: 0] += 1
                continue
            }
            if let reason = KnownDifference.find(outcome.step, outcome.kernel, outcome.weir) {
                known[reason] += 1
                return nil
            }
            unknown += 1
            return index
        }
        return nil
    }

    /// Every state has come up.
    var isBroad: Bool { ["invalid", "new", "established", "related"].allSatisfy { states[$0, default: 0] > 0 } }

    var description: String {
        let counts = states.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        var text = "\(rounds) rounds, \(conversations) conversations, \(packets) packets (\(counts)), \(unknown) differences"
        for (difference, count) in zip(KnownDifference.all, known) {
            text += "\n    known, in \(count) conversations: \(difference.reason)"
        }
        return text
    }
}
