/// What reading and compiling rules takes in memory at its height, estimated from their text.
///
/// Text is cheap to count and dear to read: a million addresses, 13.5 MB of text, take 1,214 MiB in a release build, and are estimated at
/// 1,329. The amounts were fitted by hand. A lab test holds seven shapes (sets, maps, intervals, concatenations, short and long rules) to
/// the peaks of a process: it allows 0.65 to 2.5 times of them. Text of another shape may be further off.
public struct ReadingCost: Sendable, Equatable {
    /// Bytes for each octet, word or sign, element of a named set, and statement.
    private static let octet = 4
    private static let token = 220
    private static let element = 900
    private static let statement = 2300

    /// Bytes so far.
    public private(set) var bytes = 0

    public init() {}

    /// Adds a file's text.
    public mutating func add(_ text: String) {
        var scan = Scan()
        var count = 0
        for octet in text.utf8 {
            scan.take(octet)
            count += 1
        }
        bytes += count * Self.octet + scan.tokens * Self.token + scan.elements * Self.element + scan.statements * Self.statement
    }

    /// Counts without understanding: what is wrong in the text is found later, and costs no more.
    private struct Scan {
        private static let keyword = Array("elements".utf8)

        private enum State {
            case between, word, string, comment
        }

        var tokens = 0
        var elements = 0
        var statements = 0
        private var state = State.between
        /// Octets of the word so far that are those of `elements`; -1 for another word.
        private var matched = 0
        /// The last word was `elements`, and its brace has not come yet.
        private var awaitsBrace = false
        private var depth = 0
        /// The depth of the braces around the elements of a set; 0 outside.
        private var depthOfElements = 0
        /// Something stands before the end of the line.
        private var hasBegun = false

        mutating func take(_ octet: UInt8) {
            switch state {
            case .comment:
                if octet == UInt8(ascii: "\n") { end() } else { return }
            case .string:
                if octet == UInt8(ascii: "\"") { state = .between }
                return
            case .word:
                if Self.isWord(octet) { return advance(octet) }
                awaitsBrace = matched == Self.keyword.count || awaitsBrace
                state = .between
                sign(octet)
            case .between: sign(octet)
            }
        }

        private mutating func sign(_ octet: UInt8) {
            if Self.isWord(octet) {
                state = .word
                matched = 0
                tokens += 1
                hasBegun = true
                return advance(octet)
            }
            switch octet {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): return
            case UInt8(ascii: "\n"): return end()
            case UInt8(ascii: "#"):
                state = .comment
                return
            case UInt8(ascii: "\""): state = .string
            case UInt8(ascii: ";"): end()
            case UInt8(ascii: "{"):
                depth += 1
                if awaitsBrace {
                    depthOfElements = depth
                    elements += 1
                    awaitsBrace = false
                }
            case UInt8(ascii: "}"):
                if depth == depthOfElements { depthOfElements = 0 }
                depth -= 1
            case UInt8(ascii: ","): if depthOfElements > 0 { elements += 1 }
            default: hasBegun = true
            }
            tokens += 1
        }

        private mutating func advance(_ octet: UInt8) {
            let isNext = matched >= 0 && matched < Self.keyword.count && Self.keyword[matched] == octet
            matched = isNext ? matched + 1 : -1
        }

        /// The end of a line or a statement.
        private mutating func end() {
            state = .between
            if hasBegun, depthOfElements == 0 { statements += 1 }
            hasBegun = false
        }

        private static func isWord(_ octet: UInt8) -> Bool {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"):
                true
            default: octet >= 0x80
            }
        }
    }
}
