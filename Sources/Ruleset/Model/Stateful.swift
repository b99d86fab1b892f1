// What rules keep from frame to frame, as it is written; the state itself is the engine's.

/// `limit rate [over] N/unit [burst B packets]`, or with bytes: a token bucket. Matches while there are tokens; with `over` where
/// there are none.
public struct Limit: Sendable, Equatable {
    /// What the rate is counted in; raw values are seconds.
    public enum Unit: UInt64, Sendable, CaseIterable {
        case second = 1
        case minute = 60
        case hour = 3_600
        case day = 86_400
        case week = 604_800

        /// As it is written.
        public var name: String {
            switch self {
            case .second: "second"
            case .minute: "minute"
            case .hour: "hour"
            case .day: "day"
            case .week: "week"
            }
        }
    }

    /// What the tokens pay for. Bytes as a bridge counts them: from after the outermost tag on.
    public enum Measure: Sendable, Equatable {
        case packets, bytes
    }

    /// Packets or bytes a unit; never 0.
    public var rate: UInt64
    public var unit: Unit
    public var measure: Measure
    /// Packets that the full bucket pays for, or bytes that it pays for beyond the rate of one unit.
    public var burst: UInt32
    public var isOver: Bool

    /// Where none is written: net/netfilter/nft_limit.c, `NFT_LIMIT_PKT_BURST_DEFAULT`.
    public static let defaultPacketBurst: UInt32 = 5

    public init(rate: UInt64, unit: Unit, measure: Measure = .packets, burst: UInt32 = defaultPacketBurst, isOver: Bool = false) {
        self.rate = rate
        self.unit = unit
        self.measure = measure
        self.burst = burst
        self.isOver = isOver
    }

    /// Nanoseconds of a unit.
    public var unitNanoseconds: UInt64 { unit.rawValue * 1_000_000_000 }

    /// The nanoseconds' worth of tokens that the bucket holds, computed as `nft_limit_init` does; nil where the kernel refuses the
    /// limit because a step of that overflows, or because the rate is 0.
    public var depth: UInt64? {
        guard rate > 0 else { return nil }
        let sum = rate.addingReportingOverflow(UInt64(burst))
        guard !sum.overflow else { return nil }
        let product =
            switch measure {
            case .packets: (unitNanoseconds / rate).multipliedReportingOverflow(by: UInt64(burst))
            case .bytes: unitNanoseconds.multipliedReportingOverflow(by: sum.partialValue)
            }
        guard !product.overflow else { return nil }
        return measure == .packets ? product.partialValue : product.partialValue / rate
    }
}

/// `quota [over] N bytes [used M bytes]`: matches up to that sum of bytes; with `over` beyond it.
public struct Quota: Sendable, Equatable {
    public var bytes: UInt64
    /// What it starts from, not above `bytes`.
    public var used: UInt64
    public var isOver: Bool

    /// The largest that the kernel takes (net/netfilter/nft_quota.c).
    public static let largest = UInt64(Int64.max)

    public init(bytes: UInt64, used: UInt64 = 0, isOver: Bool = false) {
        self.bytes = bytes
        self.used = used
        self.isOver = isOver
    }
}

/// A counter, quota, limit or timeout of connections that stands in a table under a name, and is one for all rules that name it.
public struct NamedObject: Sendable, Equatable {
    /// Objects of two kinds may have the same name.
    public enum Kind: String, Sendable, CaseIterable {
        case counter, quota, limit
        case timeout = "ct timeout"
    }

    public enum Content: Sendable, Equatable {
        /// With the numbers that it starts from.
        case counter(packets: UInt64, bytes: UInt64)
        case quota(Quota)
        case limit(Limit)
        case timeout(ConnectionTimeout)
    }

    public var name: String
    public var content: Content
    public var comment: String?
    public var location: SourceLocation

    public init(name: String, content: Content, comment: String? = nil, location: SourceLocation) {
        self.name = name
        self.content = content
        self.comment = comment
        self.location = location
    }

    public var kind: Kind {
        switch content {
        case .counter: .counter
        case .quota: .quota
        case .limit: .limit
        case .timeout: .timeout
        }
    }
}

/// `counter name "c"`: what is named does as if it stood in the rule.
public struct ObjectReference: Sendable, Hashable {
    public var kind: NamedObject.Kind
    /// The checker has seen that the table has it.
    public var name: String

    public init(kind: NamedObject.Kind, name: String) {
        self.kind = kind
        self.name = name
    }
}
