import Appliance
import ArgumentParser
import Logging

struct ReleaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Give two ports back to the host that a run has left guarded or joined.",
        discussion: """
            A run that was killed leaves its ports guarded, so that nothing passes, or joined (--failure open). This puts them back as they \
            were before the run, without a start: MTU, IPv6 with its addresses and routes, offloads, promiscuous mode. From then on the host \
            hears and speaks there. A port that a run holds is refused.

            Exit code 1 if a port is not as it was.

            Example: weir release --ports eth1,eth2
            """)

    @Option(help: ArgumentHelp("The two interfaces, with a comma between them.", valueName: "a,b"))
    var ports: String

    @Option(help: ArgumentHelp("Where runs note the ports' previous state.", valueName: "folder"))
    var stateDirectory = "/run/weir"

    private var portNames: [String] { ports.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }

    func validate() throws {
        guard portNames.count == 2, portNames.allSatisfy({ !$0.isEmpty }) else {
            throw ValidationError("--ports takes two interfaces with a comma between them, as in --ports eth1,eth2")
        }
    }

    func run() throws {
        let texts = try Texts(reportsToError: false)
        var log = Logger(label: "weir") { _ in LineLog(texts.errors) }
        log.logLevel = .info
        defer { _ = texts.finish() }
        do {
            guard try PortRelease(ports: portNames, stateDirectory: stateDirectory, log: log).run() else { throw ExitCode.failure }
        } catch let code as ExitCode {
            throw code
        } catch {
            let (text, code) = refusal(error, sources: [])
            texts.errors.write(text)
            throw code
        }
    }
}
