// Files that come from a program have a command for each element or rule. What a run of them does to one set or one chain is gathered
// here, and done when the next command of another kind comes: each by itself would move all that is there.

/// What a run of `delete element` does to one set.
struct PendingDeletion {
    var table: Int
    var set: Int
    /// What the set still has.
    var left: [[ValueBounds]: SetElement]
    /// The elements have been held against each other, as they were before the first deletion.
    var isFinished = false
}

/// What a run of `insert rule` puts before one chain, in the order of the commands.
struct PendingInsertion {
    var table: Int
    var chain: Int
    var rules: [Rule]
}

extension Checker {
    /// Elements of sets that runs of deletions may ask: each run looks at all that its set has.
    private static let deletionWorkLimit = 4_000_000

    /// Does what is gathered, unless the command goes on with it.
    mutating func settle(before command: CommandSyntax? = nil) {
        let table = command.flatMap { indices[$0.table] }
        if let deletion {
            var isContinued = false
            if case .deletion(_, let name) = command?.action, table == deletion.table {
                isContinued = contents[deletion.table].sets[name] == deletion.set
            }
            if !isContinued { settle(deletion) }
        }
        if let insertion {
            var isContinued = false
            if case .rule(_, let name, .start) = command?.action, table == insertion.table {
                isContinued = contents[insertion.table].chains[name] == insertion.chain
            }
            if !isContinued {
                tables[insertion.table].chains[insertion.chain].rules.insert(contentsOf: insertion.rules.reversed(), at: 0)
                self.insertion = nil
            }
        }
    }

    private mutating func settle(_ deletion: PendingDeletion) {
        self.deletion = nil
        guard deletion.isFinished else { return }
        let checker = checker(ofSetAt: deletion.set, ofTableAt: deletion.table)
        tables[deletion.table].sets[deletion.set].elements.removeAll { deletion.left[checker.identity(of: $0)] == nil }
    }

    /// Puts the rule before the chain's others.
    mutating func insert(_ rule: Rule, intoChainAt chain: Int, ofTableAt table: Int) {
        if insertion == nil { insertion = PendingInsertion(table: table, chain: chain, rules: []) }
        insertion?.rules.append(rule)
    }

    /// Takes out elements that are there, each as it was put in.
    mutating func delete(_ list: EntryList, fromSetAt index: Int, mayBeMissing: Bool, ofTableAt table: Int) {
        let entries = list.entries
        let set = tables[table].sets[index]
        let checker = checker(ofSetAt: index, ofTableAt: table)
        if set.isConstant, contents[table].usedSets.contains(set.name), let first = entries.first {
            return sink.error(first.element.location, "the set '\(printable(set.name))' is constant, and a rule uses it already")
        }
        if set.mergesElements, let first = entries.first {
            return sink.error(
                first.element.location, "elements of a set with 'auto-merge' can't be deleted", note: "nft may have joined them with others"
            )
        }
        if deletion == nil {
            deletionWork += set.elements.count
            if deletionWork > Self.deletionWorkLimit, let first = entries.first {
                return sink.error(
                    first.element.location, "elements are deleted from large sets, among other commands, too often",
                    note: "put deletions from a set one after the other, or leave the elements out")
            }
            deletion = PendingDeletion(table: table, set: index, left: [:])
            for element in set.elements { deletion?.left[checker.identity(of: element)] = element }
        }
        var removed: [(identity: [ValueBounds], element: SetElement)] = []
        do throws(Diagnostic) {
            for entry in entries {
                let value = try checker.value(entry.element)
                let identity = checker.identity(of: SetElement(value: value, location: entry.element.location))
                guard let element = deletion?.left.removeValue(forKey: identity) else {
                    if mayBeMissing { continue }
                    throw Diagnostic(
                        severity: .error, location: entry.element.location, message: "the element is not in '\(printable(set.name))'"
                    )
                }
                removed.append((identity, element))
            }
        } catch {
            for (identity, element) in removed { deletion?.left[identity] = element }
            return sink.report(error)
        }
        if deletion?.isFinished == false {
            finish(set: index, ofTableAt: table)
            contents[table].creations.removeAll { $0.set == index }
            deletion?.isFinished = true
        }
    }
}
