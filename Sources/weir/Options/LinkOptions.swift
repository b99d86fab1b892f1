public import ArgumentParser
public import Firewall

extension TooBigHandling: ExpressibleByArgument {}

/// What becomes of packets that are too big for the other port.
struct TooBigOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "drop, answer or fragment: what to do with packets that are larger than the other port's MTU.",
            discussion: """
                fragment: IPv4 packets without DF leave in fragments; others are dropped, and their senders told ("fragmentation needed", \
                "packet too big"). answer: drops all of them, and tells the senders of those with DF and of IPv6. drop: tells nobody.
                """, valueName: "how"))
    var tooBig = TooBigHandling.fragment
}

/// The ports' MTUs, where there are no interfaces to ask.
struct LinkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The ports' MTUs in bytes: one for both, or two with a comma between them.",
            discussion: "Without it packets of any size fit.",
            valueName: "n[,n]"), transform: PortMTUs.init)
    var mtu: PortMTUs?

    @OptionGroup
    var handling: TooBigOptions

    var links: LinkLimits { LinkLimits(mtus: mtu.map { ($0.near, $0.far) }, handling: handling.tooBig) }
}

/// `N` or `N,N`.
struct PortMTUs {
    /// ETH_MIN_MTU and ETH_MAX_MTU (include/uapi/linux/if_ether.h).
    private static let range = 68...65_535

    let near: Int
    let far: Int

    init(_ argument: String) throws {
        let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard (1...2).contains(numbers.count), numbers.allSatisfy(Self.range.contains) else {
            throw ValidationError(
                "an MTU is a number from \(Self.range.lowerBound) to \(Self.range.upperBound); write one for both ports, or two as in 1500,1400"
            )
        }
        near = numbers[0]
        far = numbers[numbers.count - 1]
    }
}
