import FrameBuilder
import Ruleset

/// Options, extension headers and chunks, right ones and wrong ones, and rules that ask for them or change fields.
extension RandomRulesets {
    private static let searched = Field.allCases.filter { $0.searchedHeader != nil }

    mutating func searchedField() -> Field {
        random.oneIn(2) ? random.pick(Self.searched.filter { $0.octets.isEmpty }) : random.pick(Self.searched)
    }

    /// Fields that the kernel changes, named and raw, to a constant or to another field.
    mutating func assignment() -> Statement {
        if random.oneIn(8) {
            let option = SearchedHeader(.tcpOption, random.pick([0, 1, 2, 3, 5, 8, 30, 34, 77]))
            let field = Field.allCases.first { $0.source == .presence(option) } ?? Field.allCases.first { $0.words == "tcp option maxseg" }
            if let field { return .assignment(Assignment(field: field, value: .removed, location: Build.nowhere)) }
        }
        var field = random.pick(Self.changeable)
        if random.oneIn(5) {
            field =
                Field.raw(
                    random.pick([.link, .network, .transport]), bitOffset: Int.random(in: 0...200, using: &random),
                    bitWidth: random.pick([1, 3, 8, 12, 16, 32, 48, 64, 121, 128])) ?? field
        }
        var value = AssignedValue.constant(UInt128.random(in: 0...field.allOnes, using: &random))
        let sources = (Field.allCases).filter {
            $0.bitWidth == field.bitWidth && $0.trailingBits == 0 && ($0.octets.count * 8 == $0.bitWidth || $0 == .rtMtu)
        }
        if random.oneIn(3), field.octets == field.writtenOctets, field.octets.count * 8 == field.bitWidth, !sources.isEmpty {
            value = .field(random.pick(sources))
        } else if random.oneIn(3), field.isWrittenWhole {
            value = mapped()
        } else if random.oneIn(4) {
            let xor = UInt128.random(in: 0...field.allOnes, using: &random)
            var bits = ShiftedBits(field, steps: [.bits(mask: random.oneIn(2) ? field.allOnes >> 1 : nil, xor: xor)], width: field.bitWidth)
            if field.isWrittenWhole, let other = sources.randomElement(using: &random) {
                bits.steps.append(.combined(random.pick([.or, .and, .exclusiveOr]), ShiftedBits(other, steps: [], width: field.bitWidth)))
            }
            value = .shifted(bits)
        }
        return .assignment(Assignment(field: field, value: value, location: Build.nowhere))
    }

    private static let changeable = Field.allCases.filter { field in
        switch field.place {
        case .header: true
        case .searched(let header, _): header.kind == .tcpOption && [2, 4].contains(field.octets.count) && field.octets.lowerBound >= 2
        case .presence, nil: false
        }
    }

    /// Whole words of four octets.
    mutating func tcpOptions() -> [UInt8] {
        let pieces: [[UInt8]] = [
            [2, 4, 5, 0xb4], [2, 4, 0x23, 0], [3, 3, 7], [4, 2], [1], [0], [8, 10, 0, 0, 0, 1, 0, 0, 0, 4],
            [5, 10, 0, 0, 0, 1, 0, 0, 0, 6],
            [5, 18] + [UInt8](repeating: 4, count: 16), [2, 3, 1], [2, 0], [2, 40], [30, 4, 0x10, 0],
            [19, 18] + [UInt8](repeating: 1, count: 16),
            [34, 2], [253, 6, 1, 2, 3, 4],
        ]
        return words(of: pieces, limit: 40)
    }

    mutating func ipOptions() -> [UInt8] {
        let pieces: [[UInt8]] = [
            [1], [1], [0], [148, 4, 0, 0], [148, 4, 0, 1], [7, 7, 4, 0, 0, 0, 0], [7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0],
            [131, 7, 4, 10, 0, 0, 9],
            [137, 11, 4, 10, 0, 0, 9, 10, 0, 0, 8], [131, 7, 8, 10, 0, 0, 9], [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [68, 8, 9, 0xf0, 0, 0, 0, 0],
            [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0], [7, 3, 4], [7, 2], [130, 3, 0], [7, 40, 4], [94],
        ]
        return words(of: pieces, limit: 40)
    }

    private mutating func words(of pieces: [[UInt8]], limit: Int) -> [UInt8] {
        var options: [UInt8] = []
        for _ in 0..<Int.random(in: 1...5, using: &random) { options += random.pick(pieces) }
        while options.count % 4 != 0 { options.append(random.pick([0, 1])) }
        return Array(options.prefix(limit))
    }

    mutating func chunks() -> [UInt8] {
        let pieces: [[UInt8]] = [
            [0, 3, 0, 16, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 6], [1, 0, 0, 20] + [UInt8](repeating: 4, count: 16), [4, 0, 0, 5, 1, 0, 0, 0],
            [6, 0, 0, 4], [10, 0, 0, 0], [3, 0, 0, 200], [12, 0, 0, 8, 0, 0, 0, 6], [193, 0, 0, 8, 0, 0, 0, 1],
            [14, 0, 0, 2, 1, 0, 0, 4, 0],
        ]
        return (0..<Int.random(in: 1...4, using: &random)).flatMap { _ in random.pick(pieces) }
    }

    mutating func extensionHeader(_ frame: Frame) -> Frame {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: frame.extensionHeader(random.pick([0, 43, 60]), units: random.pick([1, 3]))
        case 1: frame.authenticationHeader()
        case 2: frame.fragmentHeader(offset: random.pick([0, 0, 8]), more: random.oneIn(2), identification: random.pick([1, 4, 6]))
        default: frame.extensionHeader(random.pick([0, 43, 60, 135]), lengthField: random.pick([0, 1, 200]))
        }
    }
}
