import Classifier
import Glibc
import Ruleset

/// One line of the table.
struct Row {
    var name: String
    var elements: Int
    /// Nanoseconds of a lookup, less those of a rule without a set.
    var mean = 0.0
    var percentile = 0.0
    var longest = 0.0
    /// The same by halving a list, where there is one to halve.
    var halving: Double?
    var compileMilliseconds = 0.0
    var bytes = 0
    var structure = ""
    var steps: Int?
}

/// Nanoseconds. Of this thread's own time means and the longest are told, so that what else the machine does is not counted; asking for
/// it takes a system call, and so percentiles are told by the clock on the wall.
func now(_ clock: clockid_t = CLOCK_THREAD_CPUTIME_ID) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

@main
enum SetsBench {
    /// Lookups of each measurement.
    private static let rounds = 1_000_000
    /// Keys that are looked up in turn: more than the processor's predictors learn by heart.
    private static let keyCount = 200_000

    static func main() throws {
        let isJSON = CommandLine.arguments.contains("--json")
        let largest = CommandLine.arguments.dropFirst().compactMap { Int($0) }.first ?? 1_000_000
        var rows: [Row] = []
        for kind in Kind.allCases {
            for count in [10, 100, 1_000, 10_000, 100_000, 1_000_000] where count <= largest {
                let found = try measure(kind, count)
                if !isJSON { for row in found { print(row, isFirst: rows.isEmpty && row.name == found[0].name) } }
                rows += found
            }
        }
        if isJSON { printJSON(rows) }
    }

    private static func measure(_ kind: Kind, _ count: Int) throws -> [Row] {
        var generator = Generator(seed: 6)
        var row = Row(name: kind.rawValue, elements: count)
        let (values, held) = kind.elements(count, &generator)
        // Half of them are of elements, and half may be of none.
        let keys = (0..<keyCount).map { number in
            number % 2 == 0 ? held[Int.random(in: 0..<count, using: &generator)] : kind.elements(1, &generator).keys[0]
        }
        let start = now()
        var subject = try Subject(kind, values)
        row.compileMilliseconds = Double(now() - start) / 1e6
        if let statistics = subject.program.lookupStatistics.first {
            (row.structure, row.bytes, row.steps) = (statistics.structure.rawValue, statistics.bytes, statistics.steps)
        }
        var bare = try Subject(withoutSet: kind)
        // Elements of a set that changes live for a second of the bench's own time, which stands still where they are only asked for.
        let floor = mean(&bare, keys)
        row.mean = mean(&subject, keys) - floor
        (row.percentile, row.longest) = tail(&subject, keys)
        if kind != .pairs, kind != .boxes { row.halving = halving(values, keys, kind) }
        return kind == .changing ? [row, try adding(held, floor: floor)] : [row]
    }

    private static func mean(_ subject: inout Subject, _ keys: [Key]) -> Double {
        var best = Double.infinity
        var found = 0
        for _ in 0..<3 {
            let start = now()
            for round in 0..<rounds / 2 { found &+= subject.look(up: keys[round % keys.count], at: 1) ? 1 : 0 }
            best = min(best, Double(now() - start) / Double(rounds / 2))
        }
        precondition(found >= 0)
        return best
    }

    /// Nanoseconds of single lookups, less what the clock takes: the 99.9th percentile, and the longest.
    private static func tail(_ subject: inout Subject, _ keys: [Key]) -> (percentile: Double, longest: Double) {
        var times: [UInt64] = []
        times.reserveCapacity(keys.count)
        for key in keys {
            let start = now(CLOCK_MONOTONIC)
            _ = subject.look(up: key, at: 1)
            times.append(now(CLOCK_MONOTONIC) &- start)
        }
        let percentile = spread(times, CLOCK_MONOTONIC).percentile
        times.removeAll(keepingCapacity: true)
        for key in keys {
            let start = now()
            _ = subject.look(up: key, at: 1)
            times.append(now() &- start)
        }
        return (percentile, spread(times, CLOCK_THREAD_CPUTIME_ID).longest)
    }

