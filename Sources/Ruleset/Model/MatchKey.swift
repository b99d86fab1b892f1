/// What is looked at in a frame: a field, or several one after the other (`ip saddr . tcp dport`), each with the bits that count.
///
/// Where one of them can't be read in a frame, the key can't.
public struct MatchKey: Sendable, Equatable {
    /// `(field & mask) ^ xor`; `field | bits` is the mask without the bits and the bits in `xor`.
    public struct Component: Sendable, Equatable {
        public var field: Field
        /// Bits of the field that count; nil for all of them.
        public var mask: UInt128?
        /// Bits that are turned over after the mask.
        public var xor: UInt128

        public init(_ field: Field, mask: UInt128? = nil, xor: UInt128 = 0) {
            self.field = field
            self.mask = mask
            self.xor = xor
        }
    }

    public var first: Component
    /// After the first; empty unless it is a concatenation.
    public var rest: [Component]

    public init(_ first: Component, rest: [Component] = []) {
        self.first = first
        self.rest = rest
    }

    public var components: [Component] { [first] + rest }
    public var isConcatenation: Bool { !rest.isEmpty }

    /// The kernel's registers hold that many octets, in which every component begins with one of four.
    static let octetLimit = 64

    /// The octets that fields of these widths take in the kernel's registers; interfaces' names take 16, and their numbers 4.
    static func octets(of fields: [Field]) -> Int {
        fields.reduce(0) { $0 + ($1.isName ? 16 : max(1, ($1.bitWidth + 31) / 32) * 4) }
    }
}

extension Field {
    /// True if its values are interfaces' names, which are 16 octets to the kernel.
    fileprivate var isName: Bool { self == .metaIifname || self == .metaOifname }
}
