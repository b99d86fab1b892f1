package import Capture
package import Decisions
package import Firewall
package import Wire

/// A frame that is dropped or logged, with all that captures and events say of it.
package struct SunkFrame {
    package var judgement: Judgement
    /// Index of the port by which it came.
    package var ingress: UInt8
    /// When it came, in nanoseconds since the epoch.
    package var time: UInt64
    /// As rules have left them. Valid during the call.
    package var bytes: UnsafeRawBufferPointer
    /// The outermost tag, where it stands apart from the bytes.
    package var tag: VLANTag?
    package var partialChecksum: PartialChecksum?
    /// Where the frame stands in its capture, if it was read from one.
    package var place: EventEncoder.Place?

    package init(
        _ judgement: Judgement, ingress: UInt8, time: UInt64, bytes: UnsafeRawBufferPointer, tag: VLANTag? = nil,
        partialChecksum: PartialChecksum? = nil, place: EventEncoder.Place? = nil
    ) {
        self.judgement = judgement
        self.ingress = ingress
        self.time = time
        self.bytes = bytes
        self.tag = tag
        self.partialChecksum = partialChecksum
        self.place = place
    }

    /// What a capture says of it.
    /// - Parameter event: The `log` statement for which it is captured, if it is for one.
    package func captureRecord(for event: LoggedStatement? = nil, snapLength: UInt32 = .max) -> CaptureRecord {
        var record = CaptureRecord(
            time: time, length: UInt32(truncatingIfNeeded: bytes.count + (tag == nil ? 0 : VLANTag.length)),
            partialChecksum: partialChecksum, port: ingress, decision: judgement.decision, event: event, snapLength: snapLength)
        record.invalidNumbers = judgement.invalidNumbers
        return record
    }

    /// What an event says of it.
    /// - Parameters:
    ///   - event: The `log` statement that saw it; nil where what was decided is the event.
    ///   - time: When that was.
    package func logRecord(for event: LoggedStatement?, at time: UInt64) -> LogRecord {
        LogRecord(event: event, time: time, ingress: ingress, judgement: judgement, bytes: bytes.bytes)
    }
}
