import Storage

/// Which port a station's frames come by, by its MAC address: a table of fixed size with open addressing.
struct StationTable: ~Copyable {
    /// Stations that it takes; those beyond are not learned.
    static let capacity = 49_152
    private static let slots = 65_536
    private static let unused = UInt64.max

    /// The address in the low 48 bits, the port above.
    private let entries = FixedArray<UInt64>(repeating: unused, count: slots)
    /// Nobody knows which addresses share a slot: captures are made where attackers are.
    private let multiplier = UInt64.random(in: .min ... .max) | 1
    private(set) var count = 0

    /// The port; nil for a station that is not known.
    func port(of address: UInt64) -> UInt8? {
        let entry = entries[slot(of: address)]
        return entry == Self.unused ? nil : UInt8(truncatingIfNeeded: entry >> 48)
    }

    /// False if there is no room.
    @discardableResult
    mutating func set(_ port: UInt8, for address: UInt64) -> Bool {
        let slot = slot(of: address)
        if entries[slot] == Self.unused {
            guard count < Self.capacity else { return false }
            count += 1
        }
        entries[slot] = UInt64(port) << 48 | address & 0xffff_ffff_ffff
        return true
    }

    /// Where the address stands, or would. A quarter of the slots is always free, so that the search ends.
    private func slot(of address: UInt64) -> Int {
        let address = address & 0xffff_ffff_ffff
        var slot = Int(truncatingIfNeeded: (address &* multiplier) >> 48)
        while entries[slot] != Self.unused, entries[slot] & 0xffff_ffff_ffff != address { slot = (slot &+ 1) % Self.slots }
        return slot
    }
}
