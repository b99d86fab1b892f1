public import ArgumentParser
import Capture
import Classifier
import Glibc
import Offline
public import Wire

/// By which port recorded frames came, and what is made of what captures leave out.
struct RecordedOptions: ParsableArguments {
    @Option(help: ArgumentHelp("All frames came by this port.", valueName: "a"))
    var ingress: String?

    @Option(
        help: ArgumentHelp(
            "Frames of these stations came by this port; may be given once for each port.",
            discussion: "If given for one port only, all other stations belong to the other port.", valueName: "a=mac,…"),
        transform: PortStations.init)
    var ingressMac: [PortStations] = []

    @Option(
        help: ArgumentHelp(
            "The interface with this number was this port; may be given several times.",
            discussion: """
                For captures whose link headers have interface numbers: LINUX_SLL2 (tcpdump -i any), NFLOG, DSA and ERF.
                """, valueName: "n=a"))
    var map: [NumberedPort] = []

    @Option(
        help: ArgumentHelp(
            "skip or zeros: what to do with frames whose end was not captured.",
            discussion: """
                skip: counts them without judging them; their connections follow them if the TCP or UDP header was captured. zeros: \
                judges them with zeros for the missing bytes, which is right if all headers were captured that the rules read. \
                Checksums of such frames are not looked at.
                """, valueName: "how"))
    var cutFrames = CutFrames.skip

    @Option(
        help: ArgumentHelp(
            "verify, offload or ignore: what to make of the transport checksums of TCP and UDP.",
            discussion: """
                offload: a checksum that is exactly the pseudo header's sum was left to hardware, as in captures of a sending host; it \
                counts as right, and the report says how many there were. verify: such a checksum is wrong too. ignore: looks at none.
                """, valueName: "how"))
    var checksums = ChecksumTrust.offload

    func validate() throws {
        if ingress != nil, !ingressMac.isEmpty { throw ValidationError("give --ingress or --ingress-mac, not both") }
    }

    /// True if any of them says something else than its default.
    var isGiven: Bool { ingress != nil || !ingressMac.isEmpty || !map.isEmpty || cutFrames != .skip || checksums != .offload }

    /// Refuses ports that there aren't.
    func check(ports: [String]) throws {
        for name in [ingress].compactMap({ $0 }) + ingressMac.map(\.port) + map.map(\.port) where !ports.contains(name) {
            throw ValidationError("'\(name)' is neither of the ports \(ports.joined(separator: " and "))")
        }
    }

    func apply(to settings: inout ReplaySettings) {
        let ports = settings.program.ports
        settings.ingress = choice(ports)
        for entry in map { settings.interfaceNumbers[entry.number] = entry.port == ports[0] ? 0 : 1 }
        settings.fillsCutFrames = cutFrames == .zeros
        settings.checksums = checksums
    }

    private func choice(_ ports: [String]) -> IngressChoice {
        func index(_ name: String) -> UInt8 { name == ports[0] ? 0 : 1 }
        if let ingress { return .port(index(ingress)) }
        guard let first = ingressMac.first else { return .interfaceNames }
        let stations = ingressMac.reduce(into: [UInt64: UInt8]()) { known, option in
            for address in option.addresses { known[address] = index(option.port) }
        }
        let isOfOnePort = ingressMac.allSatisfy { $0.port == first.port }
        return .stations(stations, others: isOfOnePort ? 1 - index(first.port) : nil)
    }
}

extension ReplayRun {
    /// Reads captures one after the other, and says on standard error what can't be read.
    /// - Returns: Success, or the exit code of the first fault.
    mutating func readAll(_ files: [String], showing progress: inout ProgressLine) throws -> ExitCode {
        var code = ExitCode.success
        for (index, file) in files.enumerated() where !Interruption.isHere && !isUnread {
            do throws(ReplayProblem) {
                try read(index, isStopping: { Interruption.isHere }) { progress.show(bytes: $0.bytes, frames: $0.frames) }
            } catch {
                progress.clear()
                complain("weir: \(error)")
                if case .ingress = error { throw ExitCode(EX_USAGE) }
                if code == .success { code = error.exitCode }
            }
            progress.finishFile(file)
        }
        progress.clear()
        if Interruption.isHere { complain("weir: interrupted; the report has the frames up to here") }
        return code
    }
}

extension ReplayProblem {
    fileprivate var exitCode: ExitCode {
        guard case .capture(let fault) = self, case .unreadable = fault.kind else { return .badRules }
        return .noInput
    }
}

extension ChecksumTrust: ExpressibleByArgument {}

/// What becomes of frames of which the end was not captured.
enum CutFrames: String, ExpressibleByArgument, CaseIterable {
    case skip, zeros
}

/// `N=PORT`: the interface with this number was this port.
struct NumberedPort: ExpressibleByArgument {
    let number: UInt32
    let port: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt32(parts[0]), !parts[1].isEmpty else { return nil }
        self.number = number
        port = String(parts[1])
    }
}

/// `PORT=MAC,MAC,…`: stations at a port.
struct PortStations {
    let port: String
    /// In the low 48 bits each.
    let addresses: [UInt64]

    init(_ argument: String) throws {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("write port=mac, as in eth1=02:00:00:00:00:01") }
        var addresses: [UInt64] = []
        for text in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
            let octets = text.split(separator: ":", omittingEmptySubsequences: false)
            func refuse() -> ValidationError { ValidationError("'\(text)' is no hardware address, as 02:00:00:00:00:01 is") }
            guard octets.count == 6 else { throw refuse() }
            var address: UInt64 = 0
            for octet in octets {
                guard (1...2).contains(octet.count), let value = UInt8(octet, radix: 16) else { throw refuse() }
                address = address << 8 | UInt64(value)
            }
            addresses.append(address)
        }
        port = String(parts[0])
        self.addresses = addresses
    }
}
