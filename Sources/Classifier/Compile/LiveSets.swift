public import Ruleset
public import Storage

/// Elements that are put into a set, or taken out of it, while a program runs.
public struct SetChange: Sendable {
    struct Item: Sendable {
        var key: PackedKey
        /// Nanoseconds that it lives; 0 for the set's own timeout.
        var timeout: UInt64
    }

    let set: Int
    let items: [Item]
    public let isRemoval: Bool

    public var count: Int { items.count }
}

/// What became of a part of a change.
public struct SetChangeOutcome: Sendable {
    /// Where the next part begins; nil after the last.
    public var place: Int? = 0
    /// Elements that were put in or taken out.
    public var changed = 0
    /// Elements that were there already, or were not there.
    public var unchanged = 0
    /// Elements that the set had no room for.
    public var refused = 0

    /// Before the first part.
    public init() {}
}

/// Elements of a set as they are read, in parts, with memory that is there before. For one thread at a time.
public final class SetElementPart {
    fileprivate var keys: [(key: PackedKey, left: UInt64?)] = []
    private let capacity: Int

    public init(capacity: Int) {
        self.capacity = capacity
        keys.reserveCapacity(capacity)
    }

    /// Where to go on; nil after the last.
    public fileprivate(set) var place: Int? = 0

    fileprivate var room: Int { capacity }
}

/// Why elements can't be put into a set or taken out of it.
public enum SetChangeError: Error {
    /// The text can't be read as elements of the set.
    case rejected(RejectedRuleset)
    case message(String)
}

extension Program {
    /// The set of that name; of those in several tables the table has to be said, as in `bridge filter banned`.
    /// - Returns: Index into `changingSets`, or in words why there is none.
    public func changingSet(named name: String) -> Result<Int, SetChangeError> {
        let found = changingSets.indices.filter { index in
            let set = changingSets[index]
            return set.name == name || "\(set.tableTitle) \(set.name)" == name
        }
        if found.count == 1 { return .success(found[0]) }
        if found.isEmpty {
            return .failure(
                .message(
                    "no set of that name can be changed; a set can if it has \"flags dynamic\", \"flags timeout\" or a timeout, or if rules change it"
                ))
        }
        let titles = found.map { "\"\(changingSets[$0].tableTitle) \(name)\"" }
        return .failure(.message("there are several: \(titles.joined(separator: ", "))"))
    }

    /// Reads elements as `nft add element` takes them, between its braces.
    public func change(ofSet index: Int, elements text: String, isRemoval: Bool) throws(SetChangeError) -> SetChange {
        guard changingSets.indices.contains(index) else { throw .message("there is no such set") }
        let set = changingSets[index]
        guard !set.isMap else { throw .message("\(set.name) is a map; only the elements of sets can be changed") }
        let table = Table(family: set.family, name: set.table, sets: [set.declaration], chains: [], location: set.declaration.location)
        let declared = Ruleset(sources: [], tables: [table]).printed()
        let command = "add element \(set.family.rawValue) \(set.table) \(set.name) { \(text) }\n"
        let ruleset: Ruleset
        do throws(RejectedRuleset) {
            ruleset = try Ruleset.read(SourceFile(name: "elements", text: declared + command)).ruleset
        } catch {
            throw .rejected(error)
        }
        guard ruleset.tables.count == 1, ruleset.tables[0].sets.count == 1, ruleset.tables[0].chains.isEmpty else {
            throw .message("only elements can stand here")
        }
        let elements = ruleset.tables[0].sets[0].elements
        guard elements.allSatisfy({ $0.statements.isEmpty || $0.statements == set.declaration.dynamics.statements }) else {
            throw .message("elements with statements of their own can't be put in")
        }
        let plan: DynamicSetPlan
        do throws(ProgramError) {
            var emitter = StatefulEmitter(ports: ports)
            plan = try emitter.plan(ofElements: ruleset.tables[0])
        } catch {
            throw .message("\(error)")
        }
        return SetChange(set: index, items: plan.elements.map { SetChange.Item(key: $0.key, timeout: $0.timeout) }, isRemoval: isRemoval)
    }

    /// Makes a part of a change: a lookup or an insertion each, under the set's lock. For a worker, which is never held up under it.
    public func apply(_ change: SetChange, _ outcome: inout SetChangeOutcome, count: Int, at instant: Instant) {
        guard let start = outcome.place, changingSets.indices.contains(change.set) else { return outcome.place = nil }
        let set = changingSets[change.set]
        let end = min(start + count, change.items.count)
        for place in start..<max(start, end) {
            let item = change.items[place]
            let result =
                change.isRemoval
                ? dynamicSets.take(item.key, set: set.number, at: instant.monotonic)
                : dynamicSets.put(item.key, set: set.number, template: set.template, timeout: item.timeout, at: instant.monotonic)
            switch result {
            case .changed: outcome.changed += 1
            case .unchanged: outcome.unchanged += 1
            case .refused: outcome.refused += 1
            }
        }
        outcome.place = end < change.items.count ? end : nil
    }

    /// Reads a part of a set. For a worker, as `apply`.
    public func read(_ part: SetElementPart, ofSet index: Int, at instant: Instant) {
        part.keys.removeAll(keepingCapacity: true)
        guard let start = part.place, changingSets.indices.contains(index) else { return part.place = nil }
        part.place = dynamicSets.elements(set: changingSets[index].number, from: start, count: part.room, at: instant.monotonic) {
            key, left in
            part.keys.append((key, left))
        }
    }

    /// The elements of a part as nft lists them, with how long they live, in nanoseconds; nil for ever.
    public func texts(of part: SetElementPart, ofSet index: Int) -> [(element: String, left: UInt64?)] {
        guard changingSets.indices.contains(index) else { return [] }
        let declaration = changingSets[index].declaration
        return part.keys.map { entry in
            var word = 0
            let values = declaration.key.fields.map { field in
                defer { word += PackedKey.words(of: field) }
                return value(entry.key, field, word)
            }
            return (declaration.text(of: values.count == 1 ? values[0] : .concatenation(values)), entry.left)
        }
    }

    private func value(_ key: PackedKey, _ field: Field, _ word: Int) -> Value {
        let number = key.value(bits: field.isInterface ? 32 : field.bitWidth, atWord: word)
        guard field.isInterface else { return .number(number) }
        return .interface(ports.indices.first { number == 1 << UInt128($0) }.map { ports[$0] } ?? "?", isPrefix: false)
    }
}
