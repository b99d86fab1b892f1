import Foundation

/// dumpcap or tcpdump at work between the hosts, beside whatever forwards.
final class Recorder {
    private let process: Background
    private let file: URL

    /// Returns once it hears both ports, or the one that it is to hear.
    ///
    /// - Parameter command: of which `-w FILE` is missing.
    init(_ lab: Lab, _ command: [String], ports: [String] = [Lab.ports.near, Lab.ports.far], to file: URL) throws {
        self.file = file
        process = try lab.start(in: .fw, Self.hearingSignals + command + ["-w", file.path])
        let indices = try Set(
            ports.map { try lab.require(in: .fw, "cat /sys/class/net/\($0)/ifindex").trimmingCharacters(in: .whitespacesAndNewlines) })
        let hears = try eventually(within: .seconds(20), every: .milliseconds(20)) {
            try FileManager.default.fileExists(atPath: file.path) && indices.isSubset(of: interfacesHeard(lab))
        }
        guard hears else { throw CommandFailure(description: "\(command[0]) does not listen: \(process.errorText)") }
    }

    /// Signals are blocked in the threads of the tests, and so they are in what those start.
    private static let hearingSignals = [
        "/usr/bin/python3", "-c",
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); os.execvp(sys.argv[1], sys.argv[1:])",
    ]

    /// The indices of the interfaces on which its packet sockets run, by /proc/net/packet: the fifth column is the interface, the sixth
    /// whether the socket runs, the last its inode.
    private func interfacesHeard(_ lab: Lab) throws -> Set<String> {
        let folder = "/proc/\(process.process.processIdentifier)/fd"
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let own = Set(descriptors.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)") })
        let sockets = try lab.require(in: .fw, "cat /proc/net/packet").lines.map { $0.split(separator: " ") }
        return Set(
            sockets.filter { $0.count == 9 && $0[5] == "1" && own.contains("socket:[\($0[8])]") }.map { String($0[4]) })
    }

    /// Ends it once its file has so many frames: what the kernel still holds for it at its end is lost.
    func end(after count: UInt64) throws {
        let isThere = try eventually(within: .seconds(20), every: .milliseconds(50)) { try frames() >= count }
        process.signal(SIGTERM)
        guard isThere else { throw CommandFailure(description: "\(try frames()) frames of \(count) captured: \(process.errorText)") }
        guard process.wait(limit: .seconds(20)) != nil else { throw CommandFailure(description: "it does not end") }
    }

    /// Whole frames that are in its file by now.
    private func frames() throws -> UInt64 {
        let fields = try Command.run(["capinfos", "-T", "-r", "-M", "-c", file.path]).output.split(whereSeparator: \.isWhitespace)
        return fields.last.flatMap { UInt64($0) } ?? 0
    }
}
