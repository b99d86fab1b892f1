import KernelPath
import PacketIO

/// Programs and filters of others that see what Weir sends after its guard has let it out.
enum EgressFindings {
    static func of(_ link: Link, called name: String) -> [Finding] {
        let programs = PortGuard.programs(besidesWeirOn: link, .egress).map { program in
            (Finding.Topic.programs, program, "bpftool net show dev \(link.name) names it")
        }
        let filters = link.egressFilters().map { filter in
            (Finding.Topic.programs, filter, "tc filter show dev \(link.name) egress shows it")
        }
        return (programs + filters).map { topic, hook, place in
            Finding(
                .warning, topic, name,
                "\(hook) at the egress of \(link.name) sees what Weir sends: what it drops or redirects is lost, and what it redirects counts "
                    + "as sent", do: "take it off, or be sure of it: \(place)")
        }
    }
}
