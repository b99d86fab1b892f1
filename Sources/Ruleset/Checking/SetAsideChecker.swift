// What no frame on a wire meets leaves the tables: chains of NAT, of routing, of devices, of the host, and what only they lead to.

extension Checker {
    /// Moves chains that no frame comes to out of the table, unless they are as good as any other, and says so of each.
    mutating func setAside(inTableAt table: Int) {
        guard
            contents[table].hasUseless || tables[table].isDormant
                || tables[table].chains.contains(where: { $0.base?.hook.isOnPath == false })
        else {
            for chain in tables[table].chains.indices { tables[table].chains[chain].forgetText() }
            return
        }
        let ways = ChainWays(tables[table])
        let met = ways.reached(from: tables[table].chains.filter { $0.isMet(in: tables[table]) }.map(\.name))
        for chain in tables[table].chains where met.contains(chain.name) {
            for failure in chain.rules.compactMap(\.written?.failure) { sink.report(failure) }
        }
        let useless = tables[table].chains.filter { $0.isHooked && !$0.isMet(in: tables[table]) }.map(\.name)
        let belowUseless = ways.reached(from: useless).subtracting(met)
        var moved = Set(
            tables[table].chains.filter { ($0.isUnusable || (tables[table].isDormant && $0.isHooked)) && !met.contains($0.name) }.map(
                \.name))
        moved.formUnion(ways.leading(to: moved).subtracting(met))
        let blocks = ChainBlocks(tables[table])
        for chain in tables[table].chains where chain.owner == nil && !met.contains(chain.name) {
            let isMoved = moved.contains(chain.name)
            guard isMoved || belowUseless.contains(chain.name) else { continue }
            let entry = chain.setAside(in: tables[table], localTime, blocks)
            var notice = entry.diagnostic
            if tables[table].family == .arp {
                notice.note = "to judge ARP on its way, write it in a table bridge: ether type arp arp operation request …"
            }
            contents[table].notices.append(notice)
            if isMoved { tables[table].setAside.append(entry) }
        }
        note(tables[table].chains.filter { !met.contains($0.name) })
        tables[table].chains.removeAll { moved.contains($0.owner ?? $0.name) }
        for chain in tables[table].chains.indices { tables[table].chains[chain].forgetText() }
    }
}

extension Table {
    fileprivate var isDormant: Bool { flags.contains(.dormant) }
}

/// Which chains lead to which.
private struct ChainWays {
    private var targets: [String: Set<String>] = [:]

    init(_ table: Table) {
        let maps = Dictionary(
            table.sets.lazy.filter(\.isMap).map { ($0.name, Set($0.elements.lazy.compactMap(\.verdict?.target?.description))) },
            uniquingKeysWith: { first, _ in first })
        for chain in table.chains {
            var found: Set<String> = []
            for rule in chain.rules {
                found.formUnion(rule.written?.targets ?? [])
                for traits in rule.statements.lazy.map(\.traits) {
                    switch traits.verdicts {
                    case .none: break
                    case .one(let verdict): if let target = verdict.target { found.insert(target.description) }
                    case .map(.named(let name)): found.formUnion(maps[name] ?? [])
                    case .map(.anonymous(let elements)): found.formUnion(elements.lazy.compactMap(\.verdict?.target?.description))
                    }
                }
            }
            targets[chain.name] = found
        }
    }

    /// These chains and all that they lead to.
    func reached(from chains: [String]) -> Set<String> { Self.closure(of: chains, targets) }

    /// These chains and all that lead to them.
    func leading(to chains: Set<String>) -> Set<String> {
        var sources: [String: Set<String>] = [:]
        for (source, targets) in targets { for target in targets { sources[target, default: []].insert(source) } }
        return Self.closure(of: Array(chains), sources)
    }

    private static func closure(of chains: [String], _ edges: [String: Set<String>]) -> Set<String> {
        var found = Set(chains)
        var open = chains
        while let chain = open.popLast() {
            for next in edges[chain] ?? [] where found.insert(next).inserted { open.append(next) }
        }
        return found
    }
}

