// What an explanation of a frame's way says of statements and of values.

extension Statement {
    /// As it stands in the rule, or, of a match that nft adds by itself, as it would stand there.
    package func described(in rule: Rule, localTime: LocalTime = .utc) -> String {
        if let text = text(in: rule, localTime) { return text }
        if case .match(let match) = self { return match.text(localTime) }
        return ""
    }

    /// True if nft adds it by itself, since the next match depends on it.
    package var isImplied: Bool {
        if case .match(let match) = self { match.isImplied } else { false }
    }
}

extension MatchKey {
    /// As it stands in a rule: `ip saddr . tcp dport`.
    package var described: String { text }

    /// What a frame has in the fields, as a rule would write it: `10.0.0.1 . 80`.
    /// - Parameter values: For each component a number or an interface's name.
    package func described(_ values: [Value], localTime: LocalTime = .utc) -> String {
        zip(components, values).map { component, value in
            if case .interface(let name, _) = value, name.isEmpty { return "none" }
            return ValueText(Selector.reading(component.field), localTime).text(of: value, isElement: false)
        }.joined(separator: " . ")
    }
}

extension Verdict {
    /// As it is written: `jump requests`.
    package var described: String { text }
}
