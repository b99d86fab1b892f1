import Ruleset

/// Sees that every jump has an end: that it leads to a chain that is there and not hooked into the path, never back, and never deeper
/// than `Program.deepestChain`.
///
/// A cycle is too deep as well, so one limit bounds both the walk here and the stack when a frame is judged. Chains that no base
/// chain leads to are never run; their jumps only have to have a target.
func checkJumps(in ruleset: Ruleset) throws(ProgramError) {
    for table in ruleset.tables {
        var check = JumpCheck(table)
        for chain in table.chains {
            for jump in check.jumps(of: chain) where check.chains[jump.chain] == nil {
                throw ProgramError(reason: .unknownChain(jump.chain.description), location: jump.location)
            }
        }
        for chain in table.chains where chain.base != nil {
            _ = try check.height(of: chain, depth: 0)
        }
    }
}

private struct JumpCheck {
    /// The first of each name.
    let chains: [JumpTarget: Chain]
    /// The most chains that are entered one from within the other below a chain.
    private var heights: [JumpTarget: Int] = [:]
    private let maps: [String: [JumpTarget]]

    init(_ table: Table) {
        chains = Dictionary(table.chains.map { ($0.target, $0) }, uniquingKeysWith: { first, _ in first })
        maps = Dictionary(
            table.sets.lazy.filter(\.isMap).map { ($0.name, targets(of: $0.elements)) }, uniquingKeysWith: { first, _ in first })
    }

    /// A named map's once for each chain.
    func jumps(of chain: Chain) -> [(chain: JumpTarget, location: SourceLocation)] {
        var jumps: [(chain: JumpTarget, location: SourceLocation)] = []
        var followed: Set<String> = []
        for traits in chain.rules.lazy.flatMap(\.statements).map(\.traits) {
            switch traits.verdicts {
            case .one(.jump(let chain)), .one(.goto(let chain)): jumps.append((chain, traits.location))
            case .map(.anonymous(let elements)): jumps += targets(of: elements).map { ($0, traits.location) }
            case .map(.named(let name)):
                if followed.insert(name).inserted { jumps += (maps[name] ?? []).map { ($0, traits.location) } }
            case .one, .none: break
            }
        }
        return jumps
    }

    mutating func height(of chain: Chain, depth: Int) throws(ProgramError) -> Int {
        if let known = heights[chain.target] { return known }
        var height = 0
        for jump in jumps(of: chain) {
            let name = jump.chain.description
            guard let target = chains[jump.chain] else { throw ProgramError(reason: .unknownChain(name), location: jump.location) }
            guard target.base == nil else { throw ProgramError(reason: .baseChain(name), location: jump.location) }
            let tooDeep = ProgramError(reason: .jumpsTooDeep(name), location: jump.location)
            guard depth < Program.deepestChain else { throw tooDeep }
            height = max(height, 1 + (try self.height(of: target, depth: depth + 1)))
            guard depth + height <= Program.deepestChain else { throw tooDeep }
        }
        heights[chain.target] = height
        return height
    }
}

/// The chains that elements of a map lead to.
private func targets(of elements: some Sequence<SetElement>) -> [JumpTarget] {
    Set(elements.lazy.compactMap(\.verdict?.target)).sorted { $0.description < $1.description }
}
