public import ArgumentParser
public import Flows

extension TCPMode: ExpressibleByArgument {}

/// `NAME=SECONDS`: how long a silent connection lasts.
struct TimeoutSetting {
    let timeout: FlowTimeout
    let seconds: UInt64

    init(_ argument: String) throws {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw ValidationError("write name=seconds, as in tcp_timeout_established=3600") }
        let name = parts[0].hasPrefix("nf_conntrack_") ? parts[0].dropFirst("nf_conntrack_".count) : parts[0]
        guard let timeout = FlowTimeout(name: String(name)) else {
            throw ValidationError("there is no timeout \(name); \"weir help run\" lists them")
        }
        guard let seconds = UInt64(parts[1]), (1...FlowTimeouts.longestSeconds).contains(seconds) else {
            throw ValidationError("\(name) takes seconds from 1 to \(FlowTimeouts.longestSeconds)")
        }
        self.timeout = timeout
        self.seconds = seconds
    }
}

/// How connections are followed, for rules that ask for them.
struct FlowOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Connections that each worker can follow at the same time.",
            discussion: """
                Weir allocates the memory at the start if the rules ask for connections (ct …): less than 128 bytes for each. When the \
                table is full, a new connection takes the place of one that has ended or was never answered, the oldest of the busiest \
                source first. If there is none, its first packet is dropped (flow-limit).
                """, valueName: "n"))
    var flows = FlowSettings().flows

    @Option(
        help: ArgumentHelp(
            "Percent of --flows that connections of one source may take.",
            discussion: """
                A source is an IPv4 address or an IPv6 /64, and what both ends have closed does not count. What would begin another makes \
                room of the source's own that have had no answer, the oldest first; otherwise it is dropped (flow-share). \
                (default: 12.5)
                """, valueName: "percent"))
    var flowShare: Double?

    @Option(
        help: ArgumentHelp(
            "loose, strict or off.",
            discussion: """
                loose: picks up TCP connections in the middle, as nf_conntrack_tcp_loose=1 does. strict: a connection begins with a SYN, \
                and other segments that belong to none are invalid. off: checks neither states nor sequence numbers.
                """, valueName: "mode"))
    var tcp = FlowSettings().tcp

    @Option(
        help: ArgumentHelp(
            "With --tcp strict, seconds after the start during which Weir picks up connections in the middle; 0 for never.",
            valueName: "seconds"))
    var tcpGrace = FlowSettings().graceTime / 1_000_000_000

    @Option(
        help: ArgumentHelp(
            "Seconds after which a silent connection ends; may be given several times.",
            discussion: """
                Names and defaults are those of nf_conntrack's sysctls: --flow-timeout tcp_timeout_established=3600. Names: \
                \(FlowTimeout.allCases.map(\.name).joined(separator: ", ")).
                """, valueName: "name=seconds"), transform: TimeoutSetting.init)
    var flowTimeout: [TimeoutSetting] = []

    var settings: FlowSettings {
        var settings = FlowSettings(
            flows: flows, flowsPerSource: flowShare.map { Int(Double(flows) * $0 / 100) }, tcp: tcp, graceTime: tcpGrace * 1_000_000_000)
        for setting in flowTimeout { settings.timeouts[setting.timeout] = setting.seconds }
        return settings
    }

    func validate() throws {
        guard (16...16_777_214).contains(flows) else { throw ValidationError("--flows takes a number from 16 to 16777214") }
        if let flowShare {
            guard flowShare > 0, flowShare <= 100 else { throw ValidationError("--flow-share takes a percentage above 0 and up to 100") }
        }
        guard tcpGrace <= 86_400 else { throw ValidationError("--tcp-grace takes seconds from 0 to 86400") }
    }
}

/// What becomes of connections when new rules come.
enum FlowReload: String, ExpressibleByArgument, CaseIterable {
    case keep, recheck
}
