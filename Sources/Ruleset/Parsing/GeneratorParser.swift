/// `numgen`.
extension Parser {
    /// `inc|random mod N [offset M]`, after `numgen`.
    mutating func generatorSelector() throws(Abandoned) -> Selector {
        let start = index - 1
        let modes = NumberGenerator.Mode.allCases.map(\.rawValue)
        guard current.kind == .word, let mode = NumberGenerator.Mode(rawValue: current.text) else {
            throw unexpected(expecting: modes.map { "'\($0)'" }.joined(separator: " or "))
        }
        next()
        guard skip(word: "mod") else { throw unexpected(expecting: "'mod', as in: numgen \(mode.rawValue) mod 10") }
        let modulus = try generatorNumber(behind: "mod")
        let offset = skip(word: "offset") ? try generatorNumber(behind: "offset") : 0
        guard modulus < 1 << 32, let offset = UInt32(exactly: offset),
            let generator = NumberGenerator(mode, modulus: modulus, offset: offset)
        else {
            throw fail(
                location(from: start), "these numbers can't be drawn",
                note: "accepted: 'mod' from 1 to \(UInt32.max), and an offset with which no number is larger than that")
        }
        return Selector.reading(Field(generator))
    }

    private mutating func generatorNumber(behind word: String) throws(Abandoned) -> UInt64 {
        guard current.kind == .number else { throw unexpected(expecting: "a number after '\(word)'") }
        return try number(next())
    }
}
