/// What is wanted of the file of events.
public struct EventSettings: Sendable {
    /// A file, which is appended to, or `-` for standard output.
    public var path: String
    /// Also an event for each dropped frame.
    public var includesDrops: Bool
    /// Maximum lines written in a second; of the rest only the number is written.
    public var linesPerSecond: Int
    /// What `community_id` is made with.
    public var communitySeed: UInt16

    public init(path: String, includesDrops: Bool = false, linesPerSecond: Int = 1000, communitySeed: UInt16 = 0) {
        self.path = path
        self.includesDrops = includesDrops
        self.linesPerSecond = linesPerSecond
        self.communitySeed = communitySeed
    }
}
