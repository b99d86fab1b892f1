import Capture

/// Any bytes are a capture or are refused with their place; the same frames come out however many bytes come at a time, and a frame is
/// never longer than it may be.
@c(LLVMFuzzerTestOneInput)
public func fuzzCaptures(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let capture = UnsafeRawBufferPointer(start: bytes, count: count)
    let whole = read(capture, part: .max)
    let parts = read(capture, part: 7)
    precondition(whole == parts, "in one piece: \(whole), in parts: \(parts)")
    precondition(whole.captured <= count, "more was captured than there is")
    if let fault = whole.fault {
        precondition(fault.offset <= count && !fault.description.isEmpty, "\(fault)")
    }
    return 0
}

struct Outcome: Equatable {
    var frames = 0
    var captured = 0
    /// Of all that is said of the frames.
    var mix: UInt64 = 0
    var fault: CaptureFault?
}

func read(_ capture: UnsafeRawBufferPointer, part: Int) -> Outcome {
    var place = 0
    var outcome = Outcome()
    do throws(CaptureFault) {
        var reader = try CaptureReader(path: "f") { buffer in
            let count = min(part, buffer.count, capture.count - place)
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: capture[place..<place + count]))
            place += count
            return count
        }
        while let frame = try reader.next() {
            precondition(frame.bytes.count <= CaptureReader.longestFrame && frame.bytes.count <= frame.length)
            precondition(frame.interface < reader.interfaceCount)
            outcome.frames += 1
            outcome.captured += frame.bytes.count
            for word in [frame.time, UInt64(frame.length), UInt64(frame.interface)] + frame.bytes.map(UInt64.init) {
                outcome.mix = (outcome.mix ^ word) &* 0x9e37_79b9_7f4a_7c15
            }
        }
    } catch {
        outcome.fault = error
    }
    return outcome
}
