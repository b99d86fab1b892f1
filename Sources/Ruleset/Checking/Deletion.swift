// Taking away what a file has declared before. Nothing was there before the file.
//
// The usual head of a file, `table inet x; delete table inet x; table inet x { … }`, leaves what its last command says.

extension Checker {
    /// Chains, sets and objects that a file may delete one by one. To see that nothing uses it each of them asks the whole table.
    private static let deletionLimit = 64

    private mutating func isOneTooMany(_ location: SourceLocation) -> Bool {
        deletions += 1
        guard deletions > Self.deletionLimit else { return false }
        sink.error(
            location, "more than \(Self.deletionLimit) chains, sets and objects are deleted one by one",
            note: "leave out what should not exist, or delete the table")
        return true
    }

    /// `flush ruleset`: all tables of that family, or of all.
    mutating func deleteTables(of family: Family?) {
        let tables = indices.filter { family == nil || $0.key.family == family }.values
        for table in tables.sorted() { delete(tableAt: table) }
    }

    /// The kernel has seen what was in it: mistakes in it stay mistakes.
    mutating func delete(tableAt table: Int) {
        finish(tableAt: table)
        let name = TableName(family: tables[table].family, name: tables[table].name)
        indices[name] = nil
        deleted.insert(table)
        tables[table].objects = []
        tables[table].setAside = []
        tables[table].sets = []
        tables[table].chains = []
        contents[table] = Contents(declarations: SetDeclarations(of: name, localTime: localTime))
    }

    /// A chain goes with its rules, unless another rule or a map leads to it.
    mutating func deleteChain(_ name: String, ofTableAt table: Int, _ location: SourceLocation) {
        guard let chain = contents[table].chains[name] else {
            return missing("chain", name, among: tables[table].chains.map(\.name), location)
        }
        if isOneTooMany(location) { return }
        let others = tables[table].chains.indices.filter { $0 != chain }
        let isUsed =
            others.contains { tables[table].chains[$0].rules.contains { $0.leads(to: .named(name)) } }
            || tables[table].sets.contains { $0.elements.contains { $0.verdict?.target == .named(name) } }
        if isUsed {
            return sink.error(
                location, "chain '\(printable(name))' can't be deleted: a rule or a map leads to it", note: "delete that first")
        }
        tables[table].chains.remove(at: chain)
        contents[table].chains = Dictionary(tables[table].chains.enumerated().map { ($1.name, $0) }) { first, _ in first }
    }

    /// A set or map, by whichever word, goes with its elements, unless a rule looks into it.
    mutating func deleteSet(_ name: String, ofTableAt table: Int, _ location: SourceLocation) {
        guard let set = contents[table].sets[name] else {
            return missing("set", name, among: tables[table].sets.map(\.name), location)
        }
        if isOneTooMany(location) { return }
        if tables[table].chains.contains(where: { $0.rules.contains { $0.namedSets.contains(name) } }) {
            return sink.error(
                location, "'\(printable(name))' can't be deleted: a rule looks into it", note: "delete the rule's chain first")
        }
        finish(set: set, ofTableAt: table)
        tables[table].sets.remove(at: set)
        contents[table].sets = Dictionary(tables[table].sets.enumerated().map { ($1.name, $0) }) { first, _ in first }
        contents[table].declarations.remove(name)
        contents[table].usedSets.remove(name)
        contents[table].creations = contents[table].creations.compactMap { creation in
            creation.set == set ? nil : (creation.set > set ? creation.set - 1 : creation.set, creation.range)
        }
    }
}

extension Checker {
    /// A counter, quota or limit goes, unless a rule or a map leads to it.
    mutating func deleteObject(_ object: ObjectReference, ofTableAt table: Int, _ location: SourceLocation) {
        let (kind, name) = (object.kind.rawValue, printable(object.name))
        guard let index = tables[table].objects.firstIndex(where: { $0.kind == object.kind && $0.name == object.name }) else {
            return missing(kind, object.name, among: tables[table].objects.filter { $0.kind == object.kind }.map(\.name), location)
        }
        if isOneTooMany(location) { return }
        let isUsed =
            tables[table].chains.contains { $0.rules.contains { $0.leads(to: object) } }
            || tables[table].sets.contains { $0.contents == .objects(object.kind) && $0.elements.contains { $0.object == object.name } }
        if isUsed {
            return sink.error(location, "\(kind) '\(name)' can't be deleted: a rule or a map leads to it", note: "delete that first")
        }
        tables[table].objects.remove(at: index)
        contents[table].declarations.remove(object)
    }
}

extension Rule {
    fileprivate func leads(to object: ObjectReference) -> Bool {
        withBlock.lazy.flatMap(\.statements).contains { statement in
            switch statement {
            case .object(let reference, _): return reference == object
            case .objectMap(let map):
                guard map.kind == object.kind, case .anonymous(let elements) = map.elements else { return false }
                return elements.contains { $0.object == object.name }
            default: return false
            }
        }
    }

    /// True if it names the chain; where it names a map, that is for the map to say. A file may delete often among many rules, so
    /// no more of a statement's traits is asked for.
    fileprivate func leads(to chain: JumpTarget) -> Bool {
        for statement in withBlock.lazy.flatMap(\.statements) {
            switch statement {
            case .verdict(let verdict, _):
                if verdict.target == chain { return true }
            case .verdictMap(let map):
                if case .anonymous(let elements) = map.elements, elements.contains(where: { $0.verdict?.target == chain }) { return true }
            default: break
            }
        }
        return false
    }
}
