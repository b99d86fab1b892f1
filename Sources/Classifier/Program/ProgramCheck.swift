public import Ruleset

extension Program {
    /// Throws what compiling a checked tree for any two ports would throw, and keeps nothing. Indices are not made: none of them is refused.
    public static func check(_ ruleset: Ruleset) throws(ProgramError) {
        try checkJumps(in: ruleset)
        var emitter = Emitter(ports: ["", " "], indexing: .never)
        try emitter.emit(ruleset)
    }
}
