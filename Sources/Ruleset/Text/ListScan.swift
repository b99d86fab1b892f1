/// What is counted of a text of rules.
struct TextCounts {
    /// Words and signs.
    var tokens = 0
    /// Elements of named sets.
    var elements = 0
    /// Commas in rules.
    var members = 0
    var statements = 0
    /// Addresses of lists that stay packed.
    var narrow = 0
    var wide = 0
}

/// What later parts of a text name, by the hash of its name: two that share one cost what the dearer does.
struct NamedLists: Sendable, Equatable {
    /// What a set's declaration says of whether lists of addresses stay packed in it.
    struct Traits: Sendable, Equatable {
        /// Elements have timeouts, statements, data, or parts.
        var changes = false
        var hasIntervals = false
        var isNarrow = false
        var isWide = false
    }

    /// Elements that a `$` stands for.
    struct Named: Sendable, Equatable {
        var count: Int
        /// They are addresses, and packed.
        var packed: Addresses?
    }

    /// A list that may stay packed.
    struct Addresses: Sendable, Equatable {
        var count: Int
        var isWide: Bool
        var hasIntervals: Bool
    }

    var sets: [UInt64: Traits] = [:]
    var definitions: [UInt64: Named] = [:]
    /// Values that definitions may stand for in one rule set: no more is read.
    static let expansionLimit = 1 << 20
    var expansionsLeft = NamedLists.expansionLimit
}

/// A scan of a text that tells lists of addresses that stay packed from all others. It counts without understanding: what is wrong in the
/// text is found later, and costs no more.
struct ListScan {
    /// What the braces of a list follow.
    private enum Purpose {
        /// `elements =` in a set's block.
        case block
        /// `add element … NAME`, by the name's hash.
        case command(UInt64)
        /// `define NAME =`, by the name's hash; nil before the name.
        case definition(UInt64?)
    }

    /// The innermost block of braces that is no list.
    private struct Block {
        var depth = 0
        /// The name's hash; nil where no set is declared.
        var set: UInt64?
        var traits = NamedLists.Traits()
        /// A list of which the rest of the declaration says whether it stays packed.
        var addresses: NamedLists.Addresses?
    }

    private(set) var counts = TextCounts()
    private(set) var names: NamedLists
    private let bytes: [UInt8]
    private var position = 0
    private var block = Block()
    private var depth = 0
    /// The depth of the braces around the elements of a list, and what these are for; 0 outside.
    private var depthOfList = 0
    private var purpose = Purpose.block
    private var elementsBefore = 0
    /// A list follows, and its braces have not come yet.
    private var awaited: Purpose?
    /// The statement declares a set or a map.
    private var declaresSet = false
    private var declaresMap = false
    private var lastName: UInt64 = 0
    private var lastSign = UInt8(0)
    /// Something stands before the end of the line.
    private var hasBegun = false

    init(_ bytes: [UInt8], _ names: NamedLists) {
        self.bytes = bytes
        self.names = names
    }

    mutating func run() {
        while position < bytes.count {
            let octet = bytes[position]
            if octet.isOfScannedWord {
                takeWord()
            } else {
                position += 1
                take(octet)
            }
        }
        settleBlock()
    }

