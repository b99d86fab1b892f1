import Ruleset

// What elements of sets have beside their keys: counters, timeouts and statements.

extension Emitter {
    mutating func numberElements(of table: Table) throws(ProgramError) {
        firstCounters.removeAll()
        setGuards.removeAll()
        for set in table.sets where set.hasCounters && firstCounters[set.name] == nil {
            firstCounters[set.name] = elementCounters.count
            elementCounters += set.elements.map {
                ElementCounterReference(family: table.family, table: table.name, set: set.name, element: $0, text: set.text(of: $0.value))
            }
        }
        for set in table.sets where set.isGuarded && setGuards[set.name] == nil {
            if set.key.fields.count > 1, set.dynamics.hasTimeout, let location = set.firstOverlap {
                throw ProgramError(reason: .expiringOverlap(set.name), location: location)
            }
            setGuards[set.name] = try guards(of: set)
        }
        stateful.keys.end()
    }

    /// All that the file says of an element.
    private static func guardTitle(of element: SetElement, in set: NamedSet) -> String {
        "\(set.text(of: element.value)) \(set.lifetime(of: element) ?? 0)" + (element.statements.isEmpty ? "" : " \(element.statements)")
    }

    /// For each element the number of what it has beside its key. A guard without statements only knows when its elements go: all that go
    /// at the same time share one, and those that stay have none.
    private mutating func guards(of set: NamedSet) throws(ProgramError) -> [Int32] {
        var known: [UInt64: Int32] = [0: -1]
        var guards: [Int32] = []
        guards.reserveCapacity(set.elements.count)
        let title = "\(family.rawValue) \(tableName) \(set.declarationText)"
        for element in set.elements {
            let lifetime = (set.lifetime(of: element) ?? 0) &* 1_000_000
            let statements = set.statements(of: element)
            if statements.isEmpty, let shared = known[lifetime] {
                guards.append(shared)
                continue
            }
            // What several elements share is not one element's to keep.
            if statements.isEmpty { stateful.keys.end() } else { stateful.keys.begin(title + Self.guardTitle(of: element, in: set)) }
            let steps =
                statements.isEmpty ? [] : try guardSteps(statements, of: element, set: set.name, text: set.text(of: element.value))
            let number = try int32(stateful.add(ElementGuardPlan(lifetime: lifetime, steps: steps)))
            if statements.isEmpty { known[lifetime] = number }
            guards.append(number)
        }
        return guards
    }

    /// For each element of a set in a rule the number of what its statements ask; empty if none has statements.
    mutating func guards(of elements: [SetElement], _ key: MatchKey) throws(ProgramError) -> [Int32] {
        guard elements.contains(where: { !$0.statements.isEmpty }) else { return [] }
        var guards: [Int32] = []
        for element in elements {
            if element.statements.isEmpty {
                guards.append(-1)
                continue
            }
            let steps = try guardSteps(
                element.statements, of: element, set: "in line \(element.location.line)", text: key.text(of: element.value))
            guards.append(try int32(stateful.add(ElementGuardPlan(lifetime: 0, steps: steps))))
        }
        return guards
    }

    private mutating func guardSteps(
        _ statements: [ElementStatement], of element: SetElement, set: String, text: String
    ) throws(ProgramError) -> [ElementGuardStep] {
        var steps: [ElementGuardStep] = []
        for statement in statements {
            switch statement {
            case .counter(let packets, let bytes):
                steps.append(ElementGuardStep(kind: .counter, number: try int32(elementCounters.count)))
                var counted = element
                counted.counter = SetElement.Counter(packets: packets, bytes: bytes)
                elementCounters.append(
                    ElementCounterReference(family: family, table: tableName, set: set, element: counted, text: text))
            case .limit(let limit):
                steps.append(ElementGuardStep(kind: .limit, number: try int32(try stateful.add(limit, element.location))))
            case .quota(let quota): steps.append(ElementGuardStep(kind: .quota, number: try int32(stateful.add(quota))))
            case .last(let last):
                steps.append(ElementGuardStep(kind: .last, number: try int32(stateful.add(.last(last, ofElementOf: rules.count - 1)))))
            case .connectionCount(let count):
                steps.append(
                    ElementGuardStep(kind: .connectionCount, number: try int32(try stateful.add(count, ofElementAt: element.location))))
            }
        }
        return steps
    }
}
