/// What rules have to know of the sets and objects of their table, and of the time zone that their texts are written in.
struct SetDeclarations {
    private var known: [String: NamedSet] = [:]
    private var refused: [String: Diagnostic] = [:]
    /// Sets whose declarations are wrong.
    var broken: Set<String> = []
    let localTime: LocalTime
    private var objects: Set<ObjectReference> = []
    private let table: TableName

    init(of table: TableName, localTime: LocalTime) {
        self.table = table
        self.localTime = localTime
    }

    /// False if there is one of this kind and name.
    mutating func declare(_ object: NamedObject) -> Bool {
        objects.insert(ObjectReference(kind: object.kind, name: object.name)).inserted
    }

    /// Whether a rule may name the object.
    func check(_ object: ObjectReference, _ location: SourceLocation) throws(Diagnostic) {
        guard !objects.contains(object) else { return }
        let (kind, name) = (object.kind.rawValue, printable(object.name))
        let others = objects.filter { $0.kind == object.kind }.map(\.name).sorted()
        throw Diagnostic(
            severity: .error, location: location, message: "there is no \(kind) '\(name)' in this table so far",
            note: Words.nearest(to: object.name, among: others).map { "did you mean '\($0)'?" }
                ?? "declare it in the table: \(kind) \(name) { … }")
    }

    /// A set of a kind that Weir does not have: naming it is an error.
    mutating func refuse(_ name: String, _ failure: Diagnostic) { refused[name] = failure }

    mutating func declare(_ set: NamedSet) { known[set.name] = set }

    /// The set as it was declared, without its elements.
    func declaration(of name: String) -> NamedSet? { known[name] }

    mutating func remove(_ name: String) { known[name] = nil }

    mutating func remove(_ object: ObjectReference) { objects.remove(object) }

    /// Whether a rule may name the set for that key.
    func check(_ name: String, _ use: SetUse, for selectors: [Selector], _ location: SourceLocation) throws(Diagnostic) {
        func failure(_ message: String, note: String? = nil) -> Diagnostic {
            Diagnostic(severity: .error, location: location, message: message, note: note)
        }
        let what = use.isMap ? "map" : "set"
        let key = selectors.map(\.text).joined(separator: " . ")
        if let failure = refused[name] { throw failure }
        guard let set = known[name] else {
            let names = known.filter { !use.isMap || $0.value.isMap }.keys.sorted()
            var missing = failure(
                "there is no \(what) '\(printable(name))' in this table so far",
                note: Words.nearest(to: name, among: names).map { "did you mean '@\($0)'?" })
            missing.isEcho = broken.contains(name)
            missing.subject = "\(what) \(table.family.rawValue) \(table.name) \(name)"
            throw missing
        }
        let name = printable(name)
        switch (use, set.contents) {
        // What a map leads to is of no matter where its keys are asked for.
        case (.membership, _), (.verdicts, .verdicts): break
        case (.values(let selector), .values(let data)):
            if !data.holds(selector) { throw failure("the map '\(name)' has other data than '\(selector.text)': \(data.text)") }
        case (.objects(let kind), .objects(let other)):
            if kind != other { throw failure("the map '\(name)' has no \(kind.rawValue)s", note: "its elements are \(other.rawValue)s") }
        case (.verdicts, .keys), (.values, .keys), (.objects, .keys): throw failure("'\(name)' is a set, not a map")
        case (.verdicts, .values): throw failure("'\(name)' is a map to values, and has no verdicts")
        case (.verdicts, .objects): throw failure("'\(name)' is a map to objects, and has no verdicts")
        case (.values, .verdicts): throw failure("'\(name)' is a map to verdicts", note: "write: \(key) vmap @\(name)")
        case (.values, .objects): throw failure("'\(name)' is a map to objects, and has no values")
        case (.objects(let kind), .verdicts), (.objects(let kind), .values): throw failure("the map '\(name)' has no \(kind.rawValue)s")
        }
        guard set.key.fits(selectors) else { throw failure("the \(what) '\(name)' has other elements than '\(key)': \(set.key.text)") }
    }
}
