import FoundationEssentials
import Ruleset

extension Encodable {
    /// As one line of JSON, keys sorted.
    package var jsonLine: String { json([]) }

    /// As JSON on several lines, keys sorted.
    package var jsonText: String { json(.prettyPrinted) }

    /// Reports are `Encodable`, so `JSONEncoder` writes them; `PrintableText` then escapes what it leaves and a terminal would obey.
    ///
    /// Empty where a value can't be encoded, which numbers and strings always can.
    private func json(_ formatting: JSONEncoder.OutputFormatting) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
        return (try? encoder.encode(self)).map { PrintableText.json(String(decoding: $0, as: UTF8.self)) + "\n" } ?? ""
    }
}
