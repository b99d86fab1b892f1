package import Decisions
public import Fragments
public import Ruleset

/// What a packet of a case file is expected to come to.
package struct Expectation: Sendable, Equatable {
    /// Who has to have said so.
    package enum Author: Sendable, Equatable {
        /// A rule at that line of a file, which may be named by the end of its path.
        case rule(file: String, line: Int)
        /// A rule with that comment.
        case comment(String)
        case policy
    }

    /// True if the packet's frames are still held when the last of them has come.
    package var isHeld = false
    /// What all of the packet's frames come to in the end; nil where that does not matter.
    package var verdict: FrameVerdict?
    /// What the sender is told, as in a rule: `tcp reset`. Nil where that does not matter.
    package var answer: String?
    package var author: Author?
    /// A reason's name.
    package var reason: String?
    /// As it is written.
    package var text = ""
}

/// A line of a case file.
package enum CaseStep: Sendable {
    case packet(DescribedPacket, Expectation?, line: Int, text: String)
    /// Time passes up to that, in nanoseconds from the start.
    case pause(UInt64)
}

/// Packets that come one after the other to a firewall that knows nothing yet.
package struct CaseBlock: Sendable {
    /// Empty for lines before the first `test`.
    package var name: String
    package var line: Int
    /// Nanoseconds since 1970 at time 0.
    package var clock: UInt64
    package var fragments: FragmentMode
    package var steps: [CaseStep] = []
}

/// A case file that can't be used, with what is wrong with it.
public struct RejectedCases: Error, Sendable {
    package var source: SourceFile
    package var diagnostics: [Diagnostic]

    /// All of it as text.
    public func render() -> String { diagnostics.map { $0.render(in: [source]) }.joined() }
}

/// Unit tests for rules, as a file has them: packets with their expected verdicts.
public struct CaseFile: Sendable {
    /// Saturday, the first of January 2000, twelve o'clock UTC: what a rule about times sees unless the file says another time.
    package static let standardClock: UInt64 = 946_728_000_000_000_000

    package var name: String
    package var ports: [String]
    package var blocks: [CaseBlock]

    /// - Parameters:
    ///   - ports: The command line's; the file's own come first.
    ///   - fragments: What is done with fragments unless the file says so.
    public init(
        _ source: SourceFile, ports: [String]?, fragments: FragmentMode = .reassemble,
        loadFrame: ((_ number: Int, _ path: String) throws -> [UInt8])? = nil
    ) throws(RejectedCases) {
        var reader = CaseReader(ports: ports, fragments: fragments, loadFrame: loadFrame)
        var number = 0
        for line in source.text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            reader.read(line, number)
            if reader.diagnostics.count >= RejectedRuleset.diagnosticLimit { break }
        }
        guard reader.diagnostics.isEmpty else { throw RejectedCases(source: source, diagnostics: reader.diagnostics) }
        name = source.name
        self.ports = reader.ports ?? []
        blocks = reader.blocks.filter { !$0.steps.isEmpty }
    }
}

/// Reads a case file line by line.
private struct CaseReader {
    var ports: [String]?
    var fragments: FragmentMode
    var loadFrame: ((_ number: Int, _ path: String) throws -> [UInt8])?
    var clock = CaseFile.standardClock
    var blocks: [CaseBlock] = []
    var diagnostics: [Diagnostic] = []
    private var now: UInt64 = 0
    private var hasOwnPorts = false

    init(ports: [String]?, fragments: FragmentMode, loadFrame: ((_ number: Int, _ path: String) throws -> [UInt8])?) {
        self.ports = ports
        self.fragments = fragments
        self.loadFrame = loadFrame
    }

    mutating func read(_ line: Substring, _ number: Int) {
        do throws(Diagnostic) {
            if let name = Self.testName(line) { return begin(name, number) }
            let tokens = try PacketLexer.tokens(of: line, file: 0, line: number)
            guard let first = tokens.first, first.kind != .end else { return }
            var parser = PacketParser(
                tokens, at: SourceLocation(file: 0, line: number, column: 1, length: 1), ports: ports ?? [], loadFrame: loadFrame)
            switch first.kind == .word ? first.text : "" {
            case "ports": try readPorts(&parser)
            case "clock": try readClock(&parser)
            case "fragments": try readFragments(&parser)
            default: try readStep(&parser, line, number)
            }
        } catch {
            diagnostics.append(error)
        }
    }

