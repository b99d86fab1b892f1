/// What reading and compiling rules takes in memory at its height, estimated from their text.
///
/// Text is cheap to count and dear to read: a million elements that are not plain addresses take more than a gigabyte. The amounts were fitted by hand. A lab test holds seven shapes (sets, maps, intervals, concatenations, short and long rules) to
/// the peaks of a process: it allows 0.65 to 2.5 times of them. Text of another shape may be further off.
public struct ReadingCost: Sendable, Equatable {
    /// Bytes for each octet, word or sign, element of a named set, and statement.
    private static let octet = 4
    private static let token = 220
    private static let element = 900
    private static let statement = 2600
    /// Bytes for each element of a list of nothing but addresses, which is not cut into words.
    private static let address = 50

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
        bytes += scan.addresses * Self.address
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
        var addresses = 0
        /// Words, signs and elements before the list that is being read, as long as all of it could be addresses.
        private var list: (tokens: Int, elements: Int)?
        /// Words of the list with a dot or a colon.
        private var dottedWords = 0
        private var isDotted = false
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
                isDotted = false
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
            case UInt8(ascii: "\""):
                state = .string
                list = nil
            case UInt8(ascii: ";"): end()
            case UInt8(ascii: "{"):
                depth += 1
                if awaitsBrace {
                    depthOfElements = depth
                    elements += 1
                    awaitsBrace = false
                    list = (tokens, elements - 1)
                    dottedWords = 0
                } else {
                    list = nil
                }
            case UInt8(ascii: "}"):
                if depth == depthOfElements { endList() }
                depth -= 1
            case UInt8(ascii: "/"), UInt8(ascii: "-"): break
            case UInt8(ascii: ","): if depthOfElements > 0 { elements += 1 }
            default:
                hasBegun = true
                list = nil
            }
            tokens += 1
        }

        /// A long list of addresses is packed: its words cost nothing.
        private mutating func endList() {
            depthOfElements = 0
            guard let list, elements - list.elements >= PackedLiterals.threshold, dottedWords >= elements - list.elements else { return }
            addresses += elements - list.elements
            (tokens, elements) = list
        }

        private mutating func advance(_ octet: UInt8) {
            if depthOfElements > 0 {
                // A dot by itself joins the parts of a concatenation.
                if matched == 0, octet == UInt8(ascii: ".") { list = nil }
                if !octet.isHexDigit, octet != UInt8(ascii: "."), octet != UInt8(ascii: ":") { list = nil }
                if !octet.isHexDigit, !isDotted {
                    isDotted = true
                    dottedWords += 1
                }
            }
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
