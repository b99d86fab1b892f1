/// One of the two places at which the kernel asks tc and TCX about a port's frames.
public enum HookSide: String, Sendable, CaseIterable {
    /// Frames that come in, after packet sockets have had their copy.
    case ingress
    /// Frames that are about to leave.
    case egress
}
