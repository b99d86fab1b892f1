/// What reading and compiling rules takes in memory at its height, estimated from their text.
///
/// Text is cheap to count and dear to read: a million elements that are not plain addresses take more than a gigabyte. The amounts were
/// fitted by hand, so that sets are rather overestimated. A lab test holds them to the peaks of a process, for sets and maps of many
/// kinds, definitions, and short and long rules. Text of another shape may be further off.
public struct ReadingCost: Sendable, Equatable {
    /// Bytes for each octet, word or sign, element of a named set, and statement.
    private static let octet = 4
    private static let token = 220
    private static let element = 1200
    private static let statement = 3400
    /// Bytes for each element of a list in a rule, beside its words.
    private static let member = 250
    /// Bytes for each element of a list of nothing but addresses that stays packed, by the family.
    private static let narrowAddress = 90
    private static let wideAddress = 160

    /// Bytes so far.
    public private(set) var bytes = 0
    /// Sets and definitions of the files so far, which those that follow name.
    private var names = NamedLists()

    public init() {}

    /// Adds a file's text.
    public mutating func add(_ text: String) {
        var scan = ListScan(Array(text.utf8), names)
        scan.run()
        names = scan.names
        let counts = scan.counts
        bytes += text.utf8.count * Self.octet + counts.tokens * Self.token + counts.statements * Self.statement
        bytes += counts.elements * Self.element
        bytes += counts.members * Self.member + counts.narrow * Self.narrowAddress + counts.wide * Self.wideAddress
    }
}
