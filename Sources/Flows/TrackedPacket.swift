public import Decisions

/// What a packet is to the flows: what rules read of it, and what `FlowTracker` is told when the rules have spoken.
public struct TrackedPacket: Sendable, Equatable, BitwiseCopyable {
    /// `ct state`, with the values that nft gives them (`NF_CT_STATE_BIT`).
    public enum State: UInt8, Sendable, CaseIterable, BitwiseCopyable {
        /// Not a part of any flow, nor able to begin one.
        case invalid = 1
        /// A packet of a flow in which packets went both ways.
        case established = 2
        /// An ICMP error about a flow.
        case related = 4
        /// A packet of a flow that nothing has answered yet.
        case new = 8
        /// Not followed: no IP, neighbour discovery, or what a rule says.
        case untracked = 64
    }

    public var state: State
    /// Which way the packet goes in its flow; of an error, the way in which it goes back.
    public var direction = FlowDirection.original
    /// The record of its flow, as `FlowTracker` counts them; nil if it has none. Of meaning until the next packet is tracked.
    public var flow: Int32?
    /// True if the flow is not in the table yet: it will be when the packet is `confirm`ed.
    public var isUnconfirmed = false
    /// True if it has a flow's addresses and ports, though it is invalid in it.
    public var isOfKnownFlow = false
    /// Why it is invalid.
    public var cause: InvalidCause?
    /// True if the flow was last let through by rules that are no longer in force (see `FlowTracker.recheckFlows`).
    public var needsRecheck = false

    init(_ state: State) { self.state = state }

    /// A packet that is not followed: for a caller that decides that before it is tracked (`notrack`).
    public static let untracked = TrackedPacket(.untracked)

    static func invalid(_ cause: InvalidCause) -> TrackedPacket {
        var packet = TrackedPacket(.invalid)
        packet.cause = cause
        return packet
    }
}

/// What happens to flows.
public enum FlowEvent: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// A packet would begin one.
    case new
    /// One is in the table from here on.
    case confirmed
    /// One had been silent for too long.
    case expired
    /// One ended at once: reset before an answer, restarted, or by order.
    case ended
    /// One that was not assured made room for another.
    case evicted
    /// One that both ends had closed made room for another.
    case evictedFinished
    /// There was no room for one, and nothing that could make it.
    case refused
    /// Its source had its share of the table, and nothing in that could make room.
    case refusedShare
    /// A packet was let through without believing it: it changed nothing in its flow.
    case ignored
    /// One was handed over to the kernel, which carries its packets.
    case carried

    /// The name in counters and reports; it does not change between releases.
    public var name: String {
        switch self {
        case .new: "new"
        case .confirmed: "confirmed"
        case .expired: "expired"
        case .ended: "ended"
        case .evicted: "evicted"
        case .evictedFinished: "evicted-finished"
        case .refused: "flow-limit"
        case .refusedShare: "flow-share"
        case .ignored: "ignored"
        case .carried: "carried"
        }
    }
}
