import Classifier
import Glibc
import Ruleset

/// What a rule set takes and costs once it is compiled, as `weir check --stats` says it.
struct RulesetCost: Encodable {
    var file: String
    var rules: Int
    var instructions: Int
    var instructionBytes: Int
    var indexBytes: Int
    var setBytes: Int
    /// Memory that reading and compiling them takes at its height, as a reload estimates it.
    var readingBytes: Int
    /// The most memory that the process has had so far; this file and those before it are in it, and the program itself.
    var peakBytes: Int
    /// Memory of sets and maps that rules change, when they are full.
    var changingSetBytes: Int
    var chains: [ChainCost]
    var sets: [SetCost]

    struct SetCost: Encodable {
        /// None for a large set, or a meter, that stands in a rule.
        var family: String?
        var table: String?
        var set: String?
        var structure: String
        var elements: Int
        var bytes: Int
        /// None for a set that rules change.
        var worstSteps: Int?
    }

    struct ChainCost: Encodable {
        var family: String
        var table: String
        var chain: String
        var rules: Int
        var instructions: Int
        /// "scan" or "index".
        var lookup: String
        var boxes: Int?
        var trees: Int?
        var nodes: Int?
        var indexBytes: Int?
        /// Rules of a scan, or nodes and boxes of an index.
        var worstSteps: Int
    }

    init(of ruleset: Ruleset, file: String) throws(ProgramError) {
        readingBytes = ruleset.sources.reduce(into: ReadingCost()) { $0.add($1.text) }.bytes
        let program = try Program(compiling: ruleset, ports: Self.ports(in: ruleset))
        let statistics = program.statistics
        peakBytes = Self.peakResidentBytes
        self.file = file
        rules = statistics.rules
        instructions = statistics.instructions
        instructionBytes = statistics.instructionBytes
        indexBytes = statistics.indexBytes
        setBytes = statistics.setBytes
        changingSetBytes = program.lookupStatistics.reduce(0) { $0 + ($1.structure == .changing ? $1.bytes : 0) }
        sets = program.lookupStatistics.map { lookup in
            SetCost(
                family: lookup.set?.family.rawValue, table: lookup.set?.table, set: lookup.set?.name, structure: lookup.structure.rawValue,
                elements: lookup.elements, bytes: lookup.bytes, worstSteps: lookup.steps)
        }
        chains = statistics.chains.map { chain in
            ChainCost(
                family: chain.family.rawValue, table: chain.table, chain: chain.chain, rules: chain.rules,
                instructions: chain.instructions, lookup: chain.index == nil ? "scan" : "index", boxes: chain.index?.boxes,
                trees: chain.index?.trees, nodes: chain.index?.nodes, indexBytes: chain.index?.bytes,
                worstSteps: chain.index?.worstSteps ?? chain.rules)
        }
    }

    /// The first two interfaces that rules name, for `weir check` knows no ports.
    private static func ports(in ruleset: Ruleset) -> [String] {
        var names: [String] = []
        for statement in ruleset.tables.lazy.flatMap(\.chains).flatMap(\.rules).flatMap(\.statements) {
            guard case .match(let match) = statement, match.field.isInterface else { continue }
            let values: [Value] =
                switch match.operand {
                case .single(let value): [value]
                case .set(let values): values
                case .named: []
                }
            for case .interface(let name, false) in values where !names.contains(name) { names.append(name) }
            if names.count >= 2 { break }
        }
        return Array((names + ["", " "]).prefix(2))
    }

    /// The most memory that the process has had resident; 0 if the kernel doesn't say (getrusage(2), in KiB).
    private static var peakResidentBytes: Int {
        var usage = rusage()
        return unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 ? usage.ru_maxrss << 10 : 0
    }

    /// A few lines for people.
    var text: String {
        var lines = [
            "  \(Self.rules(rules)) in \(instructions) instructions, \(Self.size(instructionBytes)); indices \(Self.size(indexBytes)); "
                + "sets and maps \(Self.size(setBytes))"
                + (changingSetBytes > 0 ? ", and \(Self.size(changingSetBytes)) that rules change" : "")
        ]
        lines.append(
            "  reading and compiling takes some \(Self.size(readingBytes)); at most \(Self.size(peakBytes)) of the process were in use")
        for chain in chains {
            let name = "  \(chain.family) \(chain.table) \(chain.chain): \(Self.rules(chain.rules)), "
            if let boxes = chain.boxes, let trees = chain.trees, let nodes = chain.nodes, let bytes = chain.indexBytes {
                lines.append(
                    name + "index of \(boxes) boxes in \(trees) trees, \(nodes) nodes, \(Self.size(bytes)); a lookup takes "
                        + "at most \(chain.worstSteps) steps")
            } else {
                lines.append(name + "tried one by one")
            }
        }
        for set in sets {
            let name = [set.family, set.table, set.set].compactMap(\.self).joined(separator: " ")
            let steps = set.worstSteps.map { "; a lookup takes at most \($0) steps" } ?? ""
            lines.append(
                "  \(name.isEmpty ? "set in a rule" : name): "
                    + (set.worstSteps == nil ? "room for \(set.elements) elements, " : "\(set.elements) elements as \(set.structure), ")
                    + Self.size(set.bytes) + steps)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rules(_ count: Int) -> String { "\(count) rule\(count == 1 ? "" : "s")" }

    private static func size(_ bytes: Int) -> String {
        bytes < 10 << 10 ? "\(bytes) B" : bytes < 10 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
    }
}
