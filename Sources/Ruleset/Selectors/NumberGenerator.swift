/// Numbers that a rule draws again for each packet that comes to it: `numgen inc mod 10 offset 5`, `numgen random mod 10`
/// (net/netfilter/nft_numgen.c), and `meta random`.
///
/// Each place in a rule where one is written draws for itself.
public struct NumberGenerator: Sendable, Hashable {
    public enum Mode: String, Sendable, CaseIterable {
        /// One after the other: 0 up to the last, and from 0 again.
        case inc
        /// By lot, each as often as the others.
        case random
    }

    public var mode: Mode
    /// How many numbers there are, 1 to 2^32.
    public var modulus: UInt64
    /// What is added to each.
    public var offset: UInt32

    /// nil where the last number would be larger than 32 bits hold, which the kernel refuses, or where there is none.
    public init?(_ mode: Mode, modulus: UInt64, offset: UInt32 = 0) {
        guard modulus > 0, modulus <= 1 << 32, modulus - 1 + UInt64(offset) <= UInt64(UInt32.max) else { return nil }
        self.mode = mode
        self.modulus = modulus
        self.offset = offset
    }

    /// The largest of the numbers.
    public var highest: UInt128 { UInt128(modulus) - 1 + UInt128(offset) }

    /// What `meta random` draws from: all numbers of 32 bits.
    static let all = NumberGenerator(.random, modulus: 1 << 32)

    /// As it is written.
    var text: String { "numgen \(mode.rawValue) mod \(modulus)\(offset == 0 ? "" : " offset \(offset)")" }

    var json: JSONValue {
        .object([
            (
                "numgen",
                .object([("mode", .text(mode.rawValue)), ("mod", .number(modulus)), ("offset", .number(UInt64(offset)))])
            )
        ])
    }
}

extension Field {
    /// What a `numgen` draws.
    public init(_ generator: NumberGenerator) {
        self.init(generator.text, generator)
    }

    /// The largest number that the field can have.
    public var highest: UInt128 {
        if case .generated(let generator) = source { generator.highest } else { allOnes }
    }

    /// True if `meta mark` and `ct mark` can be set to it with operations on its bits.
    var canBeMark: Bool { isMark || generator != nil }

    /// True if it is a `numgen`.
    var isGenerated: Bool { if case .generated = source { true } else { false } }
}