    private static func spread(_ times: [UInt64], _ clock: clockid_t) -> (percentile: Double, longest: Double) {
        var least = UInt64.max
        for _ in 0..<1_000 {
            let start = now(clock)
            least = min(least, now(clock) &- start)
        }
        let times = times.sorted()
        guard let last = times.last else { return (0, 0) }
        let percentile = times[min(times.count - 1, times.count * 999 / 1_000)]
        return (Double(percentile) - Double(least), Double(last) - Double(least))
    }

    private static func halving(_ values: [Value], _ keys: [Key], _ kind: Kind) -> Double {
        let list = Halving(values, bitWidth: kind.isVersion6 ? 128 : 32)
        var found = 0
        let start = now()
        for round in 0..<rounds / 2 { found &+= list.holds(keys[round % keys.count].address) ? 1 : 0 }
        let time = Double(now() - start) / Double(rounds / 2)
        precondition(found >= 0)
        return time
    }

    /// Fills a set from frames, lets all of it time out, and fills it again with others.
    private static func adding(_ keys: [Key], floor: Double) throws -> Row {
        var row = Row(name: "adding to them", elements: keys.count)
        var subject = try Subject(.changing, keys.map { .number($0.address) }, adds: true)
        var times: [UInt64] = []
        times.reserveCapacity(keys.count)
        var generator = Generator(seed: 7)
        let others = Kind.changing.elements(keys.count, &generator).keys
        var total: UInt64 = 0
        for (round, keys) in [keys, others].enumerated() {
            // A set's timeout is a second.
            let instant = UInt64(round) * 10_000_000_000 + 1
            // The first half one by one, the other at once.
            for key in keys.prefix(keys.count / 2) {
                let start = now()
                _ = subject.look(up: key, at: instant)
                times.append(now() &- start)
            }
            let begin = now()
            for key in keys.dropFirst(keys.count / 2) { _ = subject.look(up: key, at: instant) }
            total += now() - begin
        }
        (row.percentile, row.longest) = spread(times, CLOCK_THREAD_CPUTIME_ID)
        row.mean = max(0, Double(total) / Double(2 * keys.count - times.count) - floor)
        row.structure = LookupStatistics.Structure.changing.rawValue
        return row
    }

    // MARK: Output

    private static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }

    private static func print(_ row: Row, isFirst: Bool) {
        let name = { (text: String) in text + String(repeating: " ", count: max(1, 28 - text.utf8.count)) }
        if isFirst {
            let heads = ["elements", "mean ns", "99.9 %", "longest", "halving", "compile ms", "KiB", "steps"]
            Swift.print(name("set") + heads.map { padded($0, 11) }.joined() + "  structure")
        }
        let fields = [
            "\(row.elements)", "\(Int(row.mean.rounded()))", "\(Int(row.percentile))", "\(Int(row.longest))",
            row.halving.map { "\(Int($0.rounded()))" } ?? "-", "\(Int(row.compileMilliseconds.rounded()))", "\(row.bytes / 1024)",
            row.steps.map(String.init) ?? "-",
        ]
        Swift.print(name(row.name) + fields.map { padded($0, 11) }.joined() + "  " + row.structure)
    }

    private static func printJSON(_ rows: [Row]) {
        let objects = rows.map { row in
            """
            {"set": "\(row.name)", "elements": \(row.elements), "meanNanoseconds": \(row.mean), \
            "percentile999Nanoseconds": \(row.percentile), "longestNanoseconds": \(row.longest), \
            "halvingNanoseconds": \(row.halving.map { "\($0)" } ?? "null"), "compileMilliseconds": \(row.compileMilliseconds), \
            "bytes": \(row.bytes), "steps": \(row.steps.map(String.init) ?? "null"), "structure": "\(row.structure)"}
            """
        }
        Swift.print("[" + objects.joined(separator: ",\n") + "]")
    }
}
