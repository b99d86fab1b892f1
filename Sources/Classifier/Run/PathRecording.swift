import Decisions
public import Storage
public import Wire

// A way through the rules, recorded.
extension Program {
    /// Goes the way of a packet through the rules, counts nothing and remembers nothing. Parameters as `classify`'s.
    /// - Parameter recorder: Is told of the way. The first of several sections begins with `PathRecorder.begin`.
    @inline(never)
    public func record(
        _ bytes: RawSpan, _ frame: ParsedFrame, ingress: UInt8, at instant: Instant, section: PathSection = .whole,
        after before: Classification = .none, connection: PacketConnection, into recorder: PathRecorder
    ) -> Classification {
        let first = section == .afterTracking ? chainsBeforeTracking : 0
        let end = section == .beforeTracking ? chainsBeforeTracking : baseChains.count
        var connection = connection
        return unsafe withUnsafeMutablePointer(to: &connection) { connection in
            unsafe withUnsafeTemporaryAllocation(of: UInt128.self, capacity: LoadedValues.capacity) { slots in
                var values = unsafe LoadedValues(
                    in: slots, connection: connection, live: untracked, draws: draws.view, path: path.view)
                values.setMark(UInt128(before.mark))
                values.readConnection(loads, slots: connectionSlots)
                let context = FrameContext(ingress: ingress, instant: instant)
                read(&values, bytes, frame, context)
                let kind = FrameKinds(of: frame)
                var result = before
                for index in first..<end {
                    let entry = entryPoints[index]
                    guard entry.frames.contains(kind) else { continue }
                    let port = Load.port(ingress)
                    values.set(0, entry.hidesIngress ? 0 : port)
                    values.set(1, entry.hidesEgress ? 0 : port)
                    var walk = PathWalk(countsPackets: entry.countsPackets)
                    result.decision = self.walk(entry, &walk, &values, bytes, frame, context, recorder)
                    result.decision.baseChain = BaseChainIndex(Int32(truncatingIfNeeded: index))
                    if recorder.cause != nil || !result.decision.verdict.isAccepting { break }
                }
                if !result.decision.verdict.isAccepting { recorder.keep(.verdict, by: result.decision.rule) }
                result.mark = UInt32(truncatingIfNeeded: values.frameMark)
                recorder.decision = result.decision
                return result
            }
        }
    }

    /// The rule whose instructions end at or after a place.
    private func rule(at place: Int) -> RuleIndex {
        for next in place..<instructions.count {
            switch instructions[next].operation {
            case .finish, .decide, .jump, .goto, .return, .mapped: return RuleIndex(instructions[next].first)
            case .endOfChain: return .none
            default: continue
            }
        }
        return .none
    }

