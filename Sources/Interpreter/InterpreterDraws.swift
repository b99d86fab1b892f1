import Classifier
import Decisions
import Ruleset

extension InterpreterState {
    /// The numbers that the statement draws for a frame; after what can't be read it draws none.
    func numbers(drawnBy statement: Statement, _ place: LoggedStatement, _ fields: InterpreterFields) -> [UInt128] {
        var numbers: [UInt128] = []
        for component in statement.traits.reads {
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
