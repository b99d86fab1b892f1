import Ruleset

/// Columns of text: numbers to the right, all else to the left; the last column is as wide as it is.
package struct TextTable {
    private var rows: [[String]]

    package init(_ head: [String]) {
        rows = [head]
    }

    package mutating func add(_ row: [String]) {
        rows.append(row.map(PrintableText.line))
    }

    package func rendered() -> String {
        let columns = rows[0].indices
        let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let isNumber = columns.map { column in
            rows.count > 1 && rows.dropFirst().allSatisfy { !$0[column].isEmpty && $0[column].allSatisfy(\.isNumber) }
        }
        var text = ""
        for row in rows {
            var line = ""
            for column in columns {
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                line += (column == 0 ? "" : "  ") + (isNumber[column] ? padding + row[column] : row[column] + padding)
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }
}
