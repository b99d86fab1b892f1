import ArgumentParser
import Glibc
import Offline

struct Weir: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir",
        abstract: "A firewall that is a piece of wire.",
        discussion: """
            Weir sits inline between two network segments and has no address. It forwards between two interfaces what a rule file in \
            nftables' language allows, byte for byte.

            "weir help packets" says how packets are described to "explain" and "test".

            Exit codes: 0 success, 1 failure (one sentence on standard error says why) or a failed test of rules, 64 the command line \
            is wrong, 65 rules or cases are wrong or a capture is damaged, 66 a file can't be read, 70 an internal error of Weir, 141 the \
            reader of the output went away.
            """,
        version: weirVersion,
        subcommands: [
            Run.self, Replay.self, Check.self, Rules.self, Explain.self, Diff.self, Query.self, Test.self, DoctorCommand.self,
            SettingsCommand.self, Status.self, ReloadCommand.self, ApplyCommand.self, ConfirmCommand.self, RollbackCommand.self,
            HistoryCommand.self, CountersCommand.self, FlowsCommand.self, SetsCommand.self, DropsCommand.self, BypassCommand.self,
            ReleaseCommand.self,
        ])
}

/// Where the program begins: `weir help packets` is a text that belongs to no command, all else is a command.
@main
enum Main {
    static func main() {
        // A reader that goes away is an error of the write, not the end of the process: a wire must not be cut for it.
        signal(SIGPIPE, SIG_IGN)
        let arguments = CommandLine.arguments.dropFirst()
        if arguments == ["help", "packets"] {
            do { try FileHandleOutput.standardOutput.deliver(PacketLanguage.help) } catch { Weir.exit(withError: error) }
        } else if arguments.first == "help", let word = arguments.dropFirst().first, !isCommand(word) {
            complain("weir: there is no command \(word) to help with; \"weir help\" lists the commands")
            Glibc.exit(ExitCode.validationFailure.rawValue)
        } else {
            do { Weir.main(try RunSettings.expanded(Array(arguments))) } catch { Weir.exit(withError: error) }
        }
    }

    /// Options of `help` itself are left to it.
    private static func isCommand(_ word: String) -> Bool {
        word.hasPrefix("-") || word == "help" || Weir.configuration.subcommands.contains { $0._commandName == word }
    }
}

/// The program's version, in reports and captures.
let weirVersion = "0.1.0"
