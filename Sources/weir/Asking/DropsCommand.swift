import ArgumentParser
import Capture
import Control
import Decisions
import FoundationEssentials

struct DropsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drops",
        abstract: "Print the last dropped frames of a run, each with the rule or the reason.",
        discussion: """
            A run keeps the last --recent-drops frames, up to 500 a second of each worker, and of each the first 256 bytes. The filter is an \
            expression of pcap-filter(7).

            Example: weir drops --follow --reason rule host 192.0.2.7 and tcp port 443
            """)

    @Argument(help: ArgumentHelp("Only frames that match this expression of pcap-filter(7).", valueName: "filter"))
    var filter: [String] = []

    @Flag(help: "Go on with those that are dropped from now on, until SIGINT.")
    var follow = false

    @Option(help: ArgumentHelp("Begin with the last N. (default: all that are kept)", valueName: "n"))
    var last: Int?

    @Option(help: ArgumentHelp("Only frames that were dropped for this reason.", valueName: "name"))
    var reason: String?

    @Option(help: ArgumentHelp("Only frames that a rule dropped which has this comment, or stands there.", valueName: "comment|file:line"))
    var rule: String?

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print JSON, one object a line.")
    var json = false

    func validate() throws {
        if let last, last < 0 { throw ValidationError("--last takes a number of at least 0") }
        let reasons = Reason.allCases.filter { $0 != .held && $0 != .acceptByRule && $0 != .acceptByPolicy }.map(\.name)
        if let reason, !reasons.contains(reason) {
            throw ValidationError(
                "--reason takes the name of a reason to drop, and not \"\(reason)\"; accepted: \(reasons.joined(separator: ", "))")
        }
        _ = try matching()
    }

    /// nil if all match.
    private func matching() throws -> CaptureFilter? {
        let expression = filter.joined(separator: " ")
        guard !expression.isEmpty else { return nil }
        do throws(CaptureError) {
            return try CaptureFilter(expression, snapLength: CaptureSettings.longestSnapLength)
        } catch {
            throw ValidationError(error.description)
        }
    }

    func run() throws {
        let matching = try matching()
        try asking.ask(DropsRequest(follow: follow, last: last), form: .json) { item in
            let drop = try JSONDecoder().decode(DroppedFrame.self, from: Data(item.utf8))
            guard reason == nil || drop.reason == reason, rule == nil || drop.rule == rule || drop.comment == rule else { return nil }
            if let matching, !drop.bytes.withUnsafeBytes({ matching.matches($0, length: drop.length) }) { return nil }
            return json ? item + "\n" : drop.text
        }
    }
}
