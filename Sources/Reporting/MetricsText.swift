/// Metrics in Prometheus' text format 0.0.4. `# UNIT` lines are comments there, and mean in OpenMetrics what they say.
package struct MetricsText {
    /// What kind of number a metric is.
    package enum Kind: String {
        case counter, gauge
    }

    package private(set) var text = ""

    package init() {}

    /// Begins a metric; its samples follow.
    /// - Parameters:
    ///   - unit: In which its name ends, but for `_total`; nil for none.
    ///   - samples: Labels and numbers; nothing is written where there are none.
    package mutating func add(
        _ name: String, _ kind: Kind, _ help: String, unit: String? = nil, _ samples: [(labels: [(String, String)], value: String)]
    ) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
        if let unit { text += "# UNIT \(name) \(unit)\n" }
        for sample in samples {
            let labels = sample.labels.map { "\($0.0)=\"\(Self.escaped($0.1, quotes: true))\"" }.joined(separator: ",")
            text += labels.isEmpty ? "\(name) \(sample.value)\n" : "\(name){\(labels)} \(sample.value)\n"
        }
    }

    /// A metric with a single sample.
    package mutating func add(_ name: String, _ kind: Kind, _ help: String, unit: String? = nil, _ value: some BinaryInteger) {
        add(name, kind, help, unit: unit, [([], "\(value)")])
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
