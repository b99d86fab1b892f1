import Storage
import Wire

// What is read again, lookups of keys that are put together, and what is assigned from them.
extension Program {
    /// The connection's new mark; nil where the rule ends.
    @inline(never)
    func connectionMark(
        _ instruction: Step, _ operands: Operands, _ remembered: Int, _ values: borrowing LoadedValues, _ bytes: RawSpan,
        _ frame: ParsedFrame,
        _ context: FrameContext
    ) -> UInt128? {
        switch instruction.operation {
        case .connectionMarkMapped: lookups.outcomes[remembered].value
        case .connectionMarkChanging: mapped(Int(instruction.first), values, bytes, frame, context)
        case .connectionMarkBits: values[instruction.slot].map { (shifted($0, instruction.first) & operands.mask) ^ operands.low }
        default: operands.low
        }
    }

    /// nil where the key can't be read, or the element's own statements end the rule.
    func isInChanging(
        _ number: Int, _ values: borrowing LoadedValues, _ bytes: RawSpan, _ frame: ParsedFrame, isNegated: Bool, _ context: FrameContext
    ) -> Bool? {
        let access = accesses.accesses[number]
        guard let key = accesses.key(of: access, values, loads, bytes, frame, context) else { return nil }
        return dynamicSets.holds(
            key, set: Int(access.set), isNegated: isNegated, bytes: context.size, connection: values.counted, at: context.instant.monotonic)
    }

    func change(
        _ number: Int, _ values: borrowing LoadedValues, _ bytes: RawSpan, _ frame: ParsedFrame, _ context: FrameContext
    ) -> Bool {
        let access = accesses.accesses[number]
        guard let key = accesses.key(of: access, values, loads, bytes, frame, context),
            let data = accesses.data(of: access, values, loads, bytes, frame, context)
        else { return false }
        return dynamicSets.change(
            key, data: data, set: Int(access.set), template: Int(access.template), bytes: context.size, connection: values.counted,
            at: context.instant.monotonic)
    }

    func mapped(
        _ number: Int, _ values: borrowing LoadedValues, _ bytes: RawSpan, _ frame: ParsedFrame, _ context: FrameContext
    ) -> UInt128? {
        let access = accesses.accesses[number]
        guard let key = accesses.key(of: access, values, loads, bytes, frame, context) else { return nil }
        return dynamicSets.mapped(key, set: Int(access.set), bytes: context.size, connection: values.counted, at: context.instant.monotonic)
    }

    /// Reads all that rules ask for into its slots, at first and after a change.
    ///
    /// Never inlined: the frame, which rules may change, is then copied once, and not for each load.
    @inline(never)
    func read(
        _ values: inout LoadedValues, _ bytes: RawSpan, _ frame: ParsedFrame, _ context: FrameContext
    ) {
        for slot in Self.portLoads..<min(loads.count, LoadedValues.mark) where loads[slot].base != .connection {
            if let value = loads[slot].value(bytes, frame, context) {
                values.set(slot, value)
            } else {
                values.clear(slot)
            }
        }
    }
}

/// To the left or, below 0, to the right.
@inline(__always)
func shifted(_ bits: UInt128, _ distance: Int32) -> UInt128 {
    distance < 0 ? bits &>> UInt128(distance.magnitude) : bits &<< UInt128(distance.magnitude)
}

extension Program {
    /// What a calculation comes to; nil where one of its fields can't be read in this frame.
    @inline(never)
    func calculated(
        _ first: Int, _ count: Int, _ values: borrowing LoadedValues, _ bytes: RawSpan, _ frame: ParsedFrame, _ context: FrameContext
    ) -> UInt128? {
        var stack = InlineArray<8, UInt128>(repeating: 0)
        // The number above all others stands apart.
        var top: UInt128 = 0
        var height = 0
        for index in first..<first &+ count {
            let step = calculations[index]
            switch step.kind {
            case .load:
                let loaded =
                    step.slot == UInt8(LoadedValues.spare)
                    ? values.late(step.load, loads, bytes, frame, context) : values[step.slot]
                guard let loaded, height < CalculationStep.depth else { return nil }
                stack[height] = top
                height &+= 1
                top = (loaded & step.mask) &>> UInt128(step.distance)
            case .shift: top = shifted(top, step.distance) & step.mask
            case .bits: top = (top & step.mask) ^ step.xor
            case .or, .exclusiveOr, .and:
                height &-= 1
                guard height >= 0 else { return nil }
                let other = stack[height]
                top = step.kind == .or ? other | top : step.kind == .and ? other & top : other ^ top
            }
        }
        return top
    }
}
