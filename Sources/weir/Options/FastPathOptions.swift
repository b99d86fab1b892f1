public import Appliance
public import ArgumentParser

extension FastPathMode: ExpressibleByArgument {}

/// What the kernel carries.
struct FastPathOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "auto, off or require: whether the kernel carries flows that the rules have let pass.",
            discussion: """
                Frames of a flow whose verdict can't change any more are forwarded by a program in the kernel, and counted as if Weir had \
                judged each of them. What a rule may judge in another way goes to Weir: "weir explain" says what keeps a flow there. It \
                needs Linux 5.12 and CAP_BPF. auto: where it can be had. require: don't start where it can't.
                """, valueName: "mode"))
    var fastPath = FastPathMode.off

    @Option(
        help: ArgumentHelp(
            "Flows that the kernel can carry at the same time; further ones are forwarded by Weir.",
            discussion: "They share about 400 bytes of kernel memory each, allocated at the start.", valueName: "n"))
    var fastPathFlows = 65_536

    func validate() throws {
        guard (16...4_194_304).contains(fastPathFlows) else { throw ValidationError("--fast-path-flows takes a number from 16 to 4194304") }
    }
}
