public import Appliance
public import ArgumentParser

extension FailureMode: ExpressibleByArgument {}

/// How a run fails.
struct FailureOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "closed or open: what becomes of frames when Weir ends, crashes, is killed or does not move.",
            discussion: """
                closed: nothing passes until the next start; a run that ends puts the ports back. open: the kernel joins the two ports, and \
                everything passes without any rule, until the next start or "weir release". It needs BPF in the kernel and CAP_BPF. A run that \
                fails open can also be told to step aside: "weir bypass on".
                """, valueName: "how"))
    var failure = FailureMode.closed
}
