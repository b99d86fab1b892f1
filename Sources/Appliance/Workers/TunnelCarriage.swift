/// Whether super-frames in tunnels leave whole, by the program on the port, or in Weir's own segments.
///
/// Nobody says whether the program is there: kernels and guards differ, and it may go during a run. So it is tried, and after each
/// failure left for longer; a frame that couldn't leave whole leaves in segments, and none is lost by the trial.
struct TunnelCarriage {
    private static let shortestPause = 64
    private static let longestPause = 1 << 16

    /// Super-frames that are segmented before the next trial.
    private var pause = 0
    private var nextPause = shortestPause

    /// True if the next super-frame should be sent whole. Asked once for each.
    var isTried: Bool {
        mutating get {
            guard pause > 0 else { return true }
            pause -= 1
            return false
        }
    }

    /// Takes note of what came of a trial, 0 or an error number. Returns whether the frame has left.
    mutating func note(_ code: Int32) -> Bool {
        if code == 0 {
            nextPause = Self.shortestPause
            return true
        }
        pause = nextPause
        nextPause = min(nextPause * 4, Self.longestPause)
        return false
    }
}
