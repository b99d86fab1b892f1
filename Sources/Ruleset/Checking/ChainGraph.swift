/// The jumps of one table: every target is there, is no base chain, and no way leads back.
struct ChainGraph {
    /// The kernel's NFT_JUMP_STACK_SIZE: a base chain and what it jumps to, one below the other. `goto` counts as well.
    static let depthLimit = 16

    private struct Edge {
        var from: Int
        var to: Int
        var location: SourceLocation
    }

    private let table: Table
    private var edges: [Edge] = []
    private var outgoing: [[Int]]

    private init(_ table: Table) {
        self.table = table
        outgoing = Array(repeating: [], count: table.chains.count)
    }

    static func check(_ table: Table, into sink: inout DiagnosticSink) {
        var graph = ChainGraph(table)
        graph.collect(into: &sink)
        graph.checkDepths(into: &sink)
    }

    /// Targets that are not there are the checker's to report, which knows when they were asked for.
    private mutating func collect(into sink: inout DiagnosticSink) {
        let indices = Dictionary(table.chains.enumerated().map { ($1.target, $0) }) { first, _ in first }
        let maps = Dictionary(
            table.sets.lazy.filter(\.isMap).map { set in (set.name, set.elements.lazy.compactMap(\.verdict?.target).uniqued()) }
        ) { first, _ in first }
        for set in table.sets where set.isMap {
            for element in set.elements {
                // A base chain is refused even in a map that no rule uses.
                guard let target = element.verdict?.target, let to = indices[target], table.chains[to].base != nil else { continue }
                sink.error(element.location, "'\(printable(table.chains[to].name))' is a base chain, which can't be jumped to")
            }
        }
        for (from, chain) in table.chains.enumerated() {
            var followed: Set<String> = []
            for traits in chain.rules.lazy.flatMap(\.statements).map(\.traits) {
                switch traits.verdicts {
                case .one(let verdict):
                    if let target = verdict.target { add(from, to: indices[target], traits.location, into: &sink) }
                case .map(let elements):
                    var targets: [JumpTarget] = []
                    switch elements {
                    case .anonymous(let elements): targets = elements.lazy.compactMap(\.verdict?.target).uniqued()
                    case .named(let name): if followed.insert(name).inserted { targets = maps[name] ?? [] }
                    }
                    for target in targets { add(from, to: indices[target], traits.location, into: &sink) }
                case .none: break
                }
            }
        }
    }

    private mutating func add(_ from: Int, to: Int?, _ location: SourceLocation, into sink: inout DiagnosticSink) {
        guard let to else { return }
        if table.chains[to].base != nil {
            sink.error(location, "'\(printable(table.chains[to].name))' is a base chain, which can't be jumped to")
            return
        }
        outgoing[from].append(edges.count)
        edges.append(Edge(from: from, to: to, location: location))
    }

    /// Takes away, again and again, chains that nothing leads to any more; what is left over lies on a loop or after one.
    /// On the way each chain learns how deep below a base chain it can be. No recursion: a text may have any number of chains.
    private func checkDepths(into sink: inout DiagnosticSink) {
        var incoming = Array(repeating: 0, count: table.chains.count)
        for edge in edges { incoming[edge.to] += 1 }
        var depths = table.chains.map { $0.base == nil ? 0 : 1 }
        var ready = table.chains.indices.filter { incoming[$0] == 0 }
        var hasReportedDepth = false
        while let chain = ready.popLast() {
            for edge in outgoing[chain].map({ edges[$0] }) {
                if depths[chain] > 0 { depths[edge.to] = max(depths[edge.to], depths[chain] + 1) }
                if depths[edge.to] > Self.depthLimit, !hasReportedDepth {
                    hasReportedDepth = true
                    sink.error(
                        edge.location, "jumps are more than \(Self.depthLimit) chains deep",
                        note: "the base chain counts, and the kernel allows no more")
                }
                incoming[edge.to] -= 1
                if incoming[edge.to] == 0 { ready.append(edge.to) }
            }
        }
        if let edge = loopingEdge(among: incoming) {
            sink.error(edge.location, "this jump leads back to its own chain '\(printable(table.chains[edge.from].name))'")
        }
    }

    /// An edge on a loop, going backwards from a chain that was left over: each such chain has an edge from another one.
    private func loopingEdge(among incoming: [Int]) -> Edge? {
        let leftOver = edges.filter { incoming[$0.from] > 0 && incoming[$0.to] > 0 }
        var entering: [Int: Edge] = [:]
        for edge in leftOver where entering[edge.to] == nil { entering[edge.to] = edge }
        guard var chain = leftOver.first?.from else { return nil }
        var seen: Set<Int> = []
        while let edge = entering[chain], seen.insert(chain).inserted { chain = edge.from }
        return entering[chain]
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, in the order in which they come first.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