extension Chain {
    /// True if frames come here by a hook.
    func isMet(in table: Table) -> Bool {
        base?.hook.isOnPath == true && table.family != .netdev && table.family != .arp && !table.isDormant
    }

    fileprivate var isHooked: Bool { uselessHook != nil || base != nil }

    /// True if the tree can't have it.
    fileprivate var isUnusable: Bool { uselessHook != nil || rules.contains { $0.written?.failure != nil } }

    fileprivate mutating func forgetText() {
        for rule in rules.indices where rules[rule].written != nil { rules[rule].written = nil }
    }

    fileprivate func setAside(in table: Table, _ localTime: LocalTime, _ blocks: ChainBlocks) -> SetAside {
        var lines = comment.map { ["comment \"\($0)\""] } ?? []
        if let uselessHook {
            lines.append(uselessHook.text + (uselessHook.policy.map { " policy \($0.rawValue);" } ?? ""))
        } else if let base {
            lines.append(base.text(in: table.family))
        }
        lines += rules.map { $0.written?.text ?? $0.listing(localTime, blocks) }
        let hook = uselessHook?.description ?? base.map { "hook \($0.hook.rawValue)" }
        let parts =
            [table.family == .netdev ? "table netdev" : nil, hook].compactMap(\.self) + rules.flatMap { $0.written?.words ?? [] }.uniqued()
        let reason =
            hook != nil && table.isDormant
            ? "its table is dormant" : hook == nil ? "no chain that a frame comes to leads to it" : "no frame on a wire reaches it"
        return SetAside(
            kind: "chain", name: name, description: parts.joined(separator: ", "), reason: reason, lines: lines, location: location)
    }
}

// Rules that frames meet, and that rely on what is set aside.
extension Checker {
    private mutating func note(_ chains: [Chain]) {
        for rule in chains.lazy.flatMap(\.rules) {
            if let word = rule.written?.words.first(where: { ["dnat", "redirect", "tproxy"].contains($0) }) {
                translations.append((word, rule.location))
            }
            for mark in Mark.allCases where rule.sets(mark) { marksSetAside[mark] = marksSetAside[mark] ?? rule.location }
        }
    }

    /// After all tables: what is said once for the file.
    mutating func warnOfSetAside(_ tables: [Table]) {
        if !marksSetAside.isEmpty {
            let rules = tables.lazy.filter { $0.family != .arp }.flatMap(\.chains).filter { $0.base?.hook.isOnPath != false }.flatMap(
                \.rules)
            for mark in Mark.allCases where !rules.contains(where: { $0.sets(mark) }) {
                guard let set = marksSetAside[mark], let asked = rules.lazy.compactMap({ $0.asks(for: mark) }).first else { continue }
                sink.warning(
                    asked, "'\(mark.rawValue)' is set only by a chain that is set aside",
                    note: "the rule in line \(set.line) sets it on a host only")
            }
        }
        guard let (word, location) = translations.first else { return }
        sink.warning(
            location, "addresses are not translated: '\(word)' is set aside",
            note: "packets keep their addresses and ports; rules on their way have to match these")
    }
}

/// A mark that rules set and ask for.
enum Mark: String, CaseIterable {
    case packet = "meta mark"
    case connection = "ct mark"

    fileprivate var field: Field { self == .packet ? .metaMark : .ctMark }
}

extension Rule {
    fileprivate func sets(_ mark: Mark) -> Bool {
        if let written { return written.text.contains("\(mark.rawValue) set ") }
        return statements.contains { if case .assignment(let assignment) = $0 { assignment.field == mark.field } else { false } }
    }

    fileprivate func asks(for mark: Mark) -> SourceLocation? {
        for case .match(let match) in statements where match.key.components.contains(where: { $0.field == mark.field }) {
            return match.location
        }
        return nil
    }
}
