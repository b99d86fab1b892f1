import Appliance
import Glibc
import Ruleset

/// Memory that rules may take while they are read, spent file by file before it is taken.
final class ReadingBudget {
    /// Bytes; nil for any number of them.
    private let limit: Int?
    private(set) var cost = ReadingCost()

    /// - Parameter limit: nil for none.
    init(limit: Int? = nil) {
        self.limit = limit
    }

    /// Refuses a file that is too long, before it is read.
    func expectRoom(for descriptor: Int32, _ path: String) throws(RulesFile.FileFailure) {
        var status = stat()
        guard let limit, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        // The octets as they are read, and again as text.
        try expect(cost.bytes + 3 * Int(status.st_size), within: limit, path)
    }

    /// Spends what reading the text will take, or refuses it.
    func take(_ text: String, _ path: String) throws(RulesFile.FileFailure) {
        cost.add(text)
        if let limit { try expect(cost.bytes, within: limit, path) }
    }

    private func expect(_ bytes: Int, within limit: Int, _ path: String) throws(RulesFile.FileFailure) {
        guard bytes > limit else { return }
        throw RulesFile.FileFailure(
            reason: "reading \(path) would take some \(MemoryAmount(bytes)) of memory, and \(MemoryAmount(limit)) may be taken "
                + "(--reload-memory, and what the machine or the control group has left)", exitCode: .badRules)
    }
}

/// What a reload may take of the machine's memory.
struct ReloadMemory: Sendable {
    /// As asked for with `--reload-memory`.
    var asked: Int?

    /// Bytes that may be taken now: what is asked for, or half of all there is, and no more than is left.
    var limit: Int {
        guard let machine = MachineMemory() else { return asked ?? .max }
        // Who asks for more than a guess knows better.
        if let asked, machine.unseenGroup != nil { return asked }
        return min(asked ?? machine.total / 2, machine.available)
    }
}

/// Bytes, for people.
struct MemoryAmount: CustomStringConvertible {
    let bytes: Int

    init(_ bytes: Int) {
        self.bytes = bytes
    }

    var description: String {
        bytes < 10 << 10 ? "\(bytes) bytes" : bytes < 10 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
    }
}
