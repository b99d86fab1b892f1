import Ruleset

extension Statement {
    /// What the statement reads, in the order in which it does.
    var components: [MatchKey.Component] {
        switch self {
        case .match(let match): return match.loaded.key.components
        case .verdictMap(let map): return map.key.components
        case .objectMap(let map): return map.key.components
        case .update(let update):
            if case .field(let component) = update.data { return update.key.components + [component] }
            return update.key.components
        case .assignment(let assignment):
            switch assignment.value {
            case .constant: return []
            case .field(let field): return [MatchKey.Component(field)]
            case .bits(let component): return [component]
            case .shifted(let bits): return [MatchKey.Component(bits.field)]
            case .mapped(let map): return map.key.components
            }
        case .counter, .verdict, .limit, .quota, .object, .log, .notrack, .connectionCount: return []
        }
    }
}

extension InterpreterState {
    /// The numbers that the statement draws for a frame; behind what can't be read it draws none.
    func numbers(drawnBy statement: Statement, _ place: LoggedStatement, _ fields: InterpreterFields) -> [UInt128] {
        var numbers: [UInt128] = []
        for component in statement.components {
            if let generator = component.field.generator {
                let count = countDraw(numbers.count, of: place)
                let draw = NumberDraw(generator, seed: seed, at: place, ordinal: numbers.count)
                // By lot it draws what the program draws; in turn it counts for itself.
                numbers.append(
                    generator.mode == .random
                        ? UInt128(draw.number(after: count))
                        : UInt128(count % generator.modulus) + UInt128(generator.offset))
            } else if !fields.canRead(MatchKey(component)) {
                break
            }
        }
        return numbers
    }
}
