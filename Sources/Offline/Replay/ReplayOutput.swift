import Capture
import Classifier
import Decisions
import Firewall
import Glibc
import Reporting
import Ruleset
import Wire

/// What is printed of each frame.
public enum ReplayListing: Sendable {
    case nothing
    /// A line of text.
    case text
    /// A line of JSON, in the shape of Suricata's EVE.
    case json
}

/// Says of each frame what became of it, and counts by port.
struct ReplayOutput: ReplaySink, ~Copyable {
    /// What came and left by one port.
    struct PortCount {
        var received = Hits()
        var sent = Hits()
    }

    private let program: Program
    private let listing: ReplayListing
    private let files: [String]
    private let accepted: CaptureFile?
    private let droppedPath: String?
    private let answers: CaptureFile?
    private var sink: DropSink
    private var explanations: Explanations
    private var lines: LineBuffer
    /// As they are printed in lines of text.
    private let portTitles: [String]
    private var encoder: EventEncoder
    /// The line that is being written.
    private var line: [UInt8] = []
    private let leaving: LeavingFrames
    private let comparison: RuleComparison?
    private(set) var ports = (PortCount(), PortCount())

    init(_ settings: ReplaySettings, _ comparison: RuleComparison?) {
        self.comparison = comparison
        let program = settings.program
        self.program = program
        listing = settings.listing
        files = settings.files
        accepted = settings.accepted
        droppedPath = settings.dropped?.path
        answers = settings.answers
        sink = DropSink(drops: settings.dropped, groups: settings.groups, events: settings.events)
        explanations = Explanations { CaptureComment.text(of: $0, program) }
        encoder = EventEncoder(program, ports: program.ports, communitySeed: settings.communitySeed)
        portTitles = program.ports.map(PrintableText.line)
        lines = LineBuffer(descriptor: settings.descriptor)
        leaving = LeavingFrames(settings.links)
    }

    /// Brings all lines out; returns the error number of what could not be written, or 0.
    mutating func flush() -> Int32 {
        lines.flush()
        return lines.errorNumber
    }

    /// The reader of the lines is gone.
    var isUnread: Bool { lines.errorNumber == EPIPE }

    // MARK: ReplaySink

    mutating func judged(_ frame: JudgedFrame) {
        count(received: frame)
        switch frame.judgement.verdict.fate {
        case .passes: send(frame)
        case .ends: if sink.takesDrops { sink.drop(placed(frame)) }
        case .waits: break
        }
        let difference = comparison.flatMap { comparison in
            comparison.difference(frame) { explanations.text(of: $0) }
        }
        switch listing {
        case .nothing: break
        case .text: list(frame, nil, difference)
        case .json: encode(frame, nil)
        }
    }

    mutating func logged(_ event: LoggedStatement, _ frame: JudgedFrame) {
        sink.log(event, placed(frame), at: frame.time)
        switch listing {
        case .nothing: break
        case .text: list(frame, event)
        case .json: encode(frame, event)
        }
    }

    mutating func answered(_ answer: UnsafeRawBufferPointer, _ frame: JudgedFrame) {
        guard let answers else { return }
        var record = sunk(frame).captureRecord()
        record.length = UInt32(truncatingIfNeeded: answer.count)
        record.isOutbound = true
        answers.write(answer, record)
    }

    mutating func leftOut(events count: Int, of frame: JudgedFrame) { sink.leaveOut(count, at: frame.time) }

    // MARK: Parts

    @inline(__always)
    private mutating func count(received frame: JudgedFrame) {
        let hits = Hits(frames: 1, bytes: UInt64(truncatingIfNeeded: frame.bytes.count))
        if frame.ingress == 0 { ports.0.received = ports.0.received + hits } else { ports.1.received = ports.1.received + hits }
    }

    @inline(__always)
    private mutating func send(_ frame: JudgedFrame) {
        var hits = Hits()
        leaving.forEach(of: frame) { bytes in
            hits = hits + Hits(frames: 1, bytes: UInt64(truncatingIfNeeded: bytes.count))
            if let accepted { capture(bytes, of: frame, in: accepted) }
        }
        if frame.ingress == 0 { ports.1.sent = ports.1.sent + hits } else { ports.0.sent = ports.0.sent + hits }
    }

    /// What captures and events are told of a frame.
    @inline(__always)
    private func sunk(_ frame: JudgedFrame) -> SunkFrame {
        SunkFrame(frame.judgement, ingress: frame.ingress, time: frame.time, bytes: frame.bytes)
    }

    /// The same with its place, of which events speak.
    private func placed(_ frame: JudgedFrame) -> SunkFrame {
        var sunk = sunk(frame)
        let file = files.indices.contains(Int(frame.place.file)) ? files[Int(frame.place.file)] : ""
        sunk.place = EventEncoder.Place(number: frame.place.number, file: file)
        return sunk
    }

    /// Writes what leaves of a frame.
    private func capture(_ bytes: UnsafeRawBufferPointer, of frame: JudgedFrame, in file: CaptureFile) {
        var record = sunk(frame).captureRecord()
        record.length = UInt32(truncatingIfNeeded: bytes.count)
        record.port = 1 - min(frame.ingress, 1)
        record.isOutbound = true
        file.write(bytes, record)
    }

    /// `1 15:09:26.535897932 eth1 > eth2 IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], length 60: drop by policy of chain …`
    private mutating func list(_ frame: JudgedFrame, _ event: LoggedStatement?, _ difference: String? = nil) {
        if files.count > 1 {
            lines.append(decimal: UInt64(frame.place.file) + 1)
            lines.append(":")
        }
        lines.append(decimal: frame.place.number)
        lines.append(" ")
        lines.append(timeOfDay: frame.time)
        lines.append(" ")
        lines.append(portTitles[frame.ingress == 0 ? 0 : 1])
        lines.append(" > ")
        lines.append(portTitles[frame.ingress == 0 ? 1 : 0])
        lines.append(" ")
        FrameLine.append(frame.judgement.frame, frame.bytes.bytes, to: &lines)
        lines.append(": ")
        lines.append(explanations.text(of: sunk(frame).captureRecord(for: event)) ?? "")
        if event == nil, frame.judgement.leavesInFragments { lines.append(", in fragments") }
        if event == nil, frame.judgement.losesTrailer { lines.append(", without its trailer") }
        if let difference, let comparison {
            lines.append("; with ")
            lines.append(PrintableText.line(comparison.name))
            lines.append(": ")
            lines.append(difference)
        }
        lines.endLine()
    }

    private mutating func encode(_ frame: JudgedFrame, _ event: LoggedStatement?) {
        line.removeAll(keepingCapacity: true)
        let frame = placed(frame)
        encoder.append(
            frame.logRecord(for: event, at: frame.time), at: frame.place, captureFile: droppedPath, hasVerdict: true, to: &line)
        line.withUnsafeBufferPointer { lines.append($0) }
        lines.flushIfFull()
    }
}
