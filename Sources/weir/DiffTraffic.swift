import ArgumentParser
import Classifier
import Offline
import Reporting
import Ruleset

extension Diff {
    /// Judges captures by both rule sets, and prints which frames get another verdict.
    func compareTraffic(_ before: Ruleset, _ after: Ruleset, ports: [String]) throws {
        try recorded.check(ports: ports)
        var settings = ReplaySettings(try program(before, ports), files: pcap)
        recorded.apply(to: &settings)
        settings.fragments = fragments.fragments
        settings.fragmentLimits = fragments.limits
        settings.flows = flows.settings
        settings.checks = frames.checks
        settings.links = links.links
        let difference = TrafficDifference(before, after, comparing: try program(after, ports), &settings)
        Interruption.listen()
        var progress = ProgressLine(files: pcap, isWanted: true)
        var replay = ReplayRun(settings)
        var code = try replay.readAll(pcap, showing: &progress)
        let report = difference.report(replay.finish())
        if replay.framesRead > 0 || code == .success {
            try FileHandleOutput.standardOutput.deliver(json ? report.text(json: true) : report.text(limit: regions))
        }
        if code == .success, !report.isEqual { code = ExitCode(1) }
        if code != .success { throw code }
    }

    private func program(_ ruleset: Ruleset, _ ports: [String]) throws -> Program {
        do { return try Program(compiling: ruleset, ports: ports) } catch { throw refuse(error, sources: ruleset.sources) }
    }
}
