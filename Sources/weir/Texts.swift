import Appliance
import Glibc
import Logging

/// Standard error and standard output of a run, each with a queue and a thread of its own.
struct Texts {
    /// Messages.
    let errors: TextOutput
    /// Reports and lists of connections.
    let reports: TextOutput

    /// - Parameter reportsToError: Standard output belongs to a capture or to events.
    init(reportsToError: Bool) throws {
        let errors = try TextOutput(STDERR_FILENO) { change in
            guard case .recovered(let lost) = change else { return nil }
            return LineLog.line("\(lost) \(lost == 1 ? "message was" : "messages were") lost: nobody took them", .warning)
        }
        self.errors = errors
        if reportsToError {
            reports = errors
            return
        }
        reports = try TextOutput(STDOUT_FILENO) { change in
            let text =
                switch change {
                case .blocked: "nobody reads standard output, and no more reports fit into the queue; they are lost from here on"
                case .fails(EPIPE): "the reader of standard output is gone; reports are lost from here on"
                case .fails(let code):
                    "standard output can't be written (\(String(cString: strerror(code)))); reports are lost from here on"
                case .recovered(let lost): "reports are written again; \(lost) \(lost == 1 ? "was" : "were") lost"
                }
            errors.write(LineLog.line(text, .warning))
            return nil
        }
    }

    /// Waits until all is written, as long as somebody reads. Returns whether it was.
    func finish() -> Bool {
        TextOutput.finish([errors, reports])
    }
}
