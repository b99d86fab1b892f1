public import Wire

/// Why a frame got its verdict. Exactly one stands for each frame.
///
/// Raw values come in blocks by the stage that says so: rules from 0, the parser from 16, fragments from 32, flows from 48, the way out from 52.
public enum Reason: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    case acceptByRule = 0
    /// The policy of the last base chain, or no base chain at all.
    case acceptByPolicy = 1
    /// Dropped by a rule.
    case rule = 2
    /// Dropped by a base chain's policy.
    case policy = 3
    /// Dropped by a rule that has its sender told so.
    case reject = 4

    case ethernetHeaderCutOff = 16
    case ipv4HeaderCutOff = 17
    case ipv4Version = 18
    case ipv4HeaderLength = 19
    case ipv4TotalLength = 20
    case ipv4BeyondFrame = 21
    case ipv6HeaderCutOff = 22
    case ipv6Version = 23
    case ipv6BeyondFrame = 24
    case ipv6ExtensionHeaderCutOff = 25
    case ipv6Jumbogram = 26

    case vlanDepth = 28
    case sourceMAC = 29
    case sourceAddress = 30
    case hopByHopOptions = 31

    case fragmentMode = 32
    case fragmentTimeout = 33
    case fragmentOverlap = 34
    case fragmentDuplicate = 35
    case fragmentEndConflict = 36
    case fragmentTooLong = 37
    case fragmentEmpty = 38
    case fragmentBadLength = 39
    case fragmentECN = 40
    case fragmentHeaderChain = 41
    case fragmentLimitBytes = 42
    case fragmentLimitDatagrams = 43
    case fragmentLimitPerDatagram = 44
    case fragmentLimitPair = 45
    /// The rules let its datagram pass, and changed something that can't be changed in fragments.
    case fragmentChanged = 46
    case fragmentNested = 47
    /// The rules let it pass, and there is no room to follow the connection that it begins.
    case flowLimit = 48
    /// The rules let it pass, and its source has its share of the connections that are followed.
    case flowShare = 49
    /// The rules let it pass, and it is larger than the MTU of the port by which it would leave.
    case tooBig = 52
    /// The rules let it pass, and it was not sent: the kernel refused it, or it can't be put into segments.
    case notSent = 53
    /// Not a verdict: a fragment that is held has this until it departs, and none is counted under it.
    case held = 63

    /// The reason of a rule's verdict.
    @inlinable
    public init(ofRule verdict: FrameVerdict) {
        self =
            switch verdict {
            case .accept: .acceptByRule
            case .drop: .rule
            case .reject: .reject
            case .hold: .held
            }
    }

    /// The reason of a base chain's policy.
    @inlinable
    public init(ofPolicy verdict: FrameVerdict) {
        self =
            switch verdict {
            case .accept: .acceptByPolicy
            case .drop: .policy
            case .reject: .reject
            case .hold: .held
            }
    }

    /// The reason to drop a frame that is so malformed.
    public init(_ malformation: Malformation) {
        self =
            switch malformation {
            case .ethernetHeaderCutOff: .ethernetHeaderCutOff
            case .ipv4HeaderCutOff: .ipv4HeaderCutOff
            case .ipv4Version: .ipv4Version
            case .ipv4HeaderLength: .ipv4HeaderLength
            case .ipv4TotalLength: .ipv4TotalLength
            case .ipv4BeyondFrame: .ipv4BeyondFrame
            case .ipv6HeaderCutOff: .ipv6HeaderCutOff
            case .ipv6Version: .ipv6Version
            case .ipv6BeyondFrame: .ipv6BeyondFrame
            case .ipv6ExtensionHeaderCutOff: .ipv6ExtensionHeaderCutOff
            case .ipv6Jumbogram: .ipv6Jumbogram
            }
    }

    /// The reason to drop a frame that is so irregular.
    public init(_ irregularity: Irregularity) {
        self =
            switch irregularity {
            case .vlanDepth: .vlanDepth
            case .sourceMAC: .sourceMAC
            case .sourceAddress: .sourceAddress
            case .hopByHopOptions: .hopByHopOptions
            }
    }

    /// The name in counters, captures and reports; it does not change between releases.
    public var name: String {
        switch self {
        case .acceptByRule: "accept-by-rule"
        case .acceptByPolicy: "accept-by-policy"
        case .rule: "rule"
        case .policy: "policy"
        case .reject: "reject"
        case .fragmentMode: "fragment-mode"
        case .fragmentTimeout: "fragment-timeout"
        case .fragmentOverlap: "fragment-overlap"
        case .fragmentDuplicate: "fragment-duplicate"
        case .fragmentEndConflict: "fragment-end-conflict"
        case .fragmentTooLong: "fragment-too-long"
        case .fragmentEmpty: "fragment-empty"
        case .fragmentBadLength: "fragment-bad-length"
        case .fragmentECN: "fragment-ecn"
        case .fragmentHeaderChain: "fragment-header-chain"
        case .fragmentLimitBytes: "fragment-limit-bytes"
        case .fragmentLimitDatagrams: "fragment-limit-datagrams"
        case .fragmentLimitPerDatagram: "fragment-limit-per-datagram"
        case .fragmentLimitPair: "fragment-limit-pair"
        case .fragmentChanged: "fragment-changed"
        case .fragmentNested: "fragment-nested"
        case .flowLimit: "flow-limit"
        case .flowShare: "flow-share"
        case .tooBig: "too-big"
        case .notSent: "not-sent"
        case .vlanDepth: Irregularity.vlanDepth.name
        case .sourceMAC: Irregularity.sourceMAC.name
        case .sourceAddress: Irregularity.sourceAddress.name
        case .hopByHopOptions: Irregularity.hopByHopOptions.name
        case .held: "held"
        case .ethernetHeaderCutOff: Malformation.ethernetHeaderCutOff.name
        case .ipv4HeaderCutOff: Malformation.ipv4HeaderCutOff.name
        case .ipv4Version: Malformation.ipv4Version.name
        case .ipv4HeaderLength: Malformation.ipv4HeaderLength.name
        case .ipv4TotalLength: Malformation.ipv4TotalLength.name
        case .ipv4BeyondFrame: Malformation.ipv4BeyondFrame.name
        case .ipv6HeaderCutOff: Malformation.ipv6HeaderCutOff.name
        case .ipv6Version: Malformation.ipv6Version.name
        case .ipv6BeyondFrame: Malformation.ipv6BeyondFrame.name
        case .ipv6ExtensionHeaderCutOff: Malformation.ipv6ExtensionHeaderCutOff.name
        case .ipv6Jumbogram: Malformation.ipv6Jumbogram.name
        }
    }
}
