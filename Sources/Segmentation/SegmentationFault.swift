/// Why a super-frame can't be segmented. It is dropped then.
public enum SegmentationFault: UInt8, Error, Sendable, CaseIterable {
    /// The headers before the innermost transport header, or their lengths, are of no kind that Weir knows.
    case unknownHeaders
    /// The kernel didn't say where the innermost transport header is: it does for what it merges itself, some network cards don't.
    case unknownTransport
    /// Neither TCP nor datagrams of one size each.
    case unknownKind
    /// More than `Segmenter.longestHead` bytes of headers.
    case headersTooLong
    /// More than `Segmenter.mostSegments` segments.
    case tooManySegments

    /// The name in counters and reports; it does not change between releases.
    public var name: String {
        switch self {
        case .unknownHeaders: "super-frame-unknown-headers"
        case .unknownTransport: "super-frame-unknown-transport"
        case .unknownKind: "super-frame-unknown-kind"
        case .headersTooLong: "super-frame-headers-too-long"
        case .tooManySegments: "super-frame-too-many-segments"
        }
    }
}
