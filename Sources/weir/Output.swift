import ArgumentParser
import Glibc
import Ruleset
import Offline
import Ruleset

/// Does what may fail, says why it did, and has the exit code for that.
func tellingFaults(sources: [SourceFile] = [], _ body: () throws -> Void) throws {
    do {
        try body()
    } catch let code as ExitCode {
        throw code
    } catch let fault as Inconsistency {
        complain("weir: \(fault)")
        throw ExitCode.internalFault
    } catch {
        throw refuse(error, sources: sources)
    }
}

/// Whole texts to a descriptor.
struct FileHandleOutput {
    static let standardError = FileHandleOutput(descriptor: STDERR_FILENO)
    static let standardOutput = FileHandleOutput(descriptor: STDOUT_FILENO)

    let descriptor: Int32

    /// Writes all of it, or as much as its reader takes. Returns 0, or the error number of what could not be written.
    @discardableResult
    func write(_ text: String) -> Int32 {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            rest = rest.dropFirst(count)
        }
        return 0
    }

    /// Writes what a command was asked for: the command has failed unless all of it is written.
    /// - Parameter name: What it is called in the sentence about that.
    func deliver(_ text: String, name: String = "the output") throws {
        let number = write(text)
        // Nobody is left to hear of it.
        if number == EPIPE { throw ExitCode.readerGone }
        if number != 0 { throw refuse("\(name) can't be written: \(String(cString: strerror(number)))") }
    }
}

extension ExitCode {
    /// The exit code that shells give a program that SIGPIPE has ended: the reader of its output went away.
    static let readerGone = ExitCode(128 + SIGPIPE)
}

/// Says something on standard error; what came from outside can't steer the terminal.
func complain(_ text: String) {
    let text = PrintableText.lines(text)
    FileHandleOutput.standardError.write(text.hasSuffix("\n") ? text : text + "\n")
}

/// Says why it can't be done, and gives the exit code for it.
func refuse(_ reason: String) -> ExitCode {
    complain("weir: \(reason)")
    return .failure
}
