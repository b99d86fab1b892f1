public import Decisions
public import Ruleset
public import Storage
public import Wire

/// A rule set, compiled: immutable but for what its limits and quotas have come to, shared by all workers, evaluated without allocation, reference counting or errors.
///
/// Compiling is four passes: order the base chains by hook and priority; see that jumps end; turn operands into intervals; emit each chain as
/// a run of instructions, in which a rule's matches lead to the next rule when they fail.
public final class Program: Sendable {
    /// The names of the two ports, by the index that `classify` takes.
    public let ports: [String]
    /// Every rule, in the order of the tree: tables, their chains, their rules.
    public let rules: [RuleReference]
    /// Every `counter` statement, in the same order.
    public let counters: [CounterReference]
    /// Every element of a named set with counters, in the order of the tables, their sets and their elements.
    public let elementCounters: [ElementCounterReference]
    /// Every counter that stands in a table under a name, in the same order.
    public let namedCounters: [NamedCounterReference]
    /// Every quota that stands in a table under a name, in the same order.
    public let namedQuotas: [NamedQuotaReference]
    /// Statements with a cell of their own, in the order of the tree.
    let remembering: [RememberingStatement]
    /// Every named set or map that changes, in the same order.
    public let changingSets: [ChangingSetReference]
    /// Sets and maps, in the order in which rules came to use them, then those that change.
    public let lookupStatistics: [LookupStatistics]
    /// Chains hooked into the path, in the order in which a frame meets them.
    public let baseChains: [BaseChainReference]
    /// How many of `baseChains` come before connections are tracked: see `PathSection`.
    public let chainsBeforeTracking: Int
    /// What rules ask of connections; empty where no rule speaks of them, so that nothing need be tracked.
    public let connectionNeeds: ConnectionNeeds
    /// Every `ct timeout` of a table, in the order of the tree.
    public let connectionTimeouts: [ConnectionTimeoutReference]

    /// Chains that a jump or goto may lead into, one from within the other: the kernel's `NFT_JUMP_STACK_SIZE`, less one for the base
    /// chain, which its own check counts too.
    public static let deepestChain = 15

    /// Loads of the ports, which each chain sees in its own way.
    static let portLoads = 2

    let instructions: InstructionArray
    let lookups: LookupTables
    let entryPoints: FrozenArray<EntryPoint>
    let loads: FrozenArray<Load>
    let buckets: FrozenArray<TokenBucket>
    let quotas: FrozenArray<QuotaBound>
    let connectionLists: ConnectionLists
    /// As `StatefulEmitter.words` lays them out.
    let cells: StateCells
    let dynamicSets: DynamicSets
    /// By which the next program finds what is the same in it; by cell, by list and by guard.
    let cellKeys: [StateKey?]
    let listKeys: [StateKey?]
    let guardKeys: [StateKey?]
    let elementGuards: ElementGuards
    let accesses: SetAccesses
    let writes: FrozenArray<Write>
    let calculations: FrozenArray<CalculationStep>
    let draws: NumberDrawOwner
    let path = PathMTUOwner()
    let chainIndices: ChainIndices
    /// Asked about connections where nothing is tracked.
    let untracked = LiveConnections.none
    /// What the rule set takes and costs.
    public let statistics: ProgramStatistics
    /// Slots of what is read of connections.
    let connectionSlots: FrozenArray<UInt8>
    /// The protocol of each of `connectionTimeouts`.
    let timeoutProtocols: FrozenArray<UInt8>
    /// What the sender is told, by rule; empty where none rejects.
    private let rejections: FrozenArray<Rejection?>

