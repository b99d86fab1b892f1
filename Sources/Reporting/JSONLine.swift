import FoundationEssentials
import Ruleset

extension Encodable {
    /// As one line of JSON, keys sorted. Empty where a value can't be encoded, which numbers and strings always can.
    package var jsonLine: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { PrintableText.json(String(decoding: $0, as: UTF8.self)) + "\n" } ?? ""
    }
}
