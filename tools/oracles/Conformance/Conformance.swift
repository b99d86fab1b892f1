import ArgumentParser
import Foundation
import KernelBridge

/// Random rules and random frames, through a Linux bridge with nft and through Weir: the same verdicts and the same counts.
@main
struct Conformance: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Hold Weir's verdicts and counters to those of a Linux bridge with nft, on random rules and frames.",
        discussion: """
            Every round makes a rule file and frames that meet its values, sends the frames through a bridge with nft's rules in a \
            network namespace of its own, and judges them by Weir. What differs is written to a file with the rules and the frame. \
            Exit code 0 if nothing differs, 1 if something does. Needs root. The nft of PATH is asked; from 1.1 on the rules have \
            statements and expressions which 1.0.6 does not have.
            """)

    @OptionGroup
    var options: OracleOptions

    @Option(help: "Rules that a base chain is made of, at the most.")
    var rules = 24

    @Option(help: "Frames for each rule file.")
    var frames = 1500

    @Option(help: "Where files with differences are written.")
    var findings = "."

    /// A source address that has the frame's number in it.
    static func source(_ number: UInt64) -> UInt64 { 0x0277_0000_0000 | number }

    func run() throws {
        try options.inFolder { folder in try run(in: folder) }
    }

    private func run(in folder: URL) throws {
        let bed = try TestBed(folder: folder)
        let isRecent = try TestBed.nftVersion >= (1, 1)
        var tally = Tally()
        let seeds = try options.forEachRound { round in
            var source = RuleSource(seed: round, isRecent: isRecent)
            let (text, refused, asksPacketHooks) = source.file(rules: rules, hasPacketHooks: TestBed.hasPacketHooks)
            tally.refused += refused
            let comparison = Comparison(rules: text, asksPacketHooks: asksPacketHooks, seed: round, frames: frames, bed: bed)
            let differences = try steadyDifferences(of: comparison, &tally)
            for difference in differences.prefix(5) { try report(difference, rules: text, round: round) }
            tally.differences += differences.count
        }
        print("seeds \(seeds)\(isRecent ? ", with what nft has from 1.1 on" : ""): \(tally)")
        // The kernel's own is to be rare, or something else is behind it.
        let isUnsteady = tally.unsteady > 1 + tally.files / 50
        if tally.differences > 0 || isUnsteady || tally.files == 0 || tally.dropped == 0 { throw ExitCode.failure }
    }

    /// What differs each time that the frames are sent.
    ///
    /// A frame that came late is no difference. Nor is a file for which the kernel doesn't count alike twice: while its hash table of a
    /// set is made larger, an element that a rule adds may find no place (lib/rhashtable.c, EBUSY), and the rule ends there.
    private func steadyDifferences(of comparison: Comparison, _ tally: inout Tally) throws -> [Difference] {
        if try comparison.run(&tally).differences.isEmpty { return [] }
        var again = Tally()
        let second = try comparison.run(&again)
        if second.differences.isEmpty { return [] }
        let third = try comparison.run(&again)
        if third.differences.isEmpty { return [] }
        if second.kernel != third.kernel {
            tally.unsteady += 1
            return []
        }
        return third.differences
    }

    private func report(_ difference: Difference, rules: String, round: UInt64) throws {
        var text = "# \(difference.text.replacing("\n", with: "\n# "))\n"
        if let frame = difference.frame {
            text += "# from \(TestBed.ports[Int(frame.ingress)]): \(hexadecimal(frame.bytes))\n"
        }
        let file = URL(filePath: findings).appending(path: "difference-\(round)-\(difference.frame?.number ?? 0).nft")
        try Data((text + rules).utf8).write(to: file)
        print("\(file.path): \(difference.text)")
    }
}
