import FoundationEssentials
import Glibc
package import PacketIO
import Reporting
import Ruleset
import Storage
import Synchronization

/// The rule sets that were in force, with their texts, on disk: what `weir history` lists, `weir rollback` brings back, and a start goes by
/// after a trial or a change that the rule file does not have.
///
/// One index, and a file for each set of texts by its hash. Only the thread that loads rules changes it; others read what was last written.
public final class RuleArchive: Sendable {
    /// Bytes of the texts of one change.
    package static let largestContent = 16 << 20
    /// Bytes of all texts; the oldest make room.
    private static let largestSum = 64 << 20
    private static let largestIndex = 4 << 20
    /// JSON takes up to six bytes for one, and the names of what was included stand there twice.
    private static let largestFile = 8 * largestContent
    private static let indexName = "history.json"
    private static let contentSuffix = ".rules.json"
    /// Changes that are kept, at most; and without being asked for another number.
    public static let mostChanges = 1_000
    public static let usualChanges = 20

    private let folder: ArchiveFolder
    private let limit: Int
    private let index: Mutex<ChangeIndex>

    /// Opens the archive in a folder, which the first change makes if need be.
    /// - Parameters:
    ///   - limit: Changes to keep.
    ///   - group: Who may read its files.
    public init(_ path: String, limit: Int = usualChanges, group: UInt32? = nil) throws(StartProblem) {
        do throws(SystemCallError) {
            folder = try ArchiveFolder(path, group: group)
        } catch {
            throw StartProblem("the history of rules can't be kept: \(error)")
        }
        self.limit = max(2, min(limit, Self.mostChanges))
        let bytes = folder.read(Self.indexName, limit: Self.largestIndex)
        let known = bytes.flatMap { try? JSONDecoder().decode(ChangeIndex.self, from: Data($0)) }
        index = Mutex(known.flatMap { $0.isSound ? $0 : nil } ?? ChangeIndex())
    }

    /// The oldest first.
    public var changes: [RuleChange] { index.withLock { $0.changes } }

    /// The texts of a change; nil if they are gone or damaged.
    public func content(of number: Int) -> RulesContent? {
        guard let change = changes.first(where: { $0.number == number }), change.isKept else { return nil }
        return content(named: change.content)
    }

    private func content(named hash: String) -> RulesContent? {
        guard let bytes = folder.read(hash + Self.contentSuffix, limit: Self.largestFile),
            let content = try? JSONDecoder().decode(RulesContent.self, from: Data(bytes)), content.hash == hash
        else { return nil }
        return content
    }

    /// The change whose rules a start has to take in place of those of its rule file, which are as they were when that was decided.
    public func standing(for file: RulesContent) -> (change: RuleChange, content: RulesContent)? {
        let (decision, changes) = index.withLock { ($0.decision, $0.changes) }
        guard let decision, decision.file == file.hash, let change = changes.first(where: { $0.number == decision.change }),
            change.content != decision.file, let content = content(of: change.number)
        else { return nil }
        return (change, content)
    }

    // MARK: Only on the thread that loads rules

    /// What becomes of the archive with a change.
    package struct Entry {
        package var command: String
        package var content: RulesContent
        package var user: UInt32?
        package var process: Int32?
        package var comment: String?
        package var state = RuleChange.State.done

        package init(
            command: String, content: RulesContent, user: UInt32? = nil, process: Int32? = nil, comment: String? = nil,
            state: RuleChange.State = .done
        ) {
            self.command = command
            self.content = content
            self.user = user
            self.process = process
            self.comment = comment
            self.state = state
        }
    }

    /// Adds a change.
    /// - Parameter decision: What a start goes by from now on; it is told the number of the change.
    /// - Returns: The change's number.
    package func add(_ entry: Entry, decision: (Int) -> StandingDecision?) throws(SystemCallError) -> Int {
        var next = index.withLock { $0 }
        let number = (next.changes.last?.number ?? 0) + 1
        let hash = entry.content.hash
        let isKept = entry.content.byteCount <= Self.largestContent
        let isThere = next.changes.contains { $0.isKept && $0.content == hash } && content(named: hash) != nil
        if isKept, !isThere {
            try folder.write(hash + Self.contentSuffix, Self.encoded(entry.content))
        }
        next.changes.append(
            RuleChange(
                number: number, time: Clock.now().sinceEpoch / 1_000_000_000, command: entry.command, user: entry.user,
                process: entry.process, comment: entry.comment,
                files: entry.content.files.map { RuleFile(file: $0.name, sha256: SHA256.hexadecimal(of: $0.text.utf8)) },
                content: hash, isKept: isKept, state: entry.state))
        next.decision = decision(number)
        do throws(SystemCallError) {
            try write(trimmed(next))
        } catch {
            // A full disk has no room for texts that no index names.
            sweep(index.withLock { $0 })
            throw error
        }
        return number
    }

