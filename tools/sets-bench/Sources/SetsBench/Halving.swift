import Ruleset

/// What a lookup would cost by halving a list of intervals, each two numbers of 128 bits.
struct Halving {
    private let lows: [UInt128]
    private let highs: [UInt128]

    init(_ values: [Value], bitWidth: Int) {
        let bounds = values.compactMap { value -> (low: UInt128, high: UInt128)? in
            switch value {
            case .number(let number): (number, number)
            case .range(let low, let high): (low, high)
            case .prefix(let low, let length): (low, low | (bitWidth == length ? 0 : (1 << UInt128(bitWidth - length)) - 1))
            default: nil
            }
        }.sorted { $0 < $1 }
        lows = bounds.map(\.low)
        highs = bounds.map(\.high)
    }

    func holds(_ number: UInt128) -> Bool {
        var low = 0
        var high = lows.count
        while low < high {
            let middle = (low &+ high) >> 1
            if lows[middle] <= number { low = middle &+ 1 } else { high = middle }
        }
        return low > 0 && number <= highs[low &- 1]
    }
}
