import Appliance
import ArgumentParser
import Capture
import Classifier
import Ruleset

extension ProgramError {
    /// The refusal as it is shown of other errors in rules; nil if it has no place in the text.
    var diagnostic: Diagnostic? {
        location.map { Diagnostic(severity: .error, location: $0, message: description) }
    }
}

/// Why something failed, a whole text, and the exit code for it: that of wrong rules where it is rules that don't compile.
func refusal(_ error: any Error, sources: [SourceFile]) -> (text: String, code: ExitCode) {
    if error is LoggedProblem { return ("", .failure) }
    if error is HostNames.Unreadable { return ("weir: \(error)\n", .noInput) }
    guard let refused = error as? ProgramError, let diagnostic = refused.diagnostic else { return ("weir: \(error)\n", .failure) }
    return (diagnostic.render(in: sources), .badRules)
}

/// Says why something failed, and gives the exit code for it.
func refuse(_ error: any Error, sources: [SourceFile]) -> ExitCode {
    let (text, code) = refusal(error, sources: sources)
    complain(text)
    return code
}
