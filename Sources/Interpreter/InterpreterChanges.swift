import Classifier
import Ruleset
import Wire

/// Changes of a frame, bit by bit.
extension InterpreterFields {
    /// Sets the field; false, and nothing is changed, where the kernel does not.
    mutating func assign(_ number: UInt128, to field: Field, isChecksumPartial: Bool) -> Bool {
        switch field.place {
        case .header(.link, let offset):
            return assignLink(number, field, offset)
        case .header(let header, let offset):
            return assign(number, to: field, in: header, offset, isChecksumPartial: isChecksumPartial)
        case .searched(let header, let offset):
            return assignOption(number, header, offset, field.bitWidth, isChecksumPartial: isChecksumPartial)
        case .presence, nil:
            return false
        }
    }

    private mutating func put(_ number: UInt128, atBit start: Int, width: Int) {
        for bit in 0..<width {
            let place = start + width - 1 - bit
            let weight = UInt8(1) << UInt8(7 - place % 8)
            let isOne = number >> UInt128(bit) & 1 == 1
            wire[place / 8] = isOne ? wire[place / 8] | weight : wire[place / 8] & ~weight
        }
    }

    private mutating func assignLink(_ number: UInt128, _ field: Field, _ offset: Int) -> Bool {
        let (octets, width) = (field.writtenOctets, field.bitWidth)
        guard frame.malformation != .ethernetHeaderCutOff, octets.upperBound <= linkLength else { return false }
        let isTagged = frame.outermostTag != nil
        if isTagged, octets.upperBound > 12, octets.lowerBound < 16, ![12..<14, 14..<16, 12..<16].contains(octets) { return false }
        let before = wire
        // A field of several octets may lie on both sides of a tag that rules do not see.
        for bit in 0..<width {
            let place = offset + width - 1 - bit
            put(number >> UInt128(bit) & 1, atBit: wirePlace(ofLinkOctet: place / 8) * 8 + place % 8, width: 1)
        }
        if wire != before { isChanged = true }
        return true
    }

    private mutating func assign(
        _ number: UInt128, to field: Field, in header: Field.Header, _ offset: Int, isChecksumPartial: Bool
    ) -> Bool {
        let start: Int
        let end: Int
        if header == .network {
            (start, end) = (networkStart, networkEnd)
        } else {
            guard let range = transportRange else { return false }
            (start, end) = (range.lowerBound, range.upperBound)
        }
        let written = start + field.writtenOctets.lowerBound..<start + field.writtenOctets.upperBound
        guard written.upperBound <= end else { return false }
        let before = wire
        put(number, atBit: start * 8 + offset, width: field.bitWidth)
        let after = wire
        // Sums are made before the bits are written: a checksum that is itself written ends up as it was written.
        wire = before
        let change = Self.words(after[written]) - Self.words(before[written])

        if field.isInPseudoHeader, let place = transportChecksum {
            guard let transportRange, place + 2 <= transportRange.upperBound else { return false }
            let isMissing = frame.transportProtocol == 17 && before[place] == 0 && before[place + 1] == 0
            if !isMissing { adjust(at: place, by: change, isPartial: isChecksumPartial, mayBeZero: false) }
        }
        switch field.checksum {
        case .internet(let octet):
            guard start + octet + 2 <= end else {
                wire = before
                return false
            }
            let isMissing =
                header == .transport && frame.transportProtocol == 17 && before[start + octet] == 0 && before[start + octet + 1] == 0
            let isForHardware = header == .transport && isChecksumPartial
            if !isMissing, !isForHardware { adjust(at: start + octet, by: change, isPartial: false, mayBeZero: false) }
        case .cyclic(let octet):
            guard start + octet + 4 <= end else { return false }
        case nil: break
        }
        put(number, atBit: start * 8 + offset, width: field.bitWidth)
        if after[written] != before[written] { isChanged = true }
        if case .cyclic(let octet) = field.checksum, frame.transportProtocol == 132, !isChecksumPartial {
            let sum = Self.cyclicSum(Array(wire[start..<end]), without: octet..<octet + 4)
            for index in 0..<4 { wire[start + octet + index] = UInt8(sum >> UInt32(8 * index) & 0xff) }
        }
        return true
    }

