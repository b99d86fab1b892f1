public import Ruleset

/// What a rule set takes in memory, and what it may cost a frame.
public struct ProgramStatistics: Sendable, Equatable {
    /// In the order of the tables and their chains, those that no frame comes to among them.
    public var chains: [ChainStatistics]
    /// Steps of the compiled program.
    public var instructions: Int
    /// Memory of those, in bytes.
    public var instructionBytes: Int
    /// Memory of sets and maps that don't change, in bytes.
    public var setBytes: Int

    /// Rules of all chains.
    public var rules: Int { chains.reduce(0) { $0 + $1.rules } }
    /// Memory of all indices, in bytes.
    public var indexBytes: Int { chains.reduce(0) { $0 + ($1.index?.bytes ?? 0) } }
}

/// What one chain takes and costs.
public struct ChainStatistics: Sendable, Equatable {
    public var family: Family
    public var table: String
    public var chain: String
    public var rules: Int
    /// Steps that the chain compiles to.
    public var instructions: Int
    /// nil where rules are tried one by one.
    public var index: IndexStatistics?
}

/// What the index of a chain takes and costs.
public struct IndexStatistics: Sendable, Equatable {
    /// What rules were taken apart into: products of intervals.
    public var boxes: Int
    public var trees: Int
    public var nodes: Int
    /// Memory in bytes.
    public var bytes: Int
    /// Nodes, and groups of eight boxes, that the worst frame makes one lookup look at.
    public var worstSteps: Int

    init(_ cost: BoxIndexCost) {
        boxes = cost.boxes
        trees = cost.trees
        nodes = cost.nodes
        bytes = cost.bytes
        worstSteps = cost.steps
    }
}

extension Table {
    /// True if a rule changes headers, after which a frame is another to the rules after it.
    var changesFrames: Bool {
        chains.contains { chain in
            chain.rules.contains { rule in
                rule.statements.contains { statement in
                    if case .assignment(let assignment) = statement { assignment.field != .metaMark } else { false }
                }
            }
        }
    }
}
