// Nanoseconds that a frame's way through a rule set takes, with an index and without; one JSON object on standard output.
//
// usage: ClassifyBench FILTER-SET RULES scan|index|always [HEADERS-OUT]
//
// FILTER-SET is a text of ClassBench's. Of it RULES are taken, spread over all of it; if it has fewer, copies of it with other
// addresses follow. `index` has one where the product would, `always` for however few rules. HEADERS-OUT takes the packets, for other
// classifiers: 13 octets each, in network byte order.

import ClassBench
import Classifier
import Decisions
import Foundation
import Ruleset
import Storage
import Wire

/// A xorshift generator, so that runs are the same.
struct Generator: RandomNumberGenerator {
    var state: UInt64 = 0x2545_f491_4f6c_dd1d

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// KiB, from /proc/self/status.
func memory(_ key: String) -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
}

/// Of each header's fastest run.
struct Figures: Encodable {
    var set: String
    var rules: Int
    var indexed: Bool
    /// Without reading the clock in between, each stretch of headers at its fastest.
    var mean: Double
    var median: UInt64
    var p99: UInt64
    var p999: UInt64
    var worst: UInt64
    var readSeconds: Double
    var compileSeconds: Double
    /// Of the compiled program: instructions, indices and sets.
    var programKiB: Int
    /// The most that was resident until then: text, tree and program.
    var peakKiB: Int
    var indexBytes: Int
    var worstSteps: Int
    var trees: Int
}

func measure() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 4, let wanted = Int(arguments[2]), wanted > 0 else {
        throw CocoaError(.fileReadUnknown)
    }
    var rules = ClassBenchRule.rules(try String(contentsOfFile: arguments[1], encoding: .utf8))
    if wanted > rules.count + rules.count / 4 {
        rules = ClassBenchRule.multiplied(rules, by: wanted / rules.count)
    } else if wanted < rules.count - rules.count / 4 {
        rules = (0..<wanted).map { rules[$0 * rules.count / wanted] }
    }

    var random = Generator()
    let count = 1 << 15
    let headers = (0..<count).map { number in
        number % 4 == 3
            ? ClassBenchHeader(using: &random)
            : ClassBenchHeader(atCornerOf: rules[Int.random(in: 0..<rules.count, using: &random)], using: &random)
    }
    if arguments.count > 4 { try write(headers, to: arguments[4]) }

    let text = ClassBenchRule.table(of: rules)
    let start = nanoseconds()
    let ruleset = try Ruleset.read(SourceFile(name: arguments[1], text: text)).ruleset
    let read = nanoseconds()
    let indexing: Indexing = arguments[3] == "scan" ? .never : arguments[3] == "always" ? .always : .automatic
    let program = try Program(compiling: ruleset, ports: ["near0", "far0"], indexing: indexing)
    let compiled = nanoseconds()
    let peak = memory("VmHWM")
    let hits = HitCounters(for: program)

    let size = headers[0].frame.count
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count * 64, alignment: 64)
    for (number, header) in headers.enumerated() {
        for (offset, octet) in header.frame.enumerated() { bytes[number * 64 + offset] = octet }
    }
    // Frames are parsed a stretch at a time, before the clock is read: a firewall parses right before it judges. All of them at once
    // are 6 MB, which rules would have to share the cache with.
    let stretchLimit = 512
    let parsed = UnsafeMutablePointer<ParsedFrame>.allocate(capacity: stretchLimit)
    parsed.initialize(repeating: ParsedFrame.parse(headers[0].frame.span.bytes, tag: nil), count: stretchLimit)
    func parse(from first: Int, _ count: Int) {
        for number in 0..<count {
            let frame = UnsafeRawBufferPointer(rebasing: bytes[(first + number) * 64..<(first + number) * 64 + size])
            parsed[number] = ParsedFrame.parse(RawSpan(_unsafeBytes: frame), tag: nil)
        }
    }
    let now = Instant(monotonic: 1, sinceEpoch: 1)
    var verdicts = 0
    func classify(_ number: Int) {
        var span = MutableRawSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: bytes[number * 64..<number * 64 + size]))
        verdicts &+= program.classify(&span, &parsed[number % stretchLimit], ingress: 0, at: now, hits: hits).rule.row ?? -1
    }

    // As many as take about a second where rules are scanned, and whole passes where they aren't.
    parse(from: 0, stretchLimit)
    let begin = nanoseconds()
    for number in 0..<256 { classify(number) }
    let estimate = max(1, (nanoseconds() - begin) / 256)
    let used = max(512, min(count, Int(1_000_000_000 / estimate)))
    let passes = max(1, min(20, Int(2_000_000_000 / (estimate * UInt64(used)))))
    // Each stretch at its fastest: others may be at work on the machine.
    let stretch = min(stretchLimit, used)
    var fastest = [UInt64](repeating: .max, count: used / stretch)
    for _ in 0..<passes {
        for part in fastest.indices {
            parse(from: part * stretch, stretch)
            let begin = nanoseconds()
            for number in part * stretch..<(part + 1) * stretch { classify(number) }
            fastest[part] = min(fastest[part], nanoseconds() - begin)
        }
    }
    let best = Double(fastest.reduce(0, +)) / Double(fastest.count * stretch)
    // What reading the clock takes is taken off.
    var clock = UInt64.max
    for _ in 0..<10_000 {
        let begin = nanoseconds()
        clock = min(clock, nanoseconds() - begin)
    }
    var times = [UInt64](repeating: .max, count: used)
    for _ in 0..<max(1, min(5, passes)) {
        for number in 0..<used {
            if number % stretch == 0 { parse(from: number, min(stretch, used - number)) }
            let begin = nanoseconds()
            classify(number)
            times[number] = min(times[number], nanoseconds() - begin)
        }
    }
    times.sort()
    func percentile(_ share: Double) -> UInt64 { times[min(used - 1, Int(Double(used) * share))] - clock }

    let statistics = program.statistics
    let index = statistics.chains.first?.index
    let programBytes = statistics.instructionBytes + statistics.indexBytes + statistics.setBytes
    let figures = Figures(
        set: arguments[1].split(separator: "/").last.map(String.init) ?? "", rules: rules.count, indexed: index != nil, mean: best,
        median: percentile(0.5), p99: percentile(0.99), p999: percentile(0.999), worst: times[used - 1] - clock,
        readSeconds: Double(read - start) / 1e9, compileSeconds: Double(compiled - read) / 1e9, programKiB: programBytes / 1024,
        peakKiB: peak, indexBytes: statistics.indexBytes, worstSteps: index?.worstSteps ?? 0, trees: index?.trees ?? 0)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    print(String(decoding: try encoder.encode(figures), as: UTF8.self))
    withExtendedLifetime(verdicts) {}
}

func write(_ headers: [ClassBenchHeader], to path: String) throws {
    var bytes: [UInt8] = []
    for header in headers {
        let frame = header.frame
        bytes.append(frame[23])
        bytes += frame[26..<38]
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

do {
    try measure()
} catch {
    FileHandle.standardError.write(Data("usage: ClassifyBench FILTER-SET RULES scan|index|always [HEADERS-OUT]: \(error)\n".utf8))
    exit(1)
}
