/// A packet of which the kernel and Weir say different things, knowingly.
struct KnownDifference: Sendable {
    /// A line for the report.
    var reason: String
    var isMet: @Sendable (_ step: Step, _ kernel: ConnectionState?, _ weir: ConnectionState?) -> Bool

    static func find(_ step: Step, _ kernel: ConnectionState?, _ weir: ConnectionState?) -> Int? {
        all.firstIndex { $0.isMet(step, kernel, weir) }
    }

    /// In the order in which they are looked for.
    static let all: [KnownDifference] = [
        KnownDifference(reason: "the kernel sums UDP-Lite with UDP's protocol number, and right checksums are invalid (udplite_error)") {
            $0.words.hasPrefix("protocol 136") && $1?.name == "invalid" && $2?.name != "invalid"
        },
        KnownDifference(reason: "an error that quotes a packet of another IP version is invalid; the kernel doesn't look at the version") {
            $0.words.contains("another version") && $1?.name == "related" && $2?.name == "invalid"
        },
    ]
}