    /// Compiles a checked tree for a pair of ports.
    /// - Parameters:
    ///   - ports: The two interfaces' names. A rule may name others, as it may in nft: it then never matches.
    ///   - start: From when on the timeouts of elements in the file count.
    ///   - seed: Of the numbers that rules draw by lot: the same seed draws the same. A caller that judges what strangers send gives one that
    ///     nobody knows.
    ///   - indexing: Which chains get an index: no verdict or counter depends on it.
    ///   - reservation: Bytes that may be reserved for what rules remember.
    ///   - inheritance: Where this program takes over what an earlier one has come to.
    /// - Throws: What no checked tree has; see `ProgramError`.
    public init(
        compiling ruleset: Ruleset, ports: [String], start: Instant = Instant(monotonic: 0, sinceEpoch: 0), seed: UInt64 = 0,
        indexing: Indexing = .automatic, reservation: Int = .max, inheriting inheritance: StateInheritance? = nil
    ) throws(ProgramError) {
        guard ports.count == 2 else { throw ProgramError(reason: .portCount(ports.count), location: nil) }
        try checkJumps(in: ruleset)
        var emitter = Emitter(ports: ports, seed: seed, indexing: indexing)
        try emitter.emit(ruleset)
        // Before it is taken.
        inheritance?.match(emitter.stateful)
        let (keptSets, keptLists) = (inheritance?.sets ?? [], inheritance?.lists ?? [])
        let reserved = emitter.stateful.reservedBytes(besides: keptSets, keptLists)
        guard reserved <= reservation else { throw ProgramError(reason: .memory(bytes: reserved, limit: reservation), location: nil) }

        self.ports = ports
        rules = emitter.rules
        counters = emitter.counters
        baseChains = emitter.baseChains
        chainsBeforeTracking = emitter.chainsBeforeTracking
        connectionNeeds = emitter.connectionNeeds
        connectionTimeouts = emitter.stateful.connectionTimeouts
        timeoutProtocols = FrozenArray(connectionTimeouts.map(\.timeout.transportProtocol.number))
        connectionSlots = FrozenArray(
            emitter.loads.prefix(LoadedValues.mark).indices.filter { emitter.loads[$0].base == .connection }.map {
                UInt8(truncatingIfNeeded: $0)
            })
        instructions = InstructionArray(emitter.instructions)
        elementCounters = emitter.elementCounters
        lookupStatistics = emitter.tables.statistics + emitter.stateful.statistics
        lookups = emitter.tables.frozen()
        entryPoints = FrozenArray(emitter.entryPoints)
        loads = FrozenArray(emitter.loads)
        namedCounters = emitter.stateful.namedCounters
        buckets = FrozenArray(emitter.stateful.buckets)
        namedQuotas = emitter.stateful.namedQuotas
        remembering = emitter.stateful.remembering
        changingSets = emitter.stateful.changingReferences
        dynamicSets = DynamicSets(
            emitter.stateful.plans, templates: emitter.stateful.templates, kept: keptSets, start: start.monotonic)
        cellKeys = emitter.stateful.cellKeys
        listKeys = emitter.stateful.listKeys
        let guardKeys = emitter.stateful.guardKeys
        self.guardKeys = guardKeys
        elementGuards = ElementGuards(emitter.stateful.guards, start: start.monotonic) { index in
            inheritance?.expiry(ofGuard: guardKeys[index], at: start.monotonic)
        }
        accesses = SetAccesses(accesses: FrozenArray(emitter.accesses), pieces: FrozenArray(emitter.pieces))
        quotas = FrozenArray(emitter.stateful.quotas.map(\.bound))
        connectionLists = ConnectionLists(emitter.stateful.connectionBounds, kept: keptLists)
        cells = StateCells(emitter.stateful.words(from: start.monotonic))
        writes = FrozenArray(emitter.writes)
        calculations = FrozenArray(emitter.calculations)
        draws = NumberDrawOwner(emitter.draws)
        chainIndices = emitter.chainIndices.frozen()
        rejections = FrozenArray(rules.contains { $0.rule.rejection != nil } ? rules.map(\.rule.rejection) : [])
        statistics = ProgramStatistics(
            chains: emitter.chainStatistics, instructions: instructions.count, instructionBytes: instructions.byteCount,
            setBytes: lookups.byteCount + elementGuards.byteCount)
    }

