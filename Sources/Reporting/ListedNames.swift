extension [String] {
    /// The names in a message, of which others may have made any number: `a, b, c, d and 12 more`.
    ///
    /// - Parameters:
    ///   - limit: Names that are written; one more is written as well instead of `and 1 more`.
    ///   - separator: What stands between two of them.
    package func listed(atMost limit: Int = 4, with separator: String = ", ") -> String {
        guard count > limit + 1 else { return joined(separator: separator) }
        return "\(prefix(limit).joined(separator: separator)) and \(count - limit) more"
    }
}
