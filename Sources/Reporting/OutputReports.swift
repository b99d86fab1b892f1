/// What a file of frames holds, and what it doesn't.
package struct CaptureReport: Encodable {
    package var written: UInt64
    package var lost: UInt64
    /// Frames beyond the number that a second may have; nil if there is no such number.
    package var leftOut: UInt64?
    /// Frames that the filter did not want; nil if there can't be one.
    package var unmatched: UInt64?

    /// Puts the numbers together.
    package init(written: UInt64, lost: UInt64, leftOut: UInt64? = nil, unmatched: UInt64? = nil) {
        self.written = written
        self.lost = lost
        self.leftOut = leftOut
        self.unmatched = unmatched
    }

    /// For people.
    package var text: String {
        var text = "\(written) written, \(lost) lost"
        if let leftOut, leftOut > 0 { text += ", \(leftOut) left out" }
        if let unmatched, unmatched > 0 { text += ", \(unmatched) not wanted by the filter" }
        return text
    }
}

/// What a file of events holds, and what it doesn't.
package struct EventReport: Encodable {
    package var written: UInt64
    package var leftOut: UInt64

    /// Puts the numbers together.
    package init(written: UInt64, leftOut: UInt64) {
        self.written = written
        self.leftOut = leftOut
    }
}

/// What went to files other than the list of frames, in the reports of runs and replays.
package struct OutputReports: Encodable {
    /// The capture of dropped frames.
    package var capture: CaptureReport?
    /// By the groups' numbers.
    package var groups: [String: CaptureReport]?
    package var events: EventReport?

    /// Puts the reports together; nil for outputs that nobody asked for.
    package init(capture: CaptureReport? = nil, groups: [(group: UInt16, report: CaptureReport)]?, events: EventReport?) {
        self.capture = capture
        self.groups = groups.map { Dictionary(uniqueKeysWithValues: $0.map { ("\($0.group)", $0.report) }) }
        self.events = events
    }

    /// A line for each, with an empty line before it.
    package func lines() -> String {
        var lines = ""
        if let capture { lines += "\ncapture: \(capture.text)\n" }
        for (group, capture) in (groups ?? [:]).sorted(by: { $0.key < $1.key }) { lines += "\ngroup \(group): \(capture.text)\n" }
        if let events { lines += "\nevents: \(events.written) written, \(events.leftOut) left out\n" }
        return lines
    }
}