    /// Runs a frame through the rules.
    ///
    /// A base chain that accepts hands the frame on to the next; the first that drops it has the last word. Chains of a family that
    /// does not see such frames are passed by.
    /// - Parameters:
    ///   - bytes: The frame as it was parsed. Rules may change it.
    ///   - frame: What `ParsedFrame.parse` said of `bytes`; afterwards with the outermost tag that rules have written, if they have.
    ///   - isChecksumPartial: The transport checksum holds the sum of the pseudo header, for hardware to finish
    ///     (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    ///   - ingress: Index into `ports` of the port by which the frame came.
    ///   - instant: Now.
    ///   - section: The base chains that are asked.
    ///   - before: In the path's second section what was said in the first, which accepted.
    ///   - connection: What tracking knows of the packet, as far as `connectionNeeds` asks for it; afterwards with what rules have written.
    ///   - live: Which connections are still there, for `ct count`.
    ///   - hits: The worker's counters for this program. They have the `log` statements that the frame came to.
    public func classify(
        _ bytes: inout MutableRawSpan, _ frame: inout ParsedFrame, isChecksumPartial: Bool = false, ingress: UInt8, at instant: Instant,
        section: PathSection = .whole, after before: Classification = .none, connection: inout PacketConnection,
        live: LiveConnections = .none, hits: HitCounters
    ) -> Classification {
        if section != .afterTracking { hits.events.removeAll() }
        let first = section == .afterTracking ? chainsBeforeTracking : 0
        let end = section == .beforeTracking ? chainsBeforeTracking : entryPoints.count
        // On the stack: so few bytes never come from the heap.
        return unsafe withUnsafeMutablePointer(to: &connection) { connection in
            unsafe withUnsafeTemporaryAllocation(of: UInt128.self, capacity: LoadedValues.capacity) { slots in
                var values = unsafe LoadedValues(in: slots, connection: connection, live: live, draws: draws.view, path: path.view)
                values.setMark(UInt128(before.mark))
                values.readConnection(loads, slots: connectionSlots)
                var context = FrameContext(ingress: ingress, instant: instant)
                read(&values, bytes.bytes, frame, context)
                var kind = FrameKinds(of: frame)
                var isChanged = before.decision.isChanged
                var result = before
                for index in first..<end {
                    guard entryPoints[index].frames.contains(kind) else { continue }
                    let port = Load.port(ingress)
                    values.set(0, entryPoints[index].hidesIngress ? 0 : port)
                    values.set(1, entryPoints[index].hidesEgress ? 0 : port)
                    let size = entryPoints[index].countsPackets ? frame.networkLength : frame.linkPayloadLength
                    context.size = UInt64(truncatingIfNeeded: size)
                    result.decision = run(
                        entryPoints[index], &values, &bytes, &frame, &isChanged, isChecksumPartial: isChecksumPartial, context, hits)
                    result.decision.baseChain = BaseChainIndex(Int32(truncatingIfNeeded: index))
                    if !result.decision.verdict.isAccepting { break }
                    if isChanged {
                        // The kernel looks for the headers again before each base chain; in unchanged bytes it finds the same.
                        frame = frame.readAgain(bytes.bytes)
                        kind = FrameKinds(of: frame)
                        read(&values, bytes.bytes, frame, context)
                    }
                }
                result.decision.isChanged = isChanged
                result.mark = UInt32(truncatingIfNeeded: values.frameMark)
                return result
            }
        }
    }

    /// The rule of an index; nil where that is none.
    public func rule(at index: RuleIndex) -> RuleReference? {
        index.row.flatMap { rules.indices.contains($0) ? rules[$0] : nil }
    }

    /// The base chain of an index; nil where that is none.
    public func baseChain(at index: BaseChainIndex) -> BaseChainReference? {
        index.row.flatMap { baseChains.indices.contains($0) ? baseChains[$0] : nil }
    }

    /// What the sender of a frame is told that the rule rejects; nil if the rule rejects none.
    public func rejection(of rule: RuleIndex) -> Rejection? {
        guard let number = rule.row, number < rejections.count else { return nil }
        return rejections[number]
    }

    /// True if rules reject frames, so that answers may be sent.
    public var rejectsFrames: Bool { rejections.count > 0 }

    /// Says what `rt mtu` goes by from now on: the smaller of the ports' MTUs, in bytes. It is 1,500 until then. Any thread may say it.
    public func setPathMTU(_ bytes: Int) { path.view.set(bytes) }

    /// True if rules change frames.
    public var changesFrames: Bool { writes.count > 0 }
}
