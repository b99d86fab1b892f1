import ArgumentParser
import Offline
import Regions
import Ruleset

/// `--ports A,B` where it may be left out.
struct OptionalPorts: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Names of the two interfaces, with a comma between them. (default: those that the rules name)", valueName: "a,b"))
    var ports: String?

    func check() throws { if let ports { _ = try PortNames(ports) } }

    /// The names, or those that rules compare with; fails where rules name more than two.
    func names(for rulesets: [Ruleset]) throws -> [String] {
        if let ports { return try PortNames(ports).names }
        var named: [String] = []
        for ruleset in rulesets { for name in ruleset.interfaceNames where !named.contains(name) { named.append(name) } }
        guard named.count <= 2 else {
            complain("weir: the rules name \(named.joined(separator: ", ")); say with --ports which two are the wire's")
            throw ExitCode.validationFailure
        }
        for name in ["eth1", "eth2", "eth3", "eth4"] where named.count < 2 && !named.contains(name) { named.append(name) }
        return named
    }
}
