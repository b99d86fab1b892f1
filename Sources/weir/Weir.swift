import ArgumentParser

@main
struct Weir: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir",
        abstract: "A firewall that is a piece of wire.",
        discussion: """
            Weir sits inline between two network segments, has no address, and forwards between two interfaces what a rule \
            file in nftables' language allows, byte for byte.

            Exit codes: 0 all is well, 1 it can't be done (one sentence on standard error says why), 64 the command line is wrong, \
            65 the rules are wrong, 66 a rule file can't be read.
            """,
        version: weirVersion,
        subcommands: [Run.self, Replay.self, Check.self, Rules.self])
}

/// Of the program, in reports and captures.
let weirVersion = "0.1.0"
