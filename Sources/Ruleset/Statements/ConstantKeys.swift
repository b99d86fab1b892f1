// Constants in the place of a selector, in keys of sets with a name: `ip saddr . 22 @set`.

extension KeySyntax {
    /// Gives constants the types that the set's key has in their places.
    mutating func resolveConstants(by set: NamedSet?) throws(Diagnostic) {
        guard let fields = set?.key.fields, fields.count == components.count else { return }
        for (index, field) in fields.enumerated() {
            guard let expression = components[index].constant else { continue }
            let selector = Selector.reading(field)
            if field.isInterface {
                var failure = Diagnostic(
                    severity: .error, location: components[index].location, message: "a name can't be a constant part of a key",
                    note: "write '\(field.words)', and match the name before it")
                failure.isUnsupported = true
                throw failure
            }
            let number = try ValueChecker(selector: selector).number(expression)
            components[index].number = number
            components[index].selector = Selector(
                Field(constant: ElementText([field]).text(of: .number(number)), bitWidth: field.bitWidth), selector.type)
        }
    }
}
