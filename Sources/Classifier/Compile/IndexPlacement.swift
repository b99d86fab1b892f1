import Ruleset

extension Emitter {
    /// Gives the chain that was emitted last an index, if it pays.
    /// - Parameter rules: Where each rule begins, and after the last where the chain ends.
    mutating func index(_ rules: [Int], of chain: Chain, in table: Table) throws(ProgramError) {
        let number = try int32(chainIndices.count)
        let cost = chainIndices.add(
            instructions, rules: rules, intervals: tables.intervals, loads: loads, changesFrames: table.changesFrames, indexing: indexing)
        if cost != nil {
            // Before each rule the index is asked; rules move after it, and what leads to a rule leads to its question.
            let numbers = Dictionary(uniqueKeysWithValues: rules.enumerated().map { ($0.element, $0.offset) })
            var moved: [Instruction] = []
            var places: [Int] = []
            for rule in 0..<rules.count {
                if rule < rules.count - 1 { moved.append(Instruction(operation: .seek, first: number, count: try int32(rule))) }
                for place in rules[rule]..<(rule < rules.count - 1 ? rules[rule + 1] : instructions.count) {
                    places.append(rules[0] + moved.count)
                    var instruction = instructions[place]
                    if let target = numbers[Int(instruction.target)], Int(instruction.target) > place {
                        instruction.target = try int32(rules[target] + target)
                    }
                    moved.append(instruction)
                }
            }
            for index in unresolved.indices where unresolved[index].instruction >= rules[0] {
                unresolved[index].instruction = places[unresolved[index].instruction - rules[0]]
            }
            instructions.replaceSubrange(rules[0]..., with: moved)
        }
        chainStatistics.append(
            ChainStatistics(
                family: table.family, table: table.name, chain: chain.name, rules: rules.count - 1,
                instructions: instructions.count - rules[0], index: cost.map { IndexStatistics($0) }))
    }
}
