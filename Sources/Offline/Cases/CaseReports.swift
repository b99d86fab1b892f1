import Classifier
import Ruleset

extension CaseResult {
    /// What a report calls it: the test, and the line.
    var title: String { (test.isEmpty ? "" : test + ": ") + text }
}

/// Results of case files, for people and for machines.
extension CaseRun {
    /// What failed with the explanation, how many passed, and the rules that no packet came to.
    package func text() -> String {
        var text = ""
        for result in failures {
            text += "failed: \(result.file):\(result.line): \(result.title)\n"
            text += "  expected \(result.expected)\n  found    => \(result.found)\n"
            text += result.explanation.split(separator: "\n").map { "  \($0)\n" }.joined() + "\n"
        }
        text += "\(results.count - failures.count) of \(results.count) expectations met\n"
        text += coverage()
        return PrintableText.lines(text)
    }

    /// How many of the rules matched, and which never did.
    package func coverage() -> String {
        guard !rules.isEmpty else { return "the rule set has no rules\n" }
        let unmatched = unmatchedRules
        let matched = rules.count - unmatched.count
        var text = "\(matched) of \(rules.count) rules matched (\(matched * 100 / rules.count) %)\n"
        for rule in unmatched { text += "  never: \(rule.source):\(rule.line): \(rule.rule.text)\n" }
        return text
    }

    /// The Test Anything Protocol, version 14: a test point for each expectation.
    package func tap() -> String {
        var text = "TAP version 14\n1..\(results.count)\n"
        for (index, result) in results.enumerated() {
            text += "\(result.hasPassed ? "ok" : "not ok") \(index + 1) - \(Self.tapEscaped(result.title))\n"
            guard !result.hasPassed else { continue }
            text += "  ---\n  file: \(Self.quoted(result.file))\n  line: \(result.line)\n"
            text += "  expected: \(Self.quoted(result.expected))\n  found: \(Self.quoted(result.found))\n  way: |\n"
            text +=
                result.explanation.split(separator: "\n").map { "    \(PacketNames.shown(String($0), limit: 4096))\n" }.joined() + "  ...\n"
        }
        return text + coverage().split(separator: "\n").map { "# \(PrintableText.line(String($0)))\n" }.joined()
    }

    private static func tapEscaped(_ text: String) -> String {
        var escaped = ""
        for character in PacketNames.shown(text, limit: 4096) {
            if character == "#" || character == "\\" { escaped += "\\" }
            escaped.append(character)
        }
        return escaped
    }

    /// For YAML, which takes JSON's strings.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for character in PacketNames.shown(text, limit: 4096) {
            if character == "\"" || character == "\\" { quoted += "\\" }
            quoted.append(character)
        }
        return quoted + "\""
    }

    /// As JUnit writes it: a suite for each file, a case for each expectation, its class the test that it belongs to.
    package func junit() -> String {
        var files: [String] = []
        for result in results where !files.contains(result.file) { files.append(result.file) }
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuites name=\"weir test\" tests=\"\(results.count)\" failures=\"\(failures.count)\" errors=\"0\">\n"
        for file in files {
            let here = results.filter { $0.file == file }
            let failed = here.count { !$0.hasPassed }
            text +=
                "  <testsuite name=\"\(Self.xmlEscaped(file))\" tests=\"\(here.count)\" failures=\"\(failed)\" errors=\"0\" skipped=\"0\">\n"
            for result in here {
                text += "    <testcase classname=\"\(Self.xmlEscaped(result.test.isEmpty ? file : result.test))\""
                text +=
                    " name=\"\(Self.xmlEscaped("line \(result.line): \(result.text)"))\" file=\"\(Self.xmlEscaped(file))\" line=\"\(result.line)\""
                guard !result.hasPassed else {
                    text += "/>\n"
                    continue
                }
                text += ">\n      <failure message=\"\(Self.xmlEscaped("expected \(result.expected), found => \(result.found)"))\">"
                text += Self.xmlEscaped(result.explanation) + "</failure>\n    </testcase>\n"
            }
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    /// For text and attributes of XML 1.0, which has no place for most control characters.
    private static func xmlEscaped(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "\n": escaped.append(scalar)
            default: escaped.append(PrintableText.isShown(scalar) ? scalar : "?")
            }
        }
        return String(escaped)
    }
}
