/// Counts what comparing has cost, so that it ends with an error rather than not at all.
///
/// It counts steps that were looked at, not time: the same files are always compared, or never.
package final class WorkMeter {
    /// Some 20 seconds' worth.
    package static let most = 100_000_000

    private let most: Int
    private var spent = 0

    init(most: Int = WorkMeter.most) { self.most = most }

    func spend(_ steps: Int) { spent += steps }

    func check() throws(RegionFailure) {
        if spent > most { throw .tooLarge("their rules overlap in too many ways") }
    }
}
