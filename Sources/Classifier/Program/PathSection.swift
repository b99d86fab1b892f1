/// Which base chains a frame is put to. Tracking is between two of them, at prerouting's priority -200; a caller that tracks asks first for
/// those before it, then tracks, and then asks for the rest.
public enum PathSection: Sendable {
    /// All of them, with the connection as it is given.
    case whole
    /// Chains to which connections are not known yet, and in which `notrack` keeps a packet out of tracking.
    case beforeTracking
    case afterTracking
}
