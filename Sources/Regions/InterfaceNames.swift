package import Ruleset

extension Ruleset {
    /// Names of interfaces that rules compare with, in the order in which they stand; for a wildcard that none of them fits, one that it
    /// fits.
    package var interfaceNames: [String] {
        var names: [String] = []
        var wildcards: [String] = []
        func note(_ value: Value) {
            switch value {
            case .interface(let name, isPrefix: false): if !names.contains(name) { names.append(name) }
            case .interface(let name, isPrefix: true): wildcards.append(name)
            case .concatenation(let parts): parts.forEach(note)
            case .number, .range, .prefix, .any: break
            }
        }
        for table in tables where table.family != .arp && table.family != .netdev {
            for set in table.sets where set.key.fields.contains(where: \.isInterface) { set.elements.forEach { note($0.value) } }
            for statement in table.chains.flatMap(\.rules).flatMap(\.statements) {
                switch statement {
                case .match(let match):
                    switch match.operand {
                    case .single(let value): note(value)
                    case .set(let values): values.forEach(note)
                    case .named: break
                    }
                case .verdictMap(let map): if case .anonymous(let elements) = map.elements { elements.forEach { note($0.value) } }
                default: break
                }
            }
        }
        for wildcard in wildcards where !names.contains(where: { $0.hasPrefix(wildcard) }) { names.append(wildcard + "0") }
        return names
    }
}

extension Region {
    /// Statements that its frames depend on, as they are written, and what the region asks of them.
    package var dependencies: [String] {
        opaque.map { variable in
            let isAsked = limits[variable]?.contains(1) == true
            switch variable {
            case .opaque(let statement): return isAsked ? statement.text : "not: \(statement.text)"
            case .drawn(let field, _): return field.words
            default: return ""
            }
        }
    }
}
