import FrameBuilder
import Ruleset

// What stands in a table beside its chains.

extension RuleSource {
    /// Writes a declaration under a name, and notes it among those that rules may use.
    typealias Declaration = @Sendable (inout RuleSource, _ name: String) -> String

    static let declarations: [Declaration] = [
        { $0.set($1, of: [$0.random.pick(usual)]) },
        { $0.set($1, of: $0.keyFields()) },
        { source, name in
            let fields = source.random.oneIn(2) ? [source.random.pick(usual)] : source.keyFields()
            return source.map(name, of: fields, kind: .verdictMap, type: "verdict") { $0.verdict() }
        },
        { source, name in
            let fields = source.random.oneIn(2) ? [source.random.pick(usual)] : source.keyFields()
            return source.map(name, of: fields, kind: .markMap, type: "meta mark") { $0.random.pick(["1", "2", "3"]) }
        },
        { $0.changingSet($1) },
        { $0.changingSet($1) },
        { source, name in
            source.declared.append(Declared(name: name, kind: .counter))
            return "counter \(name) {\npackets \(source.random.pick([0, 3])) bytes 9\n}\n"
        },
        { source, name in
            source.declared.append(Declared(name: name, kind: .quota))
            return "quota \(name) {\n\(source.quota())\n}\n"
        },
        { source, name in
            source.declared.append(Declared(name: name, kind: .limit))
            return "limit \(name) {\nrate \(source.limit())\n}\n"
        },
    ]

    private mutating func set(_ name: String, of fields: [Field]) -> String {
        subject = frames.frame(from: Conformance.source(0))
        declared.append(Declared(name: name, kind: .set, words: Self.words(of: fields)))
        let counts = random.oneIn(3)
        let merges = fields.count == 1 && !counts
        let rest = random.oneIn(5) ? ", *" : ""
        return """
            set \(name) {
            typeof \(Self.words(of: fields))
            flags interval
            \(merges ? "auto-merge\n" : "")\(counts ? "counter\n" : "")elements = { \(elements(of: fields))\(rest) }
            }

            """
    }

    private mutating func map(
        _ name: String, of fields: [Field], kind: Declared.Kind, type: String, to data: (inout RuleSource) -> String
    ) -> String {
        subject = frames.frame(from: Conformance.source(0))
        declared.append(Declared(name: name, kind: kind, words: Self.words(of: fields)))
        return """
            map \(name) {
            typeof \(Self.words(of: fields)) : \(type)
            flags interval
            \(random.oneIn(3) ? "counter\n" : "")elements = { \(mapElements(of: fields, to: data)) }
            }

            """
    }

    /// Elements live longer than any round.
    private mutating func changingSet(_ name: String) -> String {
        let field = random.pick(Self.updateFields)
        let isRoomy = random.oneIn(2)
        declared.append(Declared(name: name, kind: .changingSet(isRoomy: isRoomy), words: field.words))
        let hasTimeout = random.oneIn(3)
        let statement = random.oneIn(3) ? elementStatement() + "\n" : ""
        let values = Set((0..<2).map { _ in value(of: field) }).sorted().joined(separator: ", ")
        return """
            set \(name) {
            typeof \(field.words)
            size \(isRoomy ? 10_000 : random.pick([2, 3, 5]))
            flags dynamic\(hasTimeout ? ",timeout\ntimeout 1h" : "")
            \(statement)\(random.oneIn(2) ? "elements = { \(values) }\n" : "")}

            """
    }
}
