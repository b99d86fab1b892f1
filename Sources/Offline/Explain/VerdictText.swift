import Capture
package import Classifier
import Decisions
package import Firewall
import Reporting

extension Judgement {
    /// The verdict with who said so, in the words of captures: `drop by rule edge.nft:14 "no telnet" (chain forward) reason=rule`.
    package func text(_ program: Program) -> String {
        let text = CaptureComment.text(of: CaptureRecord(time: 0, length: 0, port: 0, decision: decision), program)
        return invalidNumbers.text.map { "\(text) (\($0))" } ?? text
    }
}

/// Seconds with as many digits as it takes: `0.5s`.
package func secondsText(_ nanoseconds: UInt64) -> String {
    let whole = nanoseconds / 1_000_000_000
    let rest = nanoseconds % 1_000_000_000
    guard rest > 0 else { return "\(whole)s" }
    var digits = String(rest)
    digits = String(repeating: "0", count: 9 - digits.count) + digits
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(whole).\(digits)s"
}