    /// Where the transport header's checksum stands, in those that count the addresses.
    private var transportChecksum: Int? {
        guard let start = transportRange?.lowerBound else { return nil }
        switch frame.transportProtocol {
        case 6: return start + 16
        case 17, 136: return start + 6
        case 58: return start + 2
        default: return nil
        }
    }

    private mutating func assignOption(
        _ number: UInt128, _ header: SearchedHeader, _ offset: Int, _ width: Int, isChecksumPartial: Bool
    ) -> Bool {
        guard case .item(let item) = find(header), let start = transportRange?.lowerBound else {
            if case .absent = find(header) { return true }
            return false
        }
        guard (offset + width) / 8 <= item.octets.count else { return false }
        let place = start + item.offset + offset / 8
        let old = (0..<width / 8).reduce(0) { $0 << 8 | UInt128(wire[place + $1]) }
        if header.number == 2, width == 16, old <= number { return true }
        if old == number { return true }
        isChanged = true
        // Whole words of the segment, so that an odd place does not matter.
        let words = (place - start) / 2 * 2 + start..<(place - start + width / 8 + 1) / 2 * 2 + start
        let before = Self.words(wire[words])
        put(number, atBit: place * 8, width: width)
        if !isChecksumPartial { adjust(at: start + 16, by: Self.words(wire[words]) - before, isPartial: false, mayBeZero: true) }
        return true
    }

    /// What comes of taking an option of TCP out.
    enum Removal {
        case done, noTCP, beyondHeader
    }

    /// Writes octets that say nothing over an option of TCP.
    mutating func removeOption(_ field: Field, isChecksumPartial: Bool) -> Removal {
        guard let header = field.searchedHeader, let range = transportRange, frame.transportProtocol == 6, range.count >= 20 else {
            return .noTCP
        }
        let length = Int(wire[range.lowerBound + 12] / 16) * 4
        guard length >= 20, length <= range.count else { return .noTCP }
        switch find(header) {
        case .absent: return .done
        case .broken, nil: return .beyondHeader
        case .item(let item):
            let before = wire
            for index in 0..<item.octets.count { wire[range.lowerBound + item.offset + index] = 1 }
            guard wire != before else { return .done }
            isChanged = true
            let words = range.lowerBound..<range.lowerBound + length
            let change = Self.words(wire[words]) - Self.words(before[words])
            if !isChecksumPartial { adjust(at: range.lowerBound + 16, by: change, isPartial: false, mayBeZero: true) }
            return .done
        }
    }

    /// The sum of 16-bit words.
    private static func words(_ octets: ArraySlice<UInt8>) -> Int {
        octets.enumerated().reduce(0) { $0 + Int($1.element) * ($1.offset % 2 == 0 ? 256 : 1) }
    }

    /// Changes a checksum, which is a complement unless it is partial, by what the words that it counts have changed.
    private mutating func adjust(at place: Int, by change: Int, isPartial: Bool, mayBeZero: Bool) {
        let stored = Int(wire[place]) * 256 + Int(wire[place + 1])
        let sum = isPartial ? stored : 0xffff - stored
        // One's complement: 0 and 0xffff are the same number, of which the latter is used.
        let rest = (sum + change) % 0xffff
        let new = rest <= 0 ? rest + 0xffff : rest
        var result = isPartial ? new : 0xffff - new
        if result == 0, !mayBeZero { result = 0xffff }
        wire[place] = UInt8(result / 256)
        wire[place + 1] = UInt8(result % 256)
    }

    /// CRC-32C by long division, least significant bit first.
    private static func cyclicSum(_ octets: [UInt8], without field: Range<Int>) -> UInt32 {
        var remainder = UInt32.max
        for (index, octet) in octets.enumerated() {
            for bit in 0..<8 {
                let input = field.contains(index) ? 0 : UInt32(octet >> UInt8(bit) & 1)
                let isOne = (remainder & 1) ^ input == 1
                remainder >>= 1
                if isOne { remainder ^= 0x82f6_3b78 }
            }
        }
        return ~remainder
    }
}
