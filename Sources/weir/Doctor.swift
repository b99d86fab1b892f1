import Appliance
import ArgumentParser
import FoundationEssentials
import Reporting

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say whether a wire can be trusted: its ports, the kernel, the guard, and who else is there.",
        discussion: """
            Looks at two interfaces, before a run or while Weir runs on them, and changes nothing. It says whether the guard stands and \
            comes first, and names what can get frames past the rules (XDP programs, nftables chains at the egress, TCX programs before \
            the guard), what the host would say or hear, and other software that sets up interfaces or listens to them.

            Each finding is a note, a warning or a fault, with what to do. Exit code 0 if there is no fault, 1 if there is one.

            Needs what "run" needs: root, or CAP_NET_ADMIN and CAP_NET_RAW.

            Example: weir doctor --ports eth1,eth2
            """)

    @Option(help: ArgumentHelp("The two interfaces, with a comma between them.", valueName: "a,b"))
    var ports: String

    @Option(help: ArgumentHelp("Where runs note the ports' previous state.", valueName: "folder"))
    var stateDirectory = "/run/weir"

    @Flag(help: "Print one JSON object with ports, findings and whether the wire is trustworthy.")
    var json = false

    private var portNames: [String] { ports.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }

    func validate() throws {
        guard portNames.count == 2, portNames.allSatisfy({ !$0.isEmpty }) else {
            throw ValidationError("--ports takes two interfaces with a comma between them, as in --ports eth1,eth2")
        }
    }

    func run() throws {
        let doctor = Doctor(ports: portNames, stateDirectory: stateDirectory)
        if json {
            try FileHandleOutput.standardOutput.deliver(doctor.jsonText)
        } else {
            try FileHandleOutput.standardOutput.deliver(doctor.text)
        }
        if !doctor.trustworthy { throw ExitCode.failure }
    }
}