    private mutating func take(_ octet: UInt8) {
        switch octet {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): return
        case UInt8(ascii: "\n"): return endLine()
        case UInt8(ascii: "#"): return skip(past: UInt8(ascii: "\n"), keepsLast: true)
        case UInt8(ascii: "\""): skip(past: octet, keepsLast: false)
        case UInt8(ascii: ";"): endStatement()
        case UInt8(ascii: "{"): open()
        case UInt8(ascii: "}"): close()
        case UInt8(ascii: ","): if depthOfList > 0 { counts.elements += 1 } else { counts.members += 1 }
        default: hasBegun = true
        }
        lastSign = octet
        counts.tokens += 1
    }

    private mutating func skip(past last: UInt8, keepsLast: Bool) {
        let end = bytes[position...].firstIndex(of: last) ?? bytes.count
        position = keepsLast ? end : min(end + 1, bytes.count)
    }

    // MARK: Words

    private mutating func takeWord() {
        // FNV-1a.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        let start = position
        while position < bytes.count, bytes[position].isOfScannedWord {
            hash = (hash ^ UInt64(bytes[position])) &* 0x100_0000_01b3
            position += 1
        }
        let isDefined = lastSign == UInt8(ascii: "$")
        counts.tokens += 1
        hasBegun = true
        lastSign = 0
        if isDefined { return expand(hash) }
        guard depthOfList == 0 else { return }
        lastName = hash
        switch awaited {
        case .command: awaited = .command(hash)
        case .definition(nil): awaited = .definition(hash)
        case .definition, .block, nil: break
        }
        note(bytes[start..<position])
    }

    private mutating func note(_ word: ArraySlice<UInt8>) {
        if word.count == 1, word.first == UInt8(ascii: ".") { block.traits.changes = true }
        guard let keyword = Keyword(word) else { return }
        switch keyword {
        case .elements: awaited = .block
        case .element: awaited = .command(0)
        case .define, .redefine: awaited = .definition(nil)
        case .set: declaresSet = true
        case .map: declaresMap = true
        case .interval: block.traits.hasIntervals = true
        case .ipv4_addr: block.traits.isNarrow = true
        case .ipv6_addr: block.traits.isWide = true
        case .typeof: (block.traits.isNarrow, block.traits.isWide) = (true, true)
        case .timeout, .dynamic, .counter, .limit, .quota, .last, .count: block.traits.changes = true
        }
    }

    private enum Keyword: String, CaseIterable {
        case elements, element, define, redefine, set, map, interval, ipv4_addr, ipv6_addr, typeof
        /// What keeps lists of a set from staying packed.
        case timeout, dynamic, counter, limit, quota, last, count

        private static let known = allCases.map { (keyword: $0, bytes: Array($0.rawValue.utf8)) }

        init?(_ word: ArraySlice<UInt8>) {
            guard (3...9).contains(word.count), let found = Self.known.first(where: { $0.bytes.elementsEqual(word) }) else { return nil }
            self = found.keyword
        }
    }

    /// `$NAME`: the elements of a definition, in the place of a list or in one.
    private mutating func expand(_ name: UInt64) {
        guard let definition = names.definitions[name] else { return }
        if depthOfList == 0, let packed = definition.packed {
            switch awaited {
            case .block where block.addresses == nil:
                awaited = nil
                block.addresses = packed
                return
            case .command(let set) where names.sets[set]?.keeps(packed) == true: return add(packed)
            case .block, .command, .definition, nil: break
            }
        }
        let count = min(definition.count, names.expansionsLeft)
        names.expansionsLeft -= count
        counts.elements += count
        counts.tokens += 2 * count
    }

    // MARK: Braces

    private mutating func open() {
        depth += 1
        if depthOfList > 0 { return }
        guard let purpose = awaited else {
            settleBlock()
            block = Block(depth: depth)
            if declaresSet || declaresMap { block.set = lastName }
            block.traits.changes = declaresMap
            return
        }
        awaited = nil
        self.purpose = purpose
        depthOfList = depth
        if let extent = PackedLiterals.extent(in: bytes, from: position) {
            position = extent.end
            take(NamedLists.Addresses(count: extent.count, isWide: extent.isWide, hasIntervals: extent.hasIntervals))
            elementsBefore = counts.elements
        } else {
            elementsBefore = counts.elements
            counts.elements += 1
        }
    }

    /// A list that the lexer packs.
    private mutating func take(_ addresses: NamedLists.Addresses) {
        switch purpose {
        case .definition(let name):
            add(addresses)
            if let name { names.definitions[name] = NamedLists.Named(count: addresses.count, packed: addresses) }
        case .command(let set): if names.sets[set]?.keeps(addresses) == true { add(addresses) } else { unpack(addresses) }
        case .block: if block.addresses == nil { block.addresses = addresses } else { unpack(addresses) }
        }
    }

    private mutating func close() {
        if depthOfList > 0, depth == depthOfList {
            depthOfList = 0
            let count = counts.elements - elementsBefore
            if case .definition(let name?) = purpose, count > 0 {
                names.definitions[name] = NamedLists.Named(count: min(count, NamedLists.expansionLimit))
            }
        } else if depth == block.depth {
            settleBlock()
        }
        depth = max(0, depth - 1)
    }

    /// At the end of a block: what says how its elements are held may stand after them.
    private mutating func settleBlock() {
        if let addresses = block.addresses { if block.traits.keeps(addresses) { add(addresses) } else { unpack(addresses) } }
        if let set = block.set {
            if names.sets[set]?.changes == true { block.traits.changes = true }
            names.sets[set] = block.traits
        }
        block = Block()
    }

    private mutating func add(_ addresses: NamedLists.Addresses) {
        if addresses.isWide { counts.wide += addresses.count } else { counts.narrow += addresses.count }
    }

    /// Packed addresses become elements like all others: a word and a comma each.
    private mutating func unpack(_ addresses: NamedLists.Addresses) {
        counts.elements += addresses.count
        counts.tokens += 2 * addresses.count
    }

    // MARK: Ends

    private mutating func endLine() {
        // A list goes on.
        if lastSign != UInt8(ascii: ",") { endStatement() }
    }

    private mutating func endStatement() {
        if depthOfList > 0 { return }
        if hasBegun { counts.statements += 1 }
        hasBegun = false
        awaited = nil
        declaresSet = false
        declaresMap = false
    }
}

extension NamedLists.Traits {
    /// True if a set of such a declaration holds the addresses as the lexer has packed them (`ElementChecker.takes`).
    fileprivate func keeps(_ addresses: NamedLists.Addresses) -> Bool {
        !changes && (hasIntervals || !addresses.hasIntervals) && (addresses.isWide ? isWide : isNarrow)
    }
}

extension UInt8 {
    /// Whether a `ListScan` counts it to a word. Signs of operators and the like are tokens of one octet.
    fileprivate var isOfScannedWord: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"):
            true
        default: self >= 0x80
        }
    }
}
