import Decisions
import Ruleset
import Storage
import Wire

// The rules themselves: one step after the other.
extension Program {
    /// From a base chain's first rule to its verdict.
    @inline(__always)
    func run(
        _ entry: EntryPoint, _ values: inout LoadedValues, _ bytes: inout MutableRawSpan, _ frame: inout ParsedFrame,
        _ isChanged: inout Bool, isChecksumPartial: Bool, _ context: FrameContext, _ hits: HitCounters
    ) -> Decision {
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
            var end = instruction.operation
            var target = instruction.target
            var back = next
            switch instruction.operation {
            case .seek:
                next = chainIndices.seek(instruction.first, from: instruction.count, next: next, &cursor, values)
                if next >= 0 { continue }
                let found = cursor.found
                if let counter = found.counter.row { hits.countStatement(counter, bytes: context.size) }
                if let rule = found.rule.row { hits.countRule(rule, bytes: context.size) }
                return Decision(found.verdict, byRule: found.rule)
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
                var found = lookups.find(Int(rule), values, loads, bytes.bytes, frame, context)
                if isGuarded(found) {
                    found = admitted(
                        found, table: Int(rule), isNegated: instruction.isNegated, values, context.size, at: context.instant.monotonic, hits
                    )
                }
                if found == LookupTables.Missing.unreadable || (found >= 0) == instruction.isNegated {
                    next = Int(target)
                } else if found >= 0 {
                    count(found, context, hits)
                }
                continue
            case .lookUp:
                var found = lookups.find(Int(rule), values, loads, bytes.bytes, frame, context)
                if isGuarded(found) {
                    found = admitted(
                        found, table: Int(rule), isNegated: false, values, context.size, at: context.instant.monotonic, hits)
                }
                if found >= 0 {
                    remembered = found
                    count(found, context, hits)
                } else {
                    next = Int(target)
                }
                continue
            case .lookUpChanging:
                if let outcome = mapped(Int(rule), values, bytes.bytes, frame, context) {
                    remembered = Int(truncatingIfNeeded: outcome)
                } else {
                    next = Int(target)
                }
                continue
            case .mapped:
                back = Int(target)
                end = lookups.outcomes[remembered].end
                target = lookups.outcomes[remembered].target
                if end == .finish { continue }
                if end == .decide {
                    hits.countRule(Int(rule), bytes: context.size)
                    return Decision(lookups.outcomes[remembered].verdict, byRule: RuleIndex(rule))
                }
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
                    instruction, instructions.operands(of: place), remembered, values, bytes.bytes, frame, context)
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
                    Int(rule), of: timeoutProtocols[Int(rule)], packet: frame.vlanCount <= 1 ? frame.transportProtocol : nil)
                continue
            case .read:
                if let value = values.late(instruction.first, loads, bytes.bytes, frame, context) {
                    values.setSpare(value)
                } else {
                    next = Int(target)
                }
                continue
            case .calculate:
                if let value = calculated(
                    Int(rule), Int(instruction.count), values, bytes.bytes, frame, context)
                {
                    values.setSpare(value)
                } else {
                    next = Int(target)
                }
                continue
            case .draw:
                values.setSpare(values.draw(instruction.first))
                continue
            case .count:
                hits.countStatement(Int(instruction.first), bytes: context.size)
                continue
            case .countObject:
                hits.countObject(Int(instruction.first), bytes: context.size)
                continue
            case .limit:
                let number = Int(instruction.first)
                if !cells.pass(buckets[number], cell: number, bytes: context.size, at: context.instant.monotonic) {
                    next = Int(instruction.target)
                }
                continue
            case .quota:
                let number = Int(instruction.first)
                if !cells.pass(quotas[number], cell: buckets.count &+ number, bytes: context.size) { next = Int(instruction.target) }
                continue
            case .last:
                cells.note(context.instant.monotonic, cell: firstCell &+ Int(instruction.first))
                continue
            case .countConnections:
                if !connectionLists.pass(values.counted, list: Int(rule), at: context.instant.monotonic) { next = Int(target) }
                continue
            case .inChanging:
                guard let value = values[instruction.slot],
                    let isInside = dynamicSets.holds(
                        PackedKey(value & instructions.operands(of: place).mask), set: Int(instruction.first),
                        isNegated: instruction.isNegated, bytes: context.size,
                        connection: values.counted, at: context.instant.monotonic),
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
                        template: Int(instruction.count), bytes: context.size,
                        connection: values.counted, at: context.instant.monotonic)
                else {
                    next = Int(instruction.target)
                    continue
                }
                continue
            case .inChangingKey:
                let isInside = isInChanging(
                    Int(rule), values, bytes.bytes, frame, isNegated: instruction.isNegated, context)
                if isInside == nil || isInside == instruction.isNegated { next = Int(target) }
                continue
            case .changeKey:
                if !change(Int(rule), values, bytes.bytes, frame, context) { next = Int(target) }
                continue
            case .markChanging:
                if let mark = mapped(Int(rule), values, bytes.bytes, frame, context) {
                    values.setMark(mark)
                } else {
                    next = Int(target)
                }
                continue
            case .countMapped:
                hits.countObject(mappedObject(remembered), bytes: context.size)
                continue
            case .limitMapped:
                let number = mappedObject(remembered)
                if !cells.pass(buckets[number], cell: number, bytes: context.size, at: context.instant.monotonic) { next = Int(target) }
                continue
            case .quotaMapped:
                let number = mappedObject(remembered)
                if !cells.pass(quotas[number], cell: buckets.count &+ number, bytes: context.size) { next = Int(target) }
                continue
            case .log:
                hits.events.append(LoggedStatement(rule: RuleIndex(rule), statement: StatementIndex(instruction.count)))
                continue
            case .write, .copy, .writeMapped, .writeChanging:
                let copied: UInt128? =
                    switch instruction.operation {
                    case .copy: values[instruction.slot]
                    case .writeMapped: lookups.outcomes[remembered].value
                    case .writeChanging:
                        mapped(Int(instruction.count), values, bytes.bytes, frame, context)
                    default: nil
                    }
                let outcome =
                    instruction.operation != .write && copied == nil
                    ? .impossible
                    : writes[Int(instruction.first)].perform(on: &bytes, &frame, copied: copied, isChecksumPartial: isChecksumPartial)
                if outcome == .hopeless {
                    hits.countRule(Int(instruction.count), bytes: context.size)
                    return Decision(.drop, byRule: RuleIndex(instruction.count))
                }
                if outcome == .impossible {
                    next = Int(target)
                } else {
                    if outcome == .changed { isChanged = true }
                    cursor.forget()
                    read(&values, bytes.bytes, frame, context)
                }
                continue
            case .finish, .decide, .jump, .goto, .return, .endOfChain:
                break
            }
            switch end {
            case .seek, .inRange, .inSet, .inTrie, .inTable, .lookUp, .lookUpChanging, .mapped, .mark, .markMapped, .read, .calculate,
                .draw, .count,
                .countObject, .limit,
                .quota, .countConnections, .last, .inChanging,
                .change, .inChangingKey, .changeKey, .markChanging, .countMapped, .limitMapped, .quotaMapped, .log, .write, .copy,
                .writeMapped, .writeChanging,
                .markBits, .connectionMark, .connectionMarkMapped, .connectionMarkChanging, .connectionMarkBits, .notrack,
                .connectionTimeouts, .endOfChain:
                break
            case .finish:
                hits.countRule(Int(rule), bytes: context.size)
                continue
            case .decide:
                hits.countRule(Int(rule), bytes: context.size)
                return Decision(instruction.verdict, byRule: RuleIndex(rule))
            case .jump:
                hits.countRule(Int(rule), bytes: context.size)
                // Never full: jumps deeper than that do not compile.
                guard depth < returns.count else { return Decision(.drop, byRule: RuleIndex(rule)) }
                returns[depth] = Int32(truncatingIfNeeded: back)
                depth &+= 1
                next = Int(target)
                continue
            case .goto:
                hits.countRule(Int(rule), bytes: context.size)
                next = Int(target)
                continue
            case .return:
                hits.countRule(Int(rule), bytes: context.size)
            }
            guard depth > 0 else { return Decision(byPolicy: entry.policy) }
            depth &-= 1
            next = Int(returns[depth])
        }
    }

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

    /// Whether the element that was found has more to say than its key.
    @inline(__always)
    func isGuarded(_ outcome: Int) -> Bool { outcome >= 0 && lookups.outcomes[outcome].guardNumber >= 0 }

    /// In the counter of the element that the outcome belongs to, if it has one.
    @inline(__always)
    private func count(_ outcome: Int, _ context: FrameContext, _ hits: HitCounters) {
        if let counter = lookups.outcomes[outcome].counter.row { hits.countElement(counter, bytes: context.size) }
    }
}
