import Logging
import PacketIO

/// Says of one port what other software or the operator do to it during the run that Weir can't mend, and `weir doctor` warns of: once when
/// it begins. What is there when the port is taken the start says.
struct InterferenceWatch {
    /// As they are now.
    private var known: Set<String> = []
    /// What the next look finds was said already: all, or what the preparation of a port says of offloads.
    private var isToldByStart = true
    private var isToldByPreparation = true
    private var notices = ChangeNotices()

    /// The port was just taken.
    ///
    /// - Parameter isStart: For the first time.
    mutating func begin(isStart: Bool) {
        known = []
        isToldByStart = isStart
        isToldByPreparation = true
    }

    /// - Parameter mtu: The operator's.
    mutating func look(at link: Link, called name: String, mtu: UInt32, _ links: Links, _ log: Logger) {
        // What can't be asked now will be in a second.
        guard let all = try? links.all(),
            let findings = try? LinkFindings.of(link, called: name, mtu: mtu, isTaken: true, among: all, links)
        else { return }
        let warnings = (findings + EgressFindings.of(link, called: name)).filter {
            // Said of the port itself, and by its preparation.
            $0.severity > .note && $0.topic != .link && $0.topic != .mtu
        }
        for finding in warnings where !known.contains(finding.text) {
            if isToldByStart || isToldByPreparation && finding.topic == .offloads { continue }
            if notices.mayPass() { log.warning("\(finding.sentence)") }
        }
        (isToldByStart, isToldByPreparation) = (false, false)
        known = Set(warnings.map(\.text))
        if let count = notices.sum() { summarize(count, name, log) }
    }

    mutating func finish(_ name: String, _ log: Logger) {
        if let count = notices.sum(isLast: true) { summarize(count, name, log) }
    }

    private func summarize(_ count: UInt64, _ name: String, _ log: Logger) {
        log.warning("what others do to \(name) has changed \(GuardWords.more(count)); weir doctor says what it is now")
    }
}
