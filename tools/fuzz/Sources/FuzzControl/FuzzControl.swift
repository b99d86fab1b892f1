import Control

/// Each line is read as a request of the control socket. What can be read is written as a line that reads back as the same; what can't be
/// is refused with words that can be shown, and that are short whatever came.
@c(LLVMFuzzerTestOneInput)
public func fuzzControl(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    for line in UnsafeBufferPointer(start: bytes, count: count).split(separator: 0x0a, maxSplits: 16) {
        do throws(ControlFault) {
            let call = try ControlCall(line: line)
            let again = try call.line
            guard again.utf8.count(where: { $0 == 0x0a }) == 1, again.utf8.last == 0x0a else { report("several lines: \(again)") }
            let second = try ControlCall(line: Array(again.utf8.dropLast()))
            if let flows = call.request as? FlowsRequest { _ = try FlowSelection(flows.filter ?? "") }
            guard try second.line == again, second.request.changes == call.request.changes else { report("another request: \(again)") }
        } catch {
            guard !error.message.isEmpty, error.message.utf8.count < 400, error.message.utf8.allSatisfy({ (0x20..<0x7f).contains($0) })
            else {
                report("words that can't be shown: \(error.message)")
            }
        }
    }
    return 0
}

/// Ends the run: libFuzzer keeps the input.
func report(_ finding: String) -> Never {
    fatalError(finding)
}
