public import Capture

/// Why a replay can't go on.
public enum ReplayProblem: Error, CustomStringConvertible {
    /// The capture can't be read any further.
    case capture(CaptureFault)
    /// Nothing says by which port the frames came, and what would.
    case ingress(String)

    public var description: String {
        switch self {
        case .capture(let fault): fault.description
        case .ingress(let text): text
        }
    }
}
