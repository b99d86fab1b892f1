import Ruleset
import Storage
import Wire

/// A key of a set that changes, as the kernel's registers hold it: each component begins with one of the 16 words of 32 bits.
struct PackedKey: BitwiseCopyable, Sendable, Equatable {
    var first: UInt128
    private(set) var second: UInt128 = 0
    private(set) var third: UInt128 = 0
    private(set) var fourth: UInt128 = 0

    /// Words of 32 bits that a component takes; a port's bit needs no more than one.
    static func words(of field: Field) -> Int { max(1, (field.bitWidth + 31) / 32) }

    /// All that a key has room for.
    static let capacity = 16

    /// A key of a single component, or of none.
    @inline(__always)
    init(_ first: UInt128 = 0) { self.first = first }

    /// The `index`th 128 bits.
    @inline(__always)
    subscript(index: Int) -> UInt128 {
        switch index {
        case 0: first
        case 1: second
        case 2: third
        default: fourth
        }
    }

    @inline(__always)
    mutating func set(_ index: Int, _ value: UInt128) {
        switch index {
        case 0: first = value
        case 1: second = value
        case 2: third = value
        default: fourth = value
        }
    }

    /// A component of at most 128 bits.
    func value(bits: Int, atWord word: Int) -> UInt128 {
        let index = word >> 2
        let shift = UInt128((word & 3) * 32)
        var value = self[index] >> shift
        if shift > 0, index < 3 { value |= self[index + 1] << (128 - shift) }
        return bits >= 128 ? value : value & (1 << UInt128(bits) - 1)
    }

    /// Puts a component where there are zeros yet.
    mutating func place(_ value: UInt128, atWord word: Int) {
        let index = word &>> 2
        let shift = UInt128((word & 3) &* 32)
        set(index, self[index] | value &<< shift)
        if shift > 0, index < 3 { set(index &+ 1, self[index &+ 1] | value &>> (128 &- shift)) }
    }
}

/// One component of a key: where its value comes from, and where it goes.
struct KeyPiece: BitwiseCopyable, Sendable {
    var part: KeyPart
    /// Bits of the loaded octets after the field.
    var shift: UInt8
    /// Where it begins, in words of 32 bits.
    var word: UInt8
    /// For interfaces: the other one of the two ports is meant.
    var isOtherPort: Bool
}

/// What a rule asks of a set that changes, or does to it, by a key that is more than one loaded value.
struct SetAccess: BitwiseCopyable, Sendable {
    var set: Int32
    /// For changes.
    var template: Int32 = 0
    /// Indices into `SetAccesses.pieces`.
    var pieces: LookupTable.Span
    /// The piece that a new element of a map is mapped to; -1 for the constant.
    var data: Int32 = -1
    var constant: UInt128 = 0
}

/// The accesses of a program.
struct SetAccesses: ~Copyable, Sendable {
    let accesses: FrozenArray<SetAccess>
    let pieces: FrozenArray<KeyPiece>

    /// nil where a component can't be read in this frame.
    @inline(never)
    func key(
        of access: SetAccess, _ values: borrowing LoadedValues, _ loads: borrowing FrozenArray<Load>, _ bytes: RawSpan,
        _ frame: ParsedFrame, _ context: FrameContext
    ) -> PackedKey? {
        var key = PackedKey()
        for index in 0..<Int(access.pieces.count) {
            let piece = pieces[Int(access.pieces.first) &+ index]
            guard let value = value(of: piece, values, loads, bytes, frame, context) else { return nil }
            key.place(value, atWord: Int(piece.word))
        }
        return key
    }

    /// What a new element is mapped to; nil where it can't be read in this frame.
    @inline(never)
    func data(
        of access: SetAccess, _ values: borrowing LoadedValues, _ loads: borrowing FrozenArray<Load>, _ bytes: RawSpan,
        _ frame: ParsedFrame, _ context: FrameContext
    ) -> UInt128? {
        guard access.data >= 0 else { return access.constant }
        return value(of: pieces[Int(access.data)], values, loads, bytes, frame, context)
    }

    private func value(
        of piece: KeyPiece, _ values: borrowing LoadedValues, _ loads: borrowing FrozenArray<Load>, _ bytes: RawSpan,
        _ frame: ParsedFrame, _ context: FrameContext
    ) -> UInt128? {
        let part = piece.part
        let loaded =
            part.slot == UInt8(LoadedValues.spare)
            ? values.late(part.load, loads, bytes, frame, context) : values[part.slot]
        guard let loaded else { return nil }
        // A port is one of two bits, or no bit where the kernel knows none.
        if piece.isOtherPort { return loaded == 0 ? 0 : loaded ^ 0b11 }
        return ((loaded & part.mask) ^ part.xor) &>> UInt128(piece.shift)
    }
}