    /// Sees that the rules in force can be brought back, whatever has become of their texts meanwhile.
    /// - Parameter number: Their change; nil if the history lacks it.
    /// - Returns: Their change, which is a new one if there was none.
    package func keep(_ content: RulesContent, of number: Int?) throws(SystemCallError) -> Int {
        if let number, self.content(of: number) == content { return number }
        guard content.byteCount <= Self.largestContent else {
            throw SystemCallError(call: "keeping rules of \(content.byteCount) bytes", code: EFBIG)
        }
        let decision = index.withLock { $0.decision }
        return try add(Entry(command: "kept", content: content)) { number in
            decision.map { StandingDecision(file: $0.file, change: number) }
        }
    }

    /// Says what has become of a change.
    /// - Parameter decision: What a start goes by from now on; nil for its rule file.
    package func settle(_ number: Int, _ state: RuleChange.State, reason: String? = nil, decision: StandingDecision?)
        throws(SystemCallError)
    {
        var next = index.withLock { $0 }
        if let place = next.changes.firstIndex(where: { $0.number == number }) {
            next.changes[place].state = state
            next.changes[place].reason = reason
        }
        next.decision = decision
        do throws(SystemCallError) {
            try write(next)
        } catch {
            // Rules that went back have, whatever the disk says.
            if state == .returned { index.withLock { $0 = next } }
            throw error
        }
    }

    /// Trials of a run that is gone have ended.
    package func endTrials() throws(SystemCallError) {
        guard index.withLock({ $0.changes.contains { $0.state == .trial } }) else { return }
        var next = index.withLock { $0 }
        for place in next.changes.indices where next.changes[place].state == .trial {
            next.changes[place].state = .returned
            next.changes[place].reason = "the run ended before it was confirmed"
        }
        try write(next)
    }

    /// Without the oldest changes and texts that are beyond the limits. What a start goes by stays.
    private func trimmed(_ index: ChangeIndex) -> ChangeIndex {
        var index = index
        let needed = index.decision?.change
        while index.changes.count > limit, let oldest = index.changes.firstIndex(where: { $0.number != needed }) {
            index.changes.remove(at: oldest)
        }
        var sizes: [String: Int] = [:]
        var sum = 0
        for place in index.changes.indices.reversed() where index.changes[place].isKept {
            let change = index.changes[place]
            guard sizes[change.content] == nil else { continue }
            let size = folder.size(change.content + Self.contentSuffix)
            let isLast = place == index.changes.indices.last
            if sum + size > Self.largestSum, change.number != needed, !isLast {
                index.changes[place].isKept = false
                continue
            }
            sizes[change.content] = size
            sum += size
        }
        return index
    }

    /// The index first, then the texts that nobody needs any more go.
    private func write(_ next: ChangeIndex) throws(SystemCallError) {
        var next = next
        var bytes = Self.encoded(next)
        while bytes.count > Self.largestIndex {
            let spare = next.changes.dropLast().filter { $0.number != next.decision?.change }.prefix(next.changes.count / 8 + 1)
            guard !spare.isEmpty else { throw SystemCallError(call: "an index of \(bytes.count) bytes", code: EFBIG) }
            let numbers = Set(spare.map(\.number))
            next.changes.removeAll { numbers.contains($0.number) }
            bytes = Self.encoded(next)
        }
        try folder.write(Self.indexName, bytes)
        index.withLock { $0 = next }
        sweep(next)
    }

    private func sweep(_ index: ChangeIndex) {
        let needed = Set(index.changes.filter(\.isKept).map { $0.content + Self.contentSuffix })
        for name in folder.names where !needed.contains(name) && name != Self.indexName { folder.remove(name) }
    }

    private static func encoded(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { [UInt8]($0) } ?? []
    }
}
