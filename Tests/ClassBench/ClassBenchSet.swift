import Foundation

extension ClassBenchRule {
    /// A filter set that lies beside this: `acl1_1k`, `fw1_1k` or `ipc1_1k`. Empty for another.
    public static func set(_ name: String) -> [ClassBenchRule] {
        guard let url = Bundle.module.url(forResource: "Sets/\(name)", withExtension: nil),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        return rules(text)
    }
}
