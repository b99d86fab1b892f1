/// What rules have to know of the sets of their table.
struct SetDeclarations {
    private var known: [String: (key: SetKey, isVerdictMap: Bool, data: SetKey?)] = [:]

    mutating func declare(_ set: NamedSet) { known[set.name] = (set.key, set.isVerdictMap, set.data) }

    /// Whether a rule may name the set for that key.
    func check(_ name: String, _ use: SetUse, for selectors: [Selector], _ location: SourceLocation) throws(Diagnostic) {
        func failure(_ message: String, note: String? = nil) -> Diagnostic {
            Diagnostic(severity: .error, location: location, message: message, note: note)
        }
        let what = use.isMap ? "map" : "set"
        let key = selectors.map(\.text).joined(separator: " . ")
        guard let set = known[name] else {
            let names = known.filter { ($0.value.isVerdictMap || $0.value.data != nil) == use.isMap }.keys.sorted()
            throw failure(
                "there is no \(what) '\(printable(name))' in this table so far",
                note: Words.nearest(to: name, among: names).map { "did you mean '@\($0)'?" })
        }
        let name = printable(name)
        switch use {
        case .membership where set.isVerdictMap:
            throw failure("'\(name)' is a map and no set", note: "write: \(key) vmap @\(name)")
        case .membership where set.data != nil: throw failure("'\(name)' is a map and no set")
        case .verdicts where set.data != nil: throw failure("'\(name)' is a map to values, and has no verdicts")
        case .verdicts where !set.isVerdictMap: throw failure("'\(name)' is a set and no map")
        case .values where set.isVerdictMap: throw failure("'\(name)' is a map to verdicts", note: "write: \(key) vmap @\(name)")
        case .values(let selector):
            guard let data = set.data else { throw failure("'\(name)' is a set and no map") }
            if !data.fits([selector]) { throw failure("the map '\(name)' has other data than '\(selector.text)': \(data.text)") }
        case .membership, .verdicts: break
        }
        guard set.key.fits(selectors) else { throw failure("the \(what) '\(name)' has other elements than '\(key)': \(set.key.text)") }
    }
}
