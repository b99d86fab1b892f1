import Appliance
import Foundation
import PacketIO
import Testing

@Suite struct PortJournalTests {
    private static func folder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)").path
    }

    private static func link(_ index: Int32 = 7, address: UInt8 = 1, permanent: UInt8? = nil, mtu: UInt32 = 1500) -> Link {
        var link = Link(index: index, name: "eth1", mtu: mtu, hardwareType: 1, master: 0)
        link.address = [2, 0, 0, 0, 0, address]
        link.permanentAddress = permanent.map { [2, 0, 0, 0, 1, $0] } ?? []
        return link
    }

    private static func originals(_ link: Link = link()) -> PortOriginals {
        PortOriginals(of: link, ipv6Disabled: false, ipv6State: [], offloads: ["rx-gro-list"], hadHook: true)
    }

    @Test func whatOneRunNotedTheNextReads() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try PortJournal(directory: folder).write(Self.originals())
        let next = try PortJournal(directory: folder)
        #expect(next.read(about: Self.link()) == Self.originals())
        #expect(next.read(about: Self.link(8)) == nil)
        next.remove(about: 7)
        #expect(next.read(about: Self.link()) == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    /// Whose note it is: noted about index 7 with the addresses 1, and an MTU of 1500 that is 1516 for the run.
    @Test(arguments: [
        ("the same", link(), link(mtu: 1516), true),
        ("another address under the same index", link(), link(address: 2), false),
        ("another index, and an MTU that Weir didn't leave", link(), link(9), false),
        ("another index, and the MTU that Weir left: it was away", link(), link(9, mtu: 1516), true),
        ("another index and address", link(), link(9, address: 2, mtu: 1516), false),
        ("an address of its own, and another in use", link(permanent: 1), link(address: 2, permanent: 1), true),
        ("another address of its own", link(permanent: 1), link(permanent: 2), false),
        ("one with an address of its own, and one without", link(permanent: 1), link(), false),
        ("with an address of its own it was away", link(permanent: 1), link(9, address: 3, permanent: 1, mtu: 1516), true),
    ])
    func whoseNoteItIs(_ what: String, _ noted: Link, _ now: Link, _ isIts: Bool) throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let journal = try PortJournal(directory: folder)
        try journal.write(Self.originals(noted))
        #expect((journal.read(about: now) != nil) == isIts, "\(what)")
    }

    @Test func aShorterNoteLeavesNothingOfALongerOne() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let journal = try PortJournal(directory: folder)
        var longer = Self.originals()
        longer.offloads = Offloads.unbearable
        try journal.write(longer)
        try journal.write(Self.originals())
        #expect(journal.read(about: Self.link()) == Self.originals())
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
    }

    @Test(arguments: ["", "{", "nonsense", "{\"index\":\"seven\"}", String(repeating: "[", count: 100_000)])
    func aDamagedNoteIsNone(_ text: String) throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let journal = try PortJournal(directory: folder)
        try journal.write(Self.originals())
        let file = try #require(FileManager.default.contentsOfDirectory(atPath: folder).first)
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(file)"))
        #expect(journal.read(about: Self.link()) == nil)
    }

    @Test func nobodysLinkIsFollowed() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let journal = try PortJournal(directory: folder)
        try journal.write(Self.originals())
        let name = try #require(FileManager.default.contentsOfDirectory(atPath: folder).first)
        let (note, victim) = (URL(filePath: "\(folder)/\(name)"), URL(filePath: "\(folder)/victim"))
        for place in [note, URL(filePath: note.path + ".new")] {
            try Data("precious".utf8).write(to: victim)
            try? FileManager.default.removeItem(at: place)
            try FileManager.default.createSymbolicLink(at: place, withDestinationURL: victim)
            try journal.write(Self.originals())
            #expect(try Data(contentsOf: victim) == Data("precious".utf8))
            #expect(journal.read(about: Self.link()) == Self.originals())
        }
    }

    @Test(arguments: ["/proc/nothing/here", "/proc"])
    func aFolderThatCanNotBeSaysSo(_ folder: String) {
        let problem = #expect(throws: StartProblem.self) { try PortJournal(directory: folder).write(Self.originals()) }
        #expect(problem?.description.contains("--state-directory") == true)
    }
}
