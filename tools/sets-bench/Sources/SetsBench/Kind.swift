import Ruleset

/// A key that is looked up, as frames have it.
struct Key {
    var address: UInt128
    var port: UInt16 = 0
}

/// What sets are made of.
enum Kind: String, CaseIterable {
    case addresses = "addresses of IPv4"
    case prefixes = "prefixes of IPv4"
    case prefixes6 = "prefixes of IPv6"
    case pairs = "address . port"
    case boxes = "prefix . ports"
    case changing = "addresses that rules add"

    var fields: [Field] {
        switch self {
        case .addresses, .prefixes, .changing: [.ipSaddr]
        case .prefixes6: [.ip6Saddr]
        case .pairs, .boxes: [.ipSaddr, .thDport]
        }
    }

    var isVersion6: Bool { self == .prefixes6 }

    /// Elements, and for each a key that it holds. Prefixes have the lengths that the Internet's have, about: most of 24 and 48 bits.
    func elements(_ count: Int, _ generator: inout Generator) -> (values: [Value], keys: [Key]) {
        var values: [Value] = []
        var keys: [Key] = []
        var taken: Set<UInt128> = []
        while values.count < count {
            switch self {
            case .addresses, .changing:
                let address = UInt128(UInt32.random(in: 0 ... .max, using: &generator))
                guard taken.insert(address).inserted else { continue }
                values.append(.number(address))
                keys.append(Key(address: address))
            case .prefixes:
                let length = [20, 22, 23, 24, 24, 24, 24, 28, 32, 32][Int.random(in: 0..<10, using: &generator)]
                let host = (UInt128(1) << UInt128(32 - length)) - 1
                let address = UInt128(UInt32.random(in: 0 ... .max, using: &generator))
                guard taken.insert(address & ~host).inserted else { continue }
                values.append(.prefix(address & ~host, length: length))
                keys.append(Key(address: address))
            case .prefixes6:
                let length = [32, 40, 44, 48, 48, 48, 48, 56, 64, 128][Int.random(in: 0..<10, using: &generator)]
                let host = length == 128 ? 0 : (UInt128(1) << UInt128(128 - length)) - 1
                let provider = UInt128([0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00][Int.random(in: 0..<6, using: &generator)]) << 112
                let address = provider | UInt128.random(in: 0..<1 << 112, using: &generator)
                guard taken.insert(address & ~host).inserted else { continue }
                values.append(.prefix(address & ~host, length: length))
                keys.append(Key(address: address))
            case .pairs:
                let key = Key(
                    address: UInt128(UInt32.random(in: 0 ... .max, using: &generator)), port: .random(in: 1...1023, using: &generator))
                guard taken.insert(key.address << 16 | UInt128(key.port)).inserted else { continue }
                values.append(.concatenation([.number(key.address), .number(UInt128(key.port))]))
                keys.append(key)
            case .boxes:
                let host = (UInt128(1) << UInt128([0, 4, 8, 8, 8, 12][Int.random(in: 0..<6, using: &generator)])) - 1
                let low = UInt16.random(in: 1...60_000, using: &generator)
                let high = low + UInt16([0, 0, 9, 99, 999, 5_000][Int.random(in: 0..<6, using: &generator)])
                let key = Key(
                    address: UInt128(UInt32.random(in: 0 ... .max, using: &generator)), port: .random(in: low...high, using: &generator))
                guard taken.insert((key.address & ~host) << 16 | UInt128(low)).inserted else { continue }
                values.append(
                    .concatenation([.range(key.address & ~host, key.address | host), .range(UInt128(low), UInt128(high))]))
                keys.append(key)
            }
        }
        return (values, keys)
    }
}
