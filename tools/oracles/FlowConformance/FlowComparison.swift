import Classifier
import Firewall
import Foundation
import KernelBridge
import Ruleset
import Storage

/// One round: conversations of hosts that neither the kernel nor Weir knows yet, through both.
struct FlowComparison {
    let bed: TestBed
    let seed: UInt64
    let settings: TrackingSettings
    private let program: Program

    init(bed: TestBed, seed: UInt64) throws {
        self.bed = bed
        self.seed = seed
        settings = TrackingSettings(seed: seed)
        let ruleset = try Ruleset.read(SourceFile(name: "states", text: ConnectionState.rules)).ruleset
        program = try Program(compiling: ruleset, ports: TestBed.ports)
    }

    /// Of one packet.
    struct Outcome {
        var step: Step
        var kernel: ConnectionState?
        var weir: ConnectionState?
    }

    /// - Returns: The conversations, each up to its end.
    /// - Parameter kinds: Of conversations; all if there are none.
    func run(conversations count: Int, kinds: [String]) throws -> [(conversation: Conversation, outcomes: [Outcome])] {
        try settings.applyToKernel()
        try bed.load(ConnectionState.rules, asksPacketHooks: true)
        var source = ConversationSource(seed: seed, kinds: kinds)
        let conversations = (0..<count).map { _ in source.next() }
        var firewall = Firewall(
            program: program, counters: FirewallCounters(for: program), flows: settings.forWeir, start: Crossing.now.monotonic)
        var outcomes: [[Outcome]] = []
        for conversation in conversations {
            outcomes.append(conversation.steps[..<(conversation.pause ?? conversation.steps.count)].map { pass($0, &firewall) })
        }
        if conversations.contains(where: { $0.pause != nil }) { Thread.sleep(forTimeInterval: TrackingSettings.pause) }
        for (index, conversation) in conversations.enumerated() {
            guard let pause = conversation.pause else { continue }
            outcomes[index] += conversation.steps[pause...].map { pass($0, &firewall) }
        }
        return Array(zip(conversations, outcomes)).map { ($0, $1) }
    }

    /// Sends a packet over the bridge, and has Weir judge it.
    private func pass(_ step: Step, _ firewall: inout Firewall) -> Outcome {
        Outcome(
            step: step, kernel: Crossing.overBridge(step, bed).flatMap(ConnectionState.init),
            weir: Crossing.throughWeir(step, &firewall).flatMap(ConnectionState.init))
    }
}
