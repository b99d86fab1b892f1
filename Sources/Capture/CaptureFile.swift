/// A capture that is written as its frames come, by the caller, who may wait for a disk.
public final class CaptureFile {
    private let writer: CaptureWriter
    private var explanations: Explanations
    private var hasBegun = false
    /// Where it goes; `-` is standard output.
    public let path: String

    /// Opens the file; an older one of that name is as it was until the first frame is written, or the end.
    public init(_ settings: CaptureSettings, explanation: DropCapture.Explanation? = nil) throws(CaptureError) {
        path = settings.path
        writer = try CaptureWriter(settings, origins: nil, isGivingUp: { false }, lostElsewhere: { 0 })
        explanations = Explanations(explanation)
    }

    /// Frames that are in the file.
    public var written: UInt64 { writer.written }

    /// Frames that the file did not take.
    public var unwritten: UInt64 { writer.unwritten }

    public func write(_ frame: UnsafeRawBufferPointer, _ record: CaptureRecord) {
        begin()
        writer.write(frame, record, comment: explanations.text(of: record))
    }

    /// Writes what the file ends with.
    public func finish() {
        begin()
        writer.end()
    }

    private func begin() {
        guard !hasBegun else { return }
        hasBegun = true
        writer.start()
    }
}
