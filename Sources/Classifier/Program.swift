public import Ruleset
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

    private let instructions: InstructionArray
    let lookups: LookupTables
    private let entryPoints: FrozenArray<EntryPoint>
    let loads: FrozenArray<Load>
    let buckets: FrozenArray<TokenBucket>
    private let quotas: FrozenArray<QuotaBound>
    private let connectionLists: ConnectionLists
    /// Of the buckets, then of the quotas. A new program begins anew.
    let cells: StateCells
    let dynamicSets: DynamicSets
    let accesses: SetAccesses
    private let writes: FrozenArray<Write>
    private let draws: NumberDrawOwner
    private let chainIndices: ChainIndices
    /// Asked about connections where nothing is tracked.
    let untracked = LiveConnections.none
    /// What the rule set takes and costs.
    public let statistics: ProgramStatistics
    /// Slots of what is read of connections.
    private let connectionSlots: FrozenArray<UInt8>
    /// The protocol of each of `connectionTimeouts`.
    private let timeoutProtocols: FrozenArray<UInt8>

    /// Compiles a checked tree for a pair of ports.
    /// - Parameters:
    ///   - ports: The two interfaces' names. A rule may name others, as it may in nft: it then never matches.
    ///   - start: From when on the timeouts of elements in the file count.
    ///   - seed: Of the numbers that rules draw by lot: the same seed draws the same. Whoever judges what strangers send gives one that
    ///     nobody knows.
    ///   - indexing: Which chains get an index: no verdict or counter depends on it.
    /// - Throws: What no checked tree has; see `ProgramError`.
    public init(
        compiling ruleset: Ruleset, ports: [String], start: Instant = Instant(monotonic: 0, sinceEpoch: 0), seed: UInt64 = 0,
        indexing: Indexing = .automatic
    ) throws(ProgramError) {
        guard ports.count == 2 else { throw ProgramError(reason: .portCount(ports.count), location: nil) }
        try checkJumps(in: ruleset)
        var emitter = Emitter(ports: ports, seed: seed, indexing: indexing)
        try emitter.emit(ruleset)

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
        changingSets = emitter.stateful.changingReferences
        dynamicSets = DynamicSets(
            emitter.stateful.plans, templates: emitter.stateful.templates, steps: emitter.stateful.steps,
            seed: (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)), start: start.monotonic)
        accesses = SetAccesses(accesses: FrozenArray(emitter.accesses), pieces: FrozenArray(emitter.pieces))
        quotas = FrozenArray(emitter.stateful.quotas.map(\.bound))
        connectionLists = ConnectionLists(emitter.stateful.connectionBounds)
        cells = StateCells(emitter.stateful.buckets.map { $0.full } + emitter.stateful.quotas.map(\.used))
        writes = FrozenArray(emitter.writes)
        draws = NumberDrawOwner(emitter.draws)
        chainIndices = emitter.chainIndices.frozen()
        statistics = ProgramStatistics(
            chains: emitter.chainStatistics, instructions: instructions.count, instructionBytes: instructions.byteCount,
            setBytes: lookups.byteCount)
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
                var values = unsafe LoadedValues(in: slots, connection: connection, live: live, draws: draws.view)
                values.setMark(UInt128(before.mark))
                values.readConnection(loads, slots: connectionSlots)
                read(&values, bytes.bytes, frame, ingress: ingress, at: instant)
                var kind = FrameKinds(of: frame)
                var isChanged = before.isChanged
                var result = before
                for index in first..<end {
                    guard entryPoints[index].frames.contains(kind) else { continue }
                    let port = Load.port(ingress)
                    values.set(0, entryPoints[index].hidesIngress ? 0 : port)
                    values.set(1, entryPoints[index].hidesEgress ? 0 : port)
                    result = run(
                        entryPoints[index], &values, &bytes, &frame, &isChanged, isChecksumPartial: isChecksumPartial, ingress: ingress,
                        at: instant, hits)
                    result.baseChain = Int32(truncatingIfNeeded: index)
                    if result.verdict == .drop { break }
                    if isChanged {
                        // The kernel looks for the headers anew in front of each base chain; of bytes that are as they were it finds the same.
                        frame = frame.readAgain(bytes.bytes)
                        kind = FrameKinds(of: frame)
                        read(&values, bytes.bytes, frame, ingress: ingress, at: instant)
                    }
                }
                result.isChanged = isChanged
                result.mark = UInt32(truncatingIfNeeded: values.frameMark)
                return result
            }
        }
    }

    @inline(__always)
    private func run(
        _ entry: EntryPoint, _ values: inout LoadedValues, _ bytes: inout MutableRawSpan, _ frame: inout ParsedFrame,
        _ isChanged: inout Bool, isChecksumPartial: Bool, ingress: UInt8, at instant: Instant, _ hits: HitCounters
    ) -> Classification {
        let size = UInt64(truncatingIfNeeded: entry.countsPackets ? frame.networkLength : frame.linkPayloadLength)
        var returns = InlineArray<16, Int32>(repeating: 0)
        var depth = 0
        var cursor = ChainCursor()
        var next = Int(entry.start)
        var remembered = 0
        while true {
            let place = next
            let instruction = instructions[place]
            next &+= 1
            let rule = instruction.first
            var verdict = instruction.operation
            var target = instruction.target
            var back = next
            switch instruction.operation {
            case .seek:
                next = chainIndices.seek(instruction.first, from: instruction.count, next: next, &cursor, values)
                if next >= 0 { continue }
                let found = cursor.found
                if found.counter >= 0 { hits.countStatement(Int(found.counter), bytes: size) }
                hits.countRule(Int(found.rule), bytes: size)
                return Classification(verdict: found.place == RuleEntry.accept ? .accept : .drop, rule: found.rule, baseChain: -1)
            case .inRange:
                if !isInRange(instruction, instructions.operands(of: place), values) { next = Int(instruction.target) }
                continue
            case .inSet:
                if !isInSet(instruction, instructions.operands(of: place).mask, values) { next = Int(instruction.target) }
                continue
            case .inTrie:
                if !lookups.isInTrie(instruction, mask: instructions.operands(of: place).mask, values) { next = Int(target) }
                continue
            case .inTable:
                let found = lookups.find(Int(rule), values, loads, bytes.bytes, frame, ingress: ingress, at: instant)
                if found == LookupTables.Missing.unreadable || (found >= 0) == instruction.isNegated {
                    next = Int(target)
                } else if found >= 0 {
                    count(found, size, hits)
                }
                continue
            case .lookUp:
                let found = lookups.find(Int(rule), values, loads, bytes.bytes, frame, ingress: ingress, at: instant)
                if found >= 0 {
                    remembered = found
                    count(found, size, hits)
                } else {
                    next = Int(target)
                }
                continue
            case .lookUpChanging:
                if let outcome = mapped(Int(rule), values, bytes.bytes, frame, ingress: ingress, at: instant, size) {
                    remembered = Int(truncatingIfNeeded: outcome)
                } else {
                    next = Int(target)
                }
                continue
            case .mapped:
                back = Int(target)
                verdict = lookups.outcomes[remembered].verdict
                target = lookups.outcomes[remembered].target
                if verdict == .finish { continue }
            case .mark:
                values.setMark(instructions.operands(of: place).low)
                continue
            case .markMapped:
                values.setMark(lookups.outcomes[remembered].value)
                continue
            case .markBits:
                guard let value = values[instruction.slot] else {
                    next = Int(target)
                    continue
                }
                let operands = instructions.operands(of: place)
                values.setMark((shifted(value, instruction.first) & operands.mask) ^ operands.low)
                continue
            case .connectionMark, .connectionMarkMapped, .connectionMarkChanging, .connectionMarkBits:
                if let mark = connectionMark(
                    instruction, instructions.operands(of: place), remembered, values, bytes.bytes, frame, ingress: ingress, at: instant,
                    size)
                {
                    values.connection.setMark(mark)
                    values.readConnection(loads, slots: connectionSlots)
                } else {
                    next = Int(target)
                }
                continue
            case .notrack:
                values.connection.leaveUntracked()
                values.readConnection(loads, slots: connectionSlots)
                continue
            case .connectionTimeouts:
                values.connection.setTimeouts(
                    rule, of: timeoutProtocols[Int(rule)], packet: frame.tagCount <= 1 ? frame.transportProtocol : nil)
                continue
            case .read:
                if let value = values.late(instruction.first, loads, bytes.bytes, frame, ingress: ingress, at: instant) {
                    values.setSpare(value)
                } else {
                    next = Int(target)
                }
                continue
            case .draw:
                values.setSpare(values.draw(instruction.first))
                continue
            case .count:
                hits.countStatement(Int(instruction.first), bytes: size)
                continue
            case .countObject:
                hits.countObject(Int(instruction.first), bytes: size)
                continue
            case .limit:
                let number = Int(instruction.first)
                if !cells.pass(buckets[number], cell: number, bytes: size, at: instant.monotonic) { next = Int(instruction.target) }
                continue
            case .quota:
                let number = Int(instruction.first)
                if !cells.pass(quotas[number], cell: buckets.count &+ number, bytes: size) { next = Int(instruction.target) }
                continue
            case .countConnections:
                if !connectionLists.pass(values.counted, list: Int(rule), at: instant.monotonic) { next = Int(target) }
                continue
            case .inChanging:
                guard let value = values[instruction.slot],
                    let isInside = dynamicSets.holds(
                        PackedKey(value & instructions.operands(of: place).mask), set: Int(instruction.first),
                        isNegated: instruction.isNegated, bytes: size,
                        connection: values.counted, at: instant.monotonic),
                    isInside != instruction.isNegated
                else {
                    next = Int(instruction.target)
                    continue
                }
                continue
            case .change:
                guard let value = values[instruction.slot],
                    dynamicSets.change(
                        PackedKey(value & instructions.operands(of: place).mask), set: Int(instruction.first),
                        template: Int(instruction.count), bytes: size,
                        connection: values.counted, at: instant.monotonic)
                else {
                    next = Int(instruction.target)
                    continue
                }
                continue
            case .inChangingKey:
                let isInside = isInChanging(
                    Int(rule), values, bytes.bytes, frame, isNegated: instruction.isNegated, ingress: ingress, at: instant, size)
                if isInside == nil || isInside == instruction.isNegated { next = Int(target) }
                continue
            case .changeKey:
                if !change(Int(rule), values, bytes.bytes, frame, ingress: ingress, at: instant, size) { next = Int(target) }
                continue
            case .markChanging:
                if let mark = mapped(Int(rule), values, bytes.bytes, frame, ingress: ingress, at: instant, size) {
                    values.setMark(mark)
                } else {
                    next = Int(target)
                }
                continue
            case .countMapped:
                hits.countObject(mappedObject(remembered), bytes: size)
                continue
            case .limitMapped:
                let number = mappedObject(remembered)
                if !cells.pass(buckets[number], cell: number, bytes: size, at: instant.monotonic) { next = Int(target) }
                continue
            case .quotaMapped:
                let number = mappedObject(remembered)
                if !cells.pass(quotas[number], cell: buckets.count &+ number, bytes: size) { next = Int(target) }
                continue
            case .log:
                hits.events.append(LoggedStatement(rule: rule, statement: instruction.count))
                continue
            case .write, .copy, .writeMapped, .writeChanging:
                let copied: UInt128? =
                    switch instruction.operation {
                    case .copy: values[instruction.slot]
                    case .writeMapped: lookups.outcomes[remembered].value
                    case .writeChanging:
                        mapped(Int(instruction.count), values, bytes.bytes, frame, ingress: ingress, at: instant, size)
                    default: nil
                    }
                let outcome =
                    instruction.operation != .write && copied == nil
                    ? .impossible
                    : writes[Int(instruction.first)].perform(on: &bytes, &frame, copied: copied, isChecksumPartial: isChecksumPartial)
                if outcome == .impossible {
                    next = Int(target)
                } else {
                    if outcome == .changed { isChanged = true }
                    cursor.forget()
                    read(&values, bytes.bytes, frame, ingress: ingress, at: instant)
                }
                continue
            case .finish, .accept, .drop, .jump, .goto, .return, .endOfChain:
                break
            }
            switch verdict {
            case .seek, .inRange, .inSet, .inTrie, .inTable, .lookUp, .lookUpChanging, .mapped, .mark, .markMapped, .read, .draw, .count,
                .countObject, .limit,
                .quota, .countConnections, .inChanging,
                .change, .inChangingKey, .changeKey, .markChanging, .countMapped, .limitMapped, .quotaMapped, .log, .write, .copy,
                .writeMapped, .writeChanging,
                .markBits, .connectionMark, .connectionMarkMapped, .connectionMarkChanging, .connectionMarkBits, .notrack,
                .connectionTimeouts, .endOfChain:
                break
            case .finish:
                hits.countRule(Int(rule), bytes: size)
                continue
            case .accept:
                hits.countRule(Int(rule), bytes: size)
                return Classification(verdict: .accept, rule: rule, baseChain: -1)
            case .drop:
                hits.countRule(Int(rule), bytes: size)
                return Classification(verdict: .drop, rule: rule, baseChain: -1)
            case .jump:
                hits.countRule(Int(rule), bytes: size)
                // Never full: jumps deeper than that do not compile.
                guard depth < returns.count else { return Classification(verdict: .drop, rule: rule, baseChain: -1) }
                returns[depth] = Int32(truncatingIfNeeded: back)
                depth &+= 1
                next = Int(target)
                continue
            case .goto:
                hits.countRule(Int(rule), bytes: size)
                next = Int(target)
                continue
            case .return:
                hits.countRule(Int(rule), bytes: size)
            }
            guard depth > 0 else { return Classification(verdict: entry.policy, rule: -1, baseChain: -1) }
            depth &-= 1
            next = Int(returns[depth])
        }
    }

    /// Whether rules change frames.
    public var changesFrames: Bool { writes.count > 0 }

    @inline(__always)
    private func mappedObject(_ outcome: Int) -> Int { Int(truncatingIfNeeded: lookups.outcomes[outcome].value) }

    @inline(__always)
    private func isInRange(_ instruction: Step, _ operands: Operands, _ values: borrowing LoadedValues) -> Bool {
        guard let loaded = values[instruction.slot] else { return false }
        let value = loaded & operands.mask
        return (operands.low <= value && value <= operands.high) != instruction.isNegated
    }

    @inline(__always)
    private func isInSet(_ instruction: Step, _ mask: UInt128, _ values: borrowing LoadedValues) -> Bool {
        guard let loaded = values[instruction.slot] else { return false }
        let found = lookups.intervals.index(
            holding: loaded & mask, from: Int(instruction.first), count: Int(instruction.count))
        return (found != nil) != instruction.isNegated
    }

    /// In the counter of the element that the outcome belongs to, if it has one.
    @inline(__always)
    private func count(_ outcome: Int, _ size: UInt64, _ hits: HitCounters) {
        let counter = lookups.outcomes[outcome].counter
        if counter >= 0 { hits.countElement(Int(counter), bytes: size) }
    }
}
