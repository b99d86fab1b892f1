import Wire

/// What a frame must be, besides whole, before any rule sees it.
public struct FrameChecks: Sendable, Equatable {
    /// Tags that name a VLAN which a frame may have. Rules see the packet after one of them.
    public var maximumTags: Int
    /// Frames that a Linux bridge or a receiving host would drop before any rule are dropped: see `ParsedFrame.irregularity`.
    public var isStrict: Bool

    /// - Parameter maximumTags: A negative number is taken for 0.
    public init(maximumTags: Int = 2, isStrict: Bool = false) {
        self.maximumTags = max(0, maximumTags)
        self.isStrict = isStrict
    }

    /// Says why a frame may not go to the rules; nil if it may.
    @inline(__always)
    func irregularity(of frame: ParsedFrame, _ bytes: RawSpan) -> Irregularity? {
        if frame.vlanCount > maximumTags { return .vlanDepth }
        return isStrict ? frame.irregularity(in: bytes) : nil
    }
}