    private func walk(
        _ entry: EntryPoint, _ walk: inout PathWalk, _ values: inout LoadedValues, _ bytes: RawSpan, _ frame: ParsedFrame,
        _ context: FrameContext, _ recorder: PathRecorder
    ) -> Decision {
        var returns = InlineArray<16, Int32>(repeating: 0)
        var depth = 0
        var cursor = ChainCursor()
        var next = Int(entry.start)
        var remembered = 0
        while recorder.cause == nil {
            let place = next
            let instruction = instructions[place]
            next &+= 1
            let rule = instruction.first
            var end = instruction.operation
            var target = instruction.target
            var back = next
            switch instruction.operation {
            case .seek:
                guard isConstant(chain: instruction.first, frame, values.connection, recorder) else { continue }
                next = chainIndices.seek(instruction.first, from: instruction.count, next: next, &cursor, values)
                if next >= 0 { continue }
                let found = cursor.found
                if let counter = found.counter.row { recorder.add(.statement, counter, walk.countsPackets) }
                if let rule = found.rule.row { recorder.add(.rule, rule, walk.countsPackets) }
                return Decision(found.verdict, byRule: found.rule)
            case .inRange, .inSet, .inTrie:
                let operands = instructions.operands(of: place)
                guard
                    isConstant(slot: instruction.slot, load: walk.spare, mask: operands.mask, frame, values.connection, recorder)
                else { return kept(.field, place, recorder) }
                if !holds(instruction, operands, values) { next = Int(target) }
                continue
            case .inTable, .lookUp:
                guard isConstant(table: Int(rule), frame, values.connection, recorder) else { return kept(.field, place, recorder) }
                let found = lookups.find(Int(rule), values, loads, bytes, frame, context)
                // Its time ends, or its statements look at each packet.
                if isGuarded(found) { return kept(.set, place, recorder) }
                // A map's lookup is never negated.
                if found == LookupTables.Missing.unreadable || (found >= 0) == instruction.isNegated {
                    next = Int(target)
                    continue
                }
                if instruction.operation == .lookUp { remembered = found }
                if found >= 0, let counter = lookups.outcomes[found].counter.row {
                    recorder.add(.element, counter, walk.countsPackets)
                }
                continue
            case .mapped:
                back = Int(target)
                end = lookups.outcomes[remembered].end
                target = lookups.outcomes[remembered].target
                if end == .finish { continue }
                if end == .decide {
                    recorder.add(.rule, Int(rule), walk.countsPackets)
                    return Decision(lookups.outcomes[remembered].verdict, byRule: RuleIndex(rule))
                }
            case .mark:
                values.setMark(instructions.operands(of: place).low)
                continue
            case .markMapped:
                values.setMark(lookups.outcomes[remembered].value)
                continue
            case .read:
                if rule < 0 { return kept(.draw, place, recorder) }
                walk.spare = rule
                if let value = values.late(rule, loads, bytes, frame, context) { values.setSpare(value) } else { next = Int(target) }
                // What can't be read in this packet might be there in another.
                if next == Int(target), !isConstant(load: rule, mask: nil, frame, values.connection, recorder) {
                    return kept(.field, place, recorder)
                }
                continue
            case .count:
                recorder.add(.statement, Int(rule), walk.countsPackets)
                continue
            case .countObject:
                recorder.add(.object, Int(rule), walk.countsPackets)
                continue
            case .countMapped:
                recorder.add(.object, Int(truncatingIfNeeded: lookups.outcomes[remembered].value), walk.countsPackets)
                continue
            case .draw: return kept(.draw, place, recorder)
            case .limit, .quota, .countConnections, .limitMapped, .quotaMapped: return kept(.limit, place, recorder)
            case .last: return kept(.last, place, recorder)
            case .log: return kept(.log, place, recorder)
            case .inChanging, .inChangingKey, .markChanging, .lookUpChanging, .change, .changeKey: return kept(.set, place, recorder)
            case .write, .copy, .writeMapped, .writeChanging: return kept(.change, place, recorder)
            case .connectionMark, .connectionMarkMapped, .connectionMarkChanging, .connectionMarkBits, .notrack, .connectionTimeouts:
                return kept(.connection, place, recorder)
            case .markBits, .calculate: return kept(.field, place, recorder)
            case .finish, .decide, .jump, .goto, .return, .endOfChain:
                break
            }
            switch end {
            case .finish:
                recorder.add(.rule, Int(rule), walk.countsPackets)
                continue
            case .decide:
                recorder.add(.rule, Int(rule), walk.countsPackets)
                return Decision(instruction.verdict, byRule: RuleIndex(rule))
            case .jump:
                recorder.add(.rule, Int(rule), walk.countsPackets)
                guard depth < returns.count else { return Decision(.drop, byRule: RuleIndex(rule)) }
                returns[depth] = Int32(truncatingIfNeeded: back)
                depth &+= 1
                next = Int(target)
                continue
            case .goto:
                recorder.add(.rule, Int(rule), walk.countsPackets)
                next = Int(target)
                continue
            case .return:
                recorder.add(.rule, Int(rule), walk.countsPackets)
            default: break
            }
            guard depth > 0 else { return Decision(byPolicy: entry.policy) }
            depth &-= 1
            next = Int(returns[depth])
        }
        return Decision(byPolicy: entry.policy)
    }

    private func kept(_ cause: KeptBackCause, _ place: Int, _ recorder: PathRecorder) -> Decision {
        recorder.keep(cause, by: rule(at: place))
        return Decision(byPolicy: .accept)
    }

    private func holds(_ instruction: Step, _ operands: Operands, _ values: borrowing LoadedValues) -> Bool {
        guard let loaded = values[instruction.slot] else { return false }
        let value = loaded & operands.mask
        switch instruction.operation {
        case .inRange: return (operands.low <= value && value <= operands.high) != instruction.isNegated
        case .inSet:
            let found = lookups.intervals.index(holding: value, from: Int(instruction.first), count: Int(instruction.count))
            return (found != nil) != instruction.isNegated
        default: return lookups.isInTrie(instruction, mask: operands.mask, values)
        }
    }

    /// True if a rule sets `ct mark`.
    private var marksConnections: Bool {
        (0..<instructions.count).contains { place in
            switch instructions[place].operation {
            case .connectionMark, .connectionMarkMapped, .connectionMarkChanging, .connectionMarkBits: true
            default: false
            }
        }
    }

    // MARK: What is the same in all packets of a flow

