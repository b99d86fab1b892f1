import Ruleset

/// Makes settings of what stands in a file, and collects what is wrong.
struct SettingsReader {
    let text: SettingsText
    let known: [KnownSetting]
    private(set) var settings: [Setting] = []
    private(set) var diagnostics: [Diagnostic] = []

    init(text: SettingsText, known: [KnownSetting]) {
        self.text = text
        self.known = known
    }

    private var tables: Set<String> { Set(known.map(\.table)).subtracting([""]) }

    mutating func read() {
        var pairs: [String: (known: KnownSetting, path: [String], values: [String])] = [:]
        for node in text.nodes {
            switch (node.path.count, node.content) {
            case (1, .table) where tables.contains(node.path[0]): continue
            case (1, _): take(node, table: "")
            case (2, _) where tables.contains(node.path[0]): take(node, table: node.path[0])
            case (let depth, let content):
                // Below an unknown table, which has been said, or a table of pairs.
                let table = depth == 3 ? node.path[0] : ""
                let name = depth == 3 ? node.path[1] : node.path[0]
                guard let setting = find(name, in: table), setting.value == .pairs else { continue }
                let path = Array(node.path.dropLast())
                guard let value = Self.word(content) else {
                    report(node, "\(setting.name) takes strings here", "as in  \(setting.name) = { a = \"b\" }")
                    continue
                }
                let pair = "\(node.path[depth - 1])=\(value)"
                pairs[path.joined(separator: "."), default: (setting, path, [])].values.append(pair)
            }
        }
        for (_, (known, path, values)) in pairs.sorted(by: { $0.key < $1.key }) {
            settings.append(Setting(known: known, values: values, location: text.location(of: path)))
        }
    }

    private func find(_ name: String, in table: String) -> KnownSetting? { known.first { $0.name == name && $0.table == table } }

    private static func word(_ content: SettingsText.Content) -> String? {
        switch content {
        case .string(let string): string
        case .integer(let integer): String(integer)
        case .boolean, .fraction, .strings, .table, .other: nil
        }
    }

    private mutating func take(_ node: SettingsText.Node, table: String) {
        let name = node.path[node.path.count - 1]
        guard let setting = find(name, in: table) else { return reportUnknown(node, name, table) }
        if case .table = node.content {
            // Its parts come by themselves.
            if setting.value != .pairs { reportKind(node, setting) }
            return
        }
        guard let (values, isOff) = Self.values(of: node.content, as: setting.value) else { return reportKind(node, setting) }
        if !setting.choices.isEmpty, let wrong = values.first(where: { !setting.choices.contains($0) }) {
            return report(node, "\(name) can't be '\(wrong)'", Words.advice(for: wrong, accepted: setting.choices))
        }
        settings.append(Setting(known: setting, values: values, isOff: isOff, location: text.location(of: node.path)))
    }

    /// nil if they are of another kind.
    private static func values(of content: SettingsText.Content, as kind: KnownSetting.Value) -> (values: [String], isOff: Bool)? {
        switch (kind, content) {
        case (.boolean, .boolean(let isOn)): ([], !isOn)
        case (.integer, .integer(let integer)), (.integerOrString, .integer(let integer)), (.number, .integer(let integer)):
            ([String(integer)], false)
        case (.number, .fraction(let fraction)): ([String(fraction)], false)
        case (.string, .string(let string)), (.integerOrString, .string(let string)), (.strings, .string(let string)),
            (.pairs, .string(let string)), (.joined, .string(let string)):
            ([string], false)
        case (.joined(let separator), .strings(let strings)): ([strings.joined(separator: separator)], false)
        case (.strings, .strings(let strings)), (.pairs, .strings(let strings)): (strings, false)
        default: nil
        }
    }

    // MARK: what is wrong

    private mutating func report(_ node: SettingsText.Node, _ message: String, _ note: String?) {
        diagnostics.append(Diagnostic(severity: .error, location: text.location(of: node.path), message: message, note: note))
    }

    private mutating func reportUnknown(_ node: SettingsText.Node, _ name: String, _ table: String) {
        if let other = known.first(where: { $0.name == name }) {
            let place = other.table.isEmpty ? "before the first table" : "to [\(other.table)]"
            return report(node, "\(name) belongs \(place)", nil)
        }
        if case .table = node.content, table.isEmpty {
            let near = Words.nearest(to: name, among: tables).map { "did you mean '[\($0)]'? " } ?? ""
            return report(node, "there is no table [\(name)]", near + "tables: " + tables.sorted().joined(separator: ", "))
        }
        let near = Words.nearest(to: name, among: known.map(\.name)).flatMap { near in known.first { $0.name == near } }
        report(
            node, "there is no setting \(name)",
            near.map { "did you mean '\($0.title)'?" } ?? "settings are the options of \"weir run --help\", without their dashes")
    }

    private mutating func reportKind(_ node: SettingsText.Node, _ setting: KnownSetting) {
        let (kind, example) =
            switch setting.value {
            case .boolean: ("true or false", "true")
            case .integer: ("a whole number", "2")
            case .number: ("a number", "12.5")
            case .string: ("a string", "\"…\"")
            case .integerOrString: ("a whole number or a string", "\"100M\"")
            case .joined: ("an array of strings", "[\"eth1\", \"eth2\"]")
            case .strings: ("a string or an array of strings", "[\"…\", \"…\"]")
            case .pairs: ("a table of strings", "{ a = \"b\" }")
            }
        report(node, "\(setting.name) takes \(kind)", "as in  \(setting.name) = \(example)")
    }
}
