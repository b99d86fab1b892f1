/// Whose listing is written: nft's changed between the versions, and both read each other's.
public enum ListingVersion: String, Sendable, CaseIterable {
    case nft106 = "1.0.6"
    case nft116 = "1.1.6"

    /// Of what is being written. Messages, reports and explanations write rules as 1.0.6 does, which is shorter.
    ///
    /// Bound to the task: a version that each of some fifty functions hands on would only be read by a handful of them.
    @TaskLocal static var current = ListingVersion.nft106
}
