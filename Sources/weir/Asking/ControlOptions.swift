import Appliance
import ArgumentParser
import Control
import Glibc
import PacketIO
import Reporting
import Ruleset

/// `--control` of a run.
enum ControlPlace: ExpressibleByArgument {
    case off
    case path(String)

    init(argument: String) { self = argument == "off" ? .off : .path(argument) }

    /// The folder of sockets that nobody has named.
    static let folder = "/run/weir"
    /// The group that may read by them, where there is such a group.
    static let group = "weir"

    /// The socket of a run between these ports.
    /// - Parameter directory: That of its `--state-directory`.
    static func usual(_ ports: [String], in directory: String = folder) -> String {
        "\(directory)/\(ports.map { $0.replacing("/", with: "_") }.joined(separator: ",")).sock"
    }
}

/// Where a run can be asked and told things.
struct ControlServing: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Socket by which \"weir status\", \"weir reload\" and others ask the run; off for none. (default: A,B.sock in --state-directory)",
            discussion: """
                Its mode is 0660. Who can connect may read; root and the user of the process may change things. The group is "weir" if \
                there is one, else that of the process. Without --control, a socket that can't be made is a warning.
                """, valueName: "path"))
    var control: ControlPlace?

    @Option(
        help: ArgumentHelp(
            "Serve metrics for Prometheus over HTTP at this address.",
            discussion:
                "Anyone who can connect there can read them: an address of the loopback interface, as 127.0.0.1:9654, keeps to this machine.",
            valueName: "address:port"))
    var metrics: String?

    @Option(
        help: ArgumentHelp(
            "Keep the last N dropped frames in memory for \"weir drops\"; 0 for none.",
            discussion: "The first 256 bytes of each, and at most 500 a second of each worker.", valueName: "n"))
    var recentDrops = 1000

    @Option(
        help: ArgumentHelp(
            "Keep the last N rule sets with their texts, for \"weir history\" and \"weir rollback\"; 0 for none.",
            discussion: "They are in the folder A,B.history in --state-directory, at most 64 MiB. A change on trial needs them.",
            valueName: "n"))
    var history = RuleArchive.usualChanges

    func validate() throws {
        guard history == 0 || (2...RuleArchive.mostChanges).contains(history) else {
            throw ValidationError("--history takes a number from 2 to \(RuleArchive.mostChanges), or 0")
        }
        guard (0...100_000).contains(recentDrops) else { throw ValidationError("--recent-drops takes a number from 0 to 100000") }
        if let metrics, MetricsSocket.parts(metrics) == nil {
            throw ValidationError("--metrics takes an address with a port, as 127.0.0.1:9654 or [::1]:9654")
        }
        if case .path(let path)? = control, path.isEmpty { throw ValidationError("--control takes a path, or off") }
    }

    /// Who may read.
    private var group: UInt32? { getgrnam(ControlPlace.group).map { $0.pointee.gr_gid } }

    /// The rule sets that were in force; nil where none shall be kept.
    func archive(ports: [String], directory: String) throws(StartProblem) -> RuleArchive? {
        // Without a socket nobody can ask for them.
        if case .off? = control { return nil }
        guard history > 0 else { return nil }
        // As the notes on the ports, which come later.
        _ = mkdir(directory, 0o755)
        return try RuleArchive(
            ControlPlace.usual(ports, in: directory).replacing(".sock", with: ".history"), limit: history, group: group)
    }

    func settings(ports: [String], directory: String) -> ControlSettings? {
        switch control {
        case .off: return nil
        case .path(let path): return ControlSettings(path: path, isRequired: true, group: group)
        case nil:
            return ControlSettings(path: ControlPlace.usual(ports, in: directory), isRequired: false, group: group)
        }
    }
}

/// Which run is asked.
struct ControlAsking: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The run's socket, or its two ports with a comma between them. (default: the only one in /run/weir)", valueName: "path|a,b"))
    var run: String?

    /// The socket's path; throws the exit code where it is not clear, which has been said.
    private var path: String {
        get throws {
            if let run { return run.contains("/") ? run : ControlPlace.usual(run.split(separator: ",").map(String.init)) }
            let all = ProcFile.entries(ControlPlace.folder).filter { $0.hasSuffix(".sock") }.sorted()
            // A single one is asked in any case: then the reason is said.
            let names = all.count > 1 ? all.filter { !ControlSocket.isAbandoned("\(ControlPlace.folder)/\($0)") } : all
            if names.count == 1 { return "\(ControlPlace.folder)/\(names[0])" }
            throw refuse(
                names.isEmpty
                    ? "there is no socket of a run in \(ControlPlace.folder); name one with --run"
                    : "several runs have sockets in \(ControlPlace.folder) (\(names.listed(atMost: 16))); name one with --run")
        }
    }

    /// Asks the run, and prints each item as it comes.
    func ask(_ request: any ControlRequest, json: Bool) throws {
        try ask(request, form: json ? .json : .text) { json ? $0 + "\n" : $0 }
    }

    /// Asks the run, and prints of each item what is made of it; nothing for nil.
    func ask(_ request: any ControlRequest, form: ControlForm, _ text: (String) throws -> String?) throws {
        let path = try path
        do {
            var client = try ControlClient(path)
            let output = FileHandleOutput.standardOutput
            try client.ask(ControlCall(request, form: form)) { item in
                if let text = try text(item) { try output.deliver(text) }
            }
        } catch let code as ExitCode {
            throw code
        } catch let fault as ControlFault {
            throw refuse(fault.message)
        }
    }
}
