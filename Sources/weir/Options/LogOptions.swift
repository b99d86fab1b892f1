import Appliance
import ArgumentParser
import Capture
import Classifier
import Offline
import Reporting

/// `N=FILE`: where the frames of `log group N` go.
struct GroupFile {
    let group: UInt16
    let path: String

    init(_ argument: String) throws {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { throw ValidationError("write n=file, as in 5=/var/tmp/group5.pcapng") }
        guard let group = UInt16(parts[0]) else { throw ValidationError("a group is a number from 0 to 65535") }
        self.group = group
        path = String(parts[1])
    }
}

/// What is written of what `log` statements see, and where: of live frames and of recorded ones.
struct LogOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write the frames of \"log group N\" to this file, as pcapng; may be given for several groups.", valueName: "n=file"),
        transform: GroupFile.init)
    var group: [GroupFile] = []

    @Option(
        help: ArgumentHelp(
            "Append the events of log statements to this file, a line of JSON each, in the shape of Suricata's EVE.",
            discussion: """
                - is standard output; reports then go to standard error. Without this option, a run prints log statements among its \
                messages, and a replay prints them among its frames.
                """, valueName: "file"))
    var events: String?

    @Flag(inversion: .prefixedNo, help: "Write an event for each dropped frame too.")
    var eventsDrops = false

    @Option(
        help: ArgumentHelp(
            "Write at most N events a second, and the number of the others. (default: 1000 for a run, all for a replay)",
            valueName: "n/second"), transform: SecondRate.init)
    var eventsRate: SecondRate?

    @Option(
        help: ArgumentHelp(
            "The seed of community_id, from 0 to 65535; the same in all programs whose events are joined by it.", valueName: "n"))
    var communitySeed: UInt16 = 0

    /// What is written.
    var paths: [String] { (events.map { [$0] } ?? []) + group.map(\.path) }

    func validate() throws {
        if events == nil, eventsDrops || eventsRate != nil {
            throw ValidationError("--events-\(eventsDrops ? "drops" : "rate") needs --events")
        }
        if let repeated = group.indices.first(where: { index in group[..<index].contains { $0.group == group[index].group } }) {
            throw ValidationError("--group \(group[repeated].group) is given twice")
        }
    }

    private func eventSettings(usualRate: Int) -> EventSettings? {
        events.map {
            EventSettings(
                path: $0, includesDrops: eventsDrops, linesPerSecond: eventsRate?.count ?? usualRate, communitySeed: communitySeed)
        }
    }

    /// One sentence for each group that no rule names.
    private func warnings(_ unused: [UInt16]?) -> [String] {
        (unused ?? []).map { "no rule has \"log group \($0)\", so its capture stays empty" }
    }

    /// Opens the outputs of a run.
    /// - Parameter drops: Whose file is named in the events of dropped frames.
    func open(
        _ generations: RulesetGenerations, workers: Int, drops: DropCapture?
    ) throws(CaptureError) -> (groups: GroupOutputs<DropCapture>?, events: EventWriter?, warnings: [String]) {
        let program = generations.current.program
        var captures: [UInt16: DropCapture] = [:]
        for file in group { captures[file.group] = try DropCapture(CaptureSettings(path: file.path), generations, workers: workers) }
        let groups = captures.isEmpty ? nil : GroupOutputs(captures, program)
        var writer: EventWriter?
        if let settings = eventSettings(usualRate: 1000) {
            writer = try EventWriter(settings, generations, ports: program.ports, drops: drops)
        }
        return (groups, writer, warnings(groups?.unused))
    }

    /// Opens the outputs of a replay.
    /// - Parameters:
    ///   - origin: What captures say of themselves.
    ///   - dropped: The file of dropped frames, to be named in their events.
    func open(
        _ program: Program, origin: CaptureOrigin, dropped: String?
    ) throws(CaptureError) -> (groups: GroupOutputs<CaptureFile>?, events: EventFile?, warnings: [String]) {
        var files: [UInt16: CaptureFile] = [:]
        for file in group {
            var settings = CaptureSettings(path: file.path)
            settings.origin = origin
            files[file.group] = try CaptureFile(settings) { CaptureComment.text(of: $0, program) }
        }
        let groups = files.isEmpty ? nil : GroupOutputs(files, program)
        var writer: EventFile?
        if let settings = eventSettings(usualRate: .max) { writer = try EventFile(settings, program, captureFile: dropped) }
        return (groups, writer, warnings(groups?.unused))
    }
}
