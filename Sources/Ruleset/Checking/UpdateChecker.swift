extension SetDeclarations {
    /// Holds a change against the set that it is of, and says which statements its elements have.
    func statements(of update: SetUpdateSyntax) throws(Diagnostic) -> [ElementStatement] {
        func failure(_ message: String, note: String? = nil) -> Diagnostic {
            Diagnostic(severity: .error, location: update.location, message: message, note: note)
        }
        if let part = update.key.components.first(where: { !$0.selector.canBeKey }) {
            throw failure("rules can't put '\(part.selector.text)' into a set")
        }
        if case .field(let component) = update.data, !component.selector.canBeKey {
            throw failure("rules can't put '\(component.selector.text)' into a map")
        }
        let counts = update.statements.contains { $0.kind == .connectionCount }
        if counts, update.timeout != nil || declaration(of: update.set)?.dynamics.hasTimeout == true {
            throw failure("elements with timeouts can't count connections", note: "the kernel refuses it; leave the timeouts out")
        }
        if update.meterSize != nil { return update.statements }
        let use = try use(of: update)
        try check(update.set, use, for: update.key.selectors, update.key.location)
        guard let set = declaration(of: update.set) else { return update.statements }
        let what = set.isMap ? "map" : "set"
        if set.contents == .verdicts {
            throw failure("rules can't change a map to verdicts", note: "nft's grammar has no way to say it; its elements are in the file")
        }
        if set.isInterval { throw failure("rules can't change a \(what) with 'flags interval'") }
        if set.isConstant { throw failure("rules can't change a \(what) with 'flags constant'") }
        if set.isMap, set.size != nil, !set.dynamics.saysThatItChanges {
            throw failure(
                "rules can't change a map that has a size and is not dynamic",
                note: "the kernel then holds what the file gives it, and no more; write: flags dynamic")
        }
        if update.timeout != nil, !set.dynamics.hasTimeout {
            throw failure("the \(what)'s elements have no timeouts", note: "write in the \(what): flags dynamic,timeout")
        }
        let own = set.dynamics.statements
        if own.isEmpty || update.statements.isEmpty { return own.isEmpty ? update.statements : [] }
        guard own.count == update.statements.count, zip(own, update.statements).allSatisfy({ $0.isLike($1) }) else {
            throw failure("the \(what)'s elements have other statements: \(own.map(\.text).joined(separator: " "))")
        }
        return update.statements
    }

    /// Whether the change is one of a set or of a map.
    private func use(of update: SetUpdateSyntax) throws(Diagnostic) -> SetUse {
        let known = declaration(of: update.set)
        switch update.data {
        case .field(let component):
            // A number that is drawn is a mark as well.
            if component.selector.field.isGenerated, known?.data?.field == .metaMark { return .values(Selector.reading(.metaMark)) }
            return .values(component.selector)
        case .constant:
            if let data = known?.data { return .values(Selector.reading(data.field)) }
            // To be refused as what it is.
            return known.map { $0.contents != .verdicts } == true ? .values(Selector.reading(.metaMark)) : .verdicts
        case nil:
            if let data = known?.data {
                throw Diagnostic(
                    severity: .error, location: update.location, message: "'\(printable(update.set))' is a map: the element needs a value",
                    note: "write: \(update.operation.rawValue) @\(printable(update.set)) { \(update.key.text) : \(data.list) }")
            }
            return .membership
        }
    }
}
