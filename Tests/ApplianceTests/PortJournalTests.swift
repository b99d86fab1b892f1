import Appliance
import Foundation
import PacketIO
import Testing

@Suite struct PortJournalTests {
    private static func folder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)").path
    }

    private static let originals = PortOriginals(
        index: 7, mtu: 1500, ipv6Disabled: false, ipv6State: [], offloads: ["rx-gro-list"], hadHook: true)

    @Test func whatOneRunNotedTheNextReads() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            let journal = try PortJournal(port: "eth1", directory: folder)
            #expect(journal.read() == nil)
            try journal.write(Self.originals)
        }
        // The first run's lock went with it, as it goes with a process that is killed.
        let next = try PortJournal(port: "eth1", directory: folder)
        #expect(next.read() == Self.originals)
        next.remove()
        #expect(next.read() == Self.originals)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test func aShorterNoteLeavesNothingOfALongerOne() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let journal = try PortJournal(port: "eth1", directory: folder)
        var longer = Self.originals
        longer.offloads = Offloads.unbearable
        try journal.write(longer)
        try journal.write(Self.originals)
        #expect(journal.read() == Self.originals)
    }

    @Test func aPortHasOneRun() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try PortJournal(port: "eth1", directory: folder)
        let problem = #expect(throws: StartProblem.self) { _ = try PortJournal(port: "eth1", directory: folder) }
        #expect(problem?.description == "another Weir runs on eth1; stop it first")
        let other = try PortJournal(port: "eth2", directory: folder)
        #expect(other.read() == nil)
        first.remove()
    }

    @Test(arguments: ["", "{", "nonsense", "{\"index\":\"seven\"}", String(repeating: "[", count: 100_000)])
    func aDamagedNoteIsNone(_ text: String) throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            let journal = try PortJournal(port: "eth1", directory: folder)
            try journal.write(Self.originals)
        }
        let file = try #require(FileManager.default.contentsOfDirectory(atPath: folder).first)
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(file)"))
        #expect(try PortJournal(port: "eth1", directory: folder).read() == nil)
    }

    @Test func aFolderThatCanNotBeSaysSo() {
        let problem = #expect(throws: StartProblem.self) { _ = try PortJournal(port: "eth1", directory: "/proc/nothing/here") }
        #expect(problem?.description.contains("--state-directory") == true)
    }
}
