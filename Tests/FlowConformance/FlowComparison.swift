import Classifier
import Firewall
import Foundation
import FrameBuilder
import KernelBridge
import Ruleset
import Wire

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
            program: program, counters: FirewallCounters(for: program), flows: settings.forWeir, start: Self.now.monotonic)
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

    private static var now: Instant {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Instant(monotonic: UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec), sinceEpoch: 1_767_268_800_000_000_000)
    }

    /// Sends a packet over the bridge, and has Weir judge it.
    private func pass(_ step: Step, _ firewall: inout Firewall) -> Outcome {
        Outcome(step: step, kernel: kernelState(step), weir: weirState(step, &firewall))
    }

    private func kernelState(_ step: Step) -> ConnectionState? {
        let (end, other) = step.from == .near ? (bed.near, bed.far) : (bed.far, bed.near)
        _ = other.received()
        guard end.send(step.frame) else { return nil }
        // It crosses the bridge within the call that sends it, unless the kernel puts it off.
        for _ in 0..<100 {
            if let frame = other.received().first { return ConnectionState(frame) }
            usleep(500)
        }
        return nil
    }

    private func weirState(_ step: Step, _ firewall: inout Firewall) -> ConnectionState? {
        let taken = takeOutTag(of: step.frame)
        var bytes = taken?.bytes ?? step.frame
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        let judgement = firewall.judge(&raw, tag: taken?.tag, ingress: UInt8(step.from.rawValue), at: Self.now)
        return judgement.verdict == .accept ? ConnectionState(bytes) : nil
    }
}
