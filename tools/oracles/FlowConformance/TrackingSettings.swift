import Flows
import FrameBuilder
import KernelBridge

/// How connections are tracked on both sides: what nf_conntrack's sysctls set.
struct TrackingSettings: CustomStringConvertible {
    var isLoose: Bool
    var isLiberal: Bool
    var ignoresInvalidReset: Bool
    var verifiesChecksums: Bool

    /// Long enough that nothing ends by itself within a round, or so short that everything does within a pause.
    private static let seconds: (short: UInt64, long: UInt64) = (1, 200)
    static let pause = 2.6

    /// Those that end in a pause, in half of the rounds.
    var short: Set<FlowTimeout>

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed ^ 0x7ab1e)
        isLoose = !random.oneIn(3)
        isLiberal = random.oneIn(5)
        ignoresInvalidReset = random.oneIn(5)
        verifiesChecksums = !random.oneIn(5)
        var short: Set<FlowTimeout> = []
        for timeout in Self.timeouts where random.oneIn(3) { short.insert(timeout) }
        self.short = short
    }

    /// Those that the kernel has a sysctl for; DCCP is no longer in it.
    private static let timeouts = FlowTimeout.allCases.filter { !$0.name.hasPrefix("dccp") && $0 != .tcpSYNSent2 }

    private func seconds(_ timeout: FlowTimeout) -> UInt64 { short.contains(timeout) ? Self.seconds.short : Self.seconds.long }

    var forWeir: FlowSettings {
        var settings = FlowSettings(flows: 65_536, flowsPerSource: 65_536, tcp: isLoose ? .loose : .strict, graceTime: 0)
        settings.isTCPLiberal = isLiberal
        settings.ignoresInvalidReset = ignoresInvalidReset
        settings.verifiesChecksums = verifiesChecksums
        for timeout in Self.timeouts { settings.timeouts[timeout] = seconds(timeout) }
        return settings
    }

    /// Of the namespace in which this runs.
    func applyToKernel() throws {
        var values = [
            "tcp_loose=\(isLoose ? 1 : 0)", "tcp_be_liberal=\(isLiberal ? 1 : 0)", "checksum=\(verifiesChecksums ? 1 : 0)",
            "tcp_ignore_invalid_rst=\(ignoresInvalidReset ? 1 : 0)",
        ]
        values += Self.timeouts.map { "\($0.name)=\(seconds($0))" }
        try TestBed.run("sysctl -qw \(values.map { "net.netfilter.nf_conntrack_\($0)" }.joined(separator: " "))")
    }

    var description: String {
        var words = [isLoose ? "loose" : "strict"]
        if isLiberal { words.append("be_liberal") }
        if ignoresInvalidReset { words.append("ignore_invalid_rst") }
        if !verifiesChecksums { words.append("checksum=0") }
        return (words + short.map { "\($0.name)=1" }.sorted()).joined(separator: ", ")
    }
}
