import Offline
import Regions
import Ruleset

/// The two ports of all tests.
let ports = ["eth1", "eth2"]

/// A rule set with one base chain.
func ruleset(_ rules: String, family: String = "bridge", policy: String = "accept", before: String = "", name: String = "r.nft") throws
    -> Ruleset
{
    try Ruleset.read(
        SourceFile(
            name: name,
            text: "table \(family) t {\n\(before)\nchain c {\ntype filter hook forward priority 0; policy \(policy);\n\(rules)\n}\n}\n")
    ).ruleset
}

/// A whole text.
func rulesetText(_ text: String, name: String = "r.nft") throws -> Ruleset {
    try Ruleset.read(SourceFile(name: name, text: text)).ruleset
}
