/// What new rules have taken over of what the existing ones had come to, and what has begun again.
public struct KeptState: Sendable, Equatable {
    /// A set or meter with its table, and what became of it.
    public struct KeptSet: Sendable, Equatable {
        public var set: String
        /// Elements that live.
        public var elements: Int
    }

    /// A set or meter that has lost its elements, and why.
    public struct DroppedSet: Sendable, Equatable {
        public var set: String
        public var reason: String
    }

    /// Numbers of statements and objects that remember.
    public struct Numbers: Sendable, Equatable {
        public var limits = 0
        public var quotas = 0
        /// `last` statements.
        public var lastUses = 0
        /// `ct count` statements.
        public var connectionCounts = 0

        public init() {}

        public var isEmpty: Bool { self == Numbers() }
    }

    public var keptSets: [KeptSet] = []
    public var droppedSets: [DroppedSet] = []
    public var kept = Numbers()
    public var dropped = Numbers()
    /// Elements of the new file for which a set that goes on had no room.
    public var refusedElements = 0

    public init() {}

    /// True if the existing rules had nothing to keep.
    public var isEmpty: Bool { self == KeptState() }
}