    private func isConstant(
        chain: Int32, _ frame: ParsedFrame, _ connection: PacketConnection, _ recorder: PathRecorder
    ) -> Bool {
        let selectors = chainIndices.chains[Int(chain)].selectors
        for number in 0..<Int(selectors.count) {
            let selector = chainIndices.selectors[Int(selectors.first) &+ number]
            guard isConstant(slot: selector.slot, load: 0, mask: selector.mask, frame, connection, recorder) else { return false }
        }
        return true
    }

    private func isConstant(table: Int, _ frame: ParsedFrame, _ connection: PacketConnection, _ recorder: PathRecorder) -> Bool {
        let parts = lookups.tables[table].parts
        for number in 0..<Int(parts.count) {
            let part = lookups.parts[Int(parts.first) &+ number]
            guard isConstant(slot: part.slot, load: part.load, mask: part.mask, frame, connection, recorder) else { return false }
        }
        return true
    }

    /// - Parameter load: What the spare slot holds.
    private func isConstant(
        slot: UInt8, load: Int32, mask: UInt128, _ frame: ParsedFrame, _ connection: PacketConnection, _ recorder: PathRecorder
    ) -> Bool {
        // It is 0 at first, and only recorded rules set it.
        if slot == UInt8(LoadedValues.mark) { return true }
        let load = slot == UInt8(LoadedValues.spare) ? load : Int32(slot)
        return isConstant(load: load, mask: mask, frame, connection, recorder)
    }

    /// - Parameter mask: nil for all bits.
    private func isConstant(
        load: Int32, mask: UInt128?, _ frame: ParsedFrame, _ connection: PacketConnection, _ recorder: PathRecorder
    ) -> Bool {
        guard load >= 0, Int(load) < loads.count else { return false }
        let load = loads[Int(load)]
        switch load.base {
        case .ingress, .egress, .networkProtocol, .transportProtocol, .constant, .family: return true
        case .packetType, .packetTypeToHost:
            recorder.noteAddresses()
            return true
        case .connection: return isConstant(load.connection, connection)
        case .link, .network, .packet, .transport:
            let all: UInt128 = load.count >= 16 ? .max : (1 << (8 * UInt128(load.count))) - 1
            let mask = (mask ?? .max) & all
            for place in 0..<Int(load.count) {
                let octet = UInt8(truncatingIfNeeded: mask >> UInt128(8 * (Int(load.count) - 1 - place)))
                guard octet & ~constantBits(load.base, octet: Int(load.end) - Int(load.count) + place, frame, recorder) == 0 else {
                    return false
                }
            }
            return true
        default: return false
        }
    }

    private func isConstant(_ load: ConnectionLoad, _ connection: PacketConnection) -> Bool {
        switch load.kind {
        case .state, .direction, .networkProtocol, .transportProtocol, .sourceAddress, .destinationAddress, .sourceAddress6,
            .destinationAddress6, .sourcePort, .destinationPort, .zone:
            true
        // It changes once more, when the flow is assured.
        case .status: connection.status.contains(.assured)
        case .mark: !marksConnections
        case .expiration, .bytes, .packets, .averageBytes: false
        }
    }

    /// Bits of one octet that are the same in all plain packets of the flow.
    private func constantBits(_ base: Load.Base, octet: Int, _ frame: ParsedFrame, _ recorder: PathRecorder) -> UInt8 {
        switch base {
        case .link:
            switch octet {
            case 0..<12:
                recorder.noteAddresses()
                return 0xff
            case 12, 13: return 0xff
            // Not the priority.
            case 14: return frame.ruleTag == nil ? 0 : 0x0f
            case 15...17: return frame.ruleTag == nil ? 0 : 0xff
            default: return 0
            }
        case .network, .packet:
            switch (frame.network, octet) {
            // Version and header length; the fragment bits but DF; the protocol; the addresses (RFC 791, section 3.1).
            case (.ipv4, 0), (.ipv4, 7), (.ipv4, 9), (.ipv4, 12..<20): return 0xff
            case (.ipv4, 6): return 0xbf
            // Version; next header; addresses (RFC 8200, section 3).
            case (.ipv6, 0): return 0xf0
            case (.ipv6, 6), (.ipv6, 8..<40): return 0xff
            default: return 0
            }
        case .transport:
            switch frame.transportProtocol {
            case IPProtocol.tcp?, IPProtocol.udp?, IPProtocol.udpLite?: return octet < 4 ? 0xff : 0
            // Type, code and identifier of an echo (RFC 792, RFC 4443).
            case IPProtocol.icmp?, IPProtocol.icmpv6?: return [0, 1, 4, 5].contains(octet) ? 0xff : 0
            default: return 0
            }
        default: return 0
        }
    }
}

/// What a walk through a base chain goes by.
private struct PathWalk {
    var countsPackets: Bool
    /// The load that the spare slot holds.
    var spare: Int32 = -1
}
