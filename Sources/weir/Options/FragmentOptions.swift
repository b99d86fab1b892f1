public import ArgumentParser
public import Fragments
import Ruleset

extension FragmentMode: ExpressibleByArgument {
    /// What rules see of datagrams in fragments.
    var view: FragmentView {
        switch self {
        case .reassemble: .whole
        case .track: .first
        case .drop: .nothing
        }
    }
}

/// What is done with fragments, and what that may cost.
struct FragmentOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "reassemble, track or drop.",
            discussion: """
                reassemble: holds a datagram's fragments until it is whole, judges it once, and sends the frames as they came. track: \
                judges the first fragment, and the others follow it if they fit. drop: drops every fragment.
                """, valueName: "mode"))
    var fragments = FragmentMode.reassemble

    @Option(help: ArgumentHelp("Memory for held fragments, for each worker, in KiB; at least 512.", valueName: "KiB"))
    var fragmentMemory = FragmentLimits().bytes >> 10

    @Option(
        help: ArgumentHelp(
            "Datagrams that each worker holds fragments of; at most one for each 2 KiB of memory.", valueName: "n"))
    var fragmentDatagrams = FragmentLimits().datagrams

    @Option(help: ArgumentHelp("Most fragments that a datagram may have, 2 to 8192.", valueName: "n"))
    var fragmentsPerDatagram = FragmentLimits().fragmentsPerDatagram

    @Option(help: ArgumentHelp("Share of the memory for fragments from one host to one other, in percent.", valueName: "percent"))
    var fragmentShare = 25

    @Option(help: ArgumentHelp("Seconds after the first fragment until Weir gives up its IPv4 datagram.", valueName: "seconds"))
    var fragmentTimeout = FragmentLimits().ipv4Timeout / 1_000_000_000

    @Option(
        name: .customLong("fragment-timeout-ipv6"),
        help: ArgumentHelp("Seconds after the first fragment until Weir gives up its IPv6 datagram.", valueName: "seconds"))
    var fragmentTimeoutIPv6 = FragmentLimits().ipv6Timeout / 1_000_000_000

    var limits: FragmentLimits {
        let bytes = fragmentMemory << 10
        return FragmentLimits(
            bytes: bytes, datagrams: fragmentDatagrams, fragmentsPerDatagram: fragmentsPerDatagram,
            bytesPerPair: bytes / 100 * fragmentShare, ipv4Timeout: fragmentTimeout * 1_000_000_000,
            ipv6Timeout: fragmentTimeoutIPv6 * 1_000_000_000)
    }

    func validate() throws {
        func check(_ option: String, _ value: Int, _ range: ClosedRange<Int>) throws {
            guard range.contains(value) else {
                throw ValidationError("--\(option) takes a number from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try check("fragment-memory", fragmentMemory, 512...1 << 20)
        try check("fragment-datagrams", fragmentDatagrams, 1...65_536)
        try check("fragments-per-datagram", fragmentsPerDatagram, 2...8192)
        try check("fragment-share", fragmentShare, 1...100)
        try check("fragment-timeout", Int(clamping: fragmentTimeout), 1...3600)
        try check("fragment-timeout-ipv6", Int(clamping: fragmentTimeoutIPv6), 1...3600)
    }
}
