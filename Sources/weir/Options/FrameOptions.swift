import ArgumentParser
import Firewall

/// How closely frames are looked at before any rule sees them.
enum Sanity: String, ExpressibleByArgument, CaseIterable {
    case basic, strict
}

/// What frames must be before the rules see them.
struct FrameOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "VLAN tags that a frame may have.",
            discussion: """
                A frame with more is dropped (vlan-depth). Rules see the packet after one tag, so 1 lets nothing pass whose packet they \
                can't see. Priority tags (VLAN 0) don't count: rules look through all of them.
                """, valueName: "n"))
    var maxTags = FrameChecks().maximumTags

    @Option(
        help: ArgumentHelp(
            "basic or strict: which frames are dropped before any rule.",
            discussion: """
                basic drops malformed packets. strict also drops what a Linux bridge or a receiving host drops before any rule: a source \
                MAC address that is a group's or all zeros (source-mac), a source IP address that is a group's, broadcast, or all zeros \
                where no host may use that (source-address; DHCP passes), and IPv6 hop-by-hop options that do not add up \
                (hop-by-hop-options).
                """, valueName: "how"))
    var sanity = Sanity.basic

    var checks: FrameChecks { FrameChecks(maximumTags: maxTags, isStrict: sanity == .strict) }

    func validate() throws {
        guard (0...32_767).contains(maxTags) else { throw ValidationError("--max-tags takes a number from 0 to 32767") }
    }
}
