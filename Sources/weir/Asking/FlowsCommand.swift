import ArgumentParser
import Control

struct FlowsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flows",
        abstract: "List, count or end the connections of a run.",
        discussion: """
            Each connection is a line as conntrack -L prints it, or a JSON object. The filter is a list of conditions that must all hold:

              host A, src A, dst A      an address or prefix of either end, of who began it, of the other end
              port N, sport N, dport N  a port or a range N-M, in the same way
              proto NAME                icmp, icmpv6, tcp, udp, udplite, sctp, dccp, gre, or a number
              vlan N                    a tag's identifier
              state NAME                as conntrack names it: established, time_wait, …
              mark N                    the connection's mark
              replied, assured          packets went both ways; the connection is worth keeping
              all                       every one

            "not" before a condition turns it round. A connection that was ended begins again with its next packet, as after conntrack -D: \
            rules judge it as a new one.

            Example: weir flows src 10.0.0.0/8 dport 443 not state established
            """)

    @Argument(help: ArgumentHelp("Conditions that must all hold.", valueName: "filter"))
    var filter: [String] = []

    @Flag(help: "Print only how many there are.")
    var count = false

    @Flag(help: "List them and end them; needs a filter.")
    var kill = false

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print JSON, one object a line.")
    var json = false

    func validate() throws {
        if kill, filter.isEmpty { throw ValidationError("--kill needs a filter; \"all\" ends every connection") }
        do {
            _ = try FlowSelection(filter.joined(separator: " "))
        } catch {
            throw ValidationError(error.message)
        }
    }

    func run() throws {
        try asking.ask(FlowsRequest(filter: filter.joined(separator: " "), count: count, kill: kill), json: json)
    }
}