    /// What follows `test`, whatever that is, up to a remark; nil of other lines.
    private static func testName(_ line: Substring) -> String? {
        let words = line.split(maxSplits: 1) { $0 == " " || $0 == "\t" || $0 == "\r" }
        guard words.first == "test" else { return nil }
        let name = words.count < 2 ? "" : String(words[1])
        return String(name.firstRange(of: " #").map { name[..<$0.lowerBound] } ?? name[...]).trimmed
    }

    /// A line from a token on, as it is written.
    private static func text(of line: Substring, from token: PacketToken) -> String {
        String(String.UnicodeScalarView(line.unicodeScalars.dropFirst(token.column - 1)))
    }

    private mutating func begin(_ name: String, _ line: Int) {
        now = 0
        blocks.append(CaseBlock(name: name, line: line, clock: clock, fragments: fragments))
    }

    private mutating func readPorts(_ parser: inout PacketParser) throws(Diagnostic) {
        let word = parser.next()
        guard blocks.isEmpty else { throw parser.fail(word, "'ports' must come before all tests") }
        guard !hasOwnPorts else { throw parser.fail(word, "the ports are given twice") }
        var names: [String] = []
        repeat {
            guard parser.current.kind == .word else { throw parser.unexpected("a port's name", note: "as in ports eth1,eth2") }
            names.append(parser.next().text)
        } while parser.skip(.comma)
        guard parser.isAtEnd else { throw parser.unexpected("the end of the line") }
        guard names.count == 2, names[0] != names[1] else { throw parser.fail(word, "not two ports", note: "as in ports eth1,eth2") }
        ports = names
        hasOwnPorts = true
    }

    /// For the tests that follow, or at the head of a test for that one.
    private func checkHead(_ parser: PacketParser, _ word: PacketToken) throws(Diagnostic) {
        guard blocks.last?.steps.isEmpty ?? true else {
            throw parser.fail(word, "'\(word.text)' must come before a test's first packet")
        }
    }

    private mutating func readClock(_ parser: inout PacketParser) throws(Diagnostic) {
        let word = parser.next()
        try checkHead(parser, word)
        var text = ""
        let start = parser.current
        while !parser.isAtEnd { text += (text.isEmpty ? "" : " ") + parser.next().text }
        guard let seconds = PacketNames.seconds(ofDate: text), seconds >= 0, seconds < 8_000_000_000 else {
            throw parser.fail(start, "expected a day and a time in UTC", note: "as in clock 2026-01-31 17:30:00")
        }
        clock = UInt64(seconds) * 1_000_000_000
        if !blocks.isEmpty { blocks[blocks.count - 1].clock = clock }
    }

    private mutating func readFragments(_ parser: inout PacketParser) throws(Diagnostic) {
        let word = parser.next()
        try checkHead(parser, word)
        let names = FragmentMode.allCases.map(\.rawValue)
        guard parser.current.kind == .word, let mode = FragmentMode(rawValue: parser.current.text) else {
            throw parser.unexpected("what is done with fragments", note: "accepted: " + names.joined(separator: ", "))
        }
        parser.next()
        guard parser.isAtEnd else { throw parser.unexpected("the end of the line") }
        fragments = mode
        if !blocks.isEmpty { blocks[blocks.count - 1].fragments = mode }
    }

    private mutating func readStep(_ parser: inout PacketParser, _ line: Substring, _ number: Int) throws(Diagnostic) {
        guard ports != nil else {
            throw parser.fail(parser.current, "the ports are not known", note: "begin the file with a line as in: ports eth1,eth2")
        }
        if blocks.isEmpty { begin("", number) }
        let last = blocks.count - 1
        var ahead = parser
        if let time = try ahead.time(after: now), ahead.isAtEnd {
            now = time
            blocks[last].steps.append(.pause(time))
            return
        }
        let packet = try parser.packet(after: &now)
        var expectation: Expectation?
        if parser.skip(.arrow) {
            expectation = try parser.expectation()
            expectation?.text = Self.text(of: line, from: parser.tokens.first { $0.kind == .arrow } ?? parser.current).trimmed
        }
        blocks[last].steps.append(.packet(packet, expectation, line: number, text: String(line).trimmed))
    }
}

extension String {
    /// Without white space around it.
    fileprivate var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
