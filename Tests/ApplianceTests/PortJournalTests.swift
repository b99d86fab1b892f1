import Appliance
import Foundation
import PacketIO
import Testing

@Suite struct PortJournalTests {
    private static func folder() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)").path
    }

    private static func link(
        _ index: Int32 = 7, kind: String = "", address: UInt8 = 1, permanent: UInt8? = nil, mtu: UInt32 = 1500
    ) -> Link {
        var link = Link(index: index, name: "eth1", mtu: mtu, hardwareType: 1, master: 0)
        link.kind = kind
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
        ("another kind under the same index", link(kind: "veth"), link(kind: "tun", mtu: 1516), false),
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

    @Test func whatDoesNotFitLeavesIPv6StateOutAndSaysSo() throws {
        let message = try JSONDecoder().decode(SavedMessage.self, from: Data("{\"type\":20,\"payload\":[1,2,3]}".utf8))
        let originals = PortOriginals(of: Self.link(), ipv6Disabled: false, ipv6State: [message], offloads: [], hadHook: false)
        let whole = PortJournal.encode(originals, limit: .max)
        #expect(PortJournal.decode(PortJournal.encode(originals, limit: whole.count)) == originals)
        let shorter = try #require(PortJournal.decode(PortJournal.encode(originals, limit: whole.count - 1)))
        #expect(shorter.ipv6State.isEmpty && shorter.lacksIPv6State == true)
    }

    @Test func aNoteOfThousandsOfRoutesIsRead() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let state = (0..<20_000).map { SavedMessage(type: 24, payload: [UInt8](repeating: UInt8($0 % 256), count: 70)) }
        let originals = PortOriginals(of: Self.link(), ipv6Disabled: false, ipv6State: state, offloads: [], hadHook: false)
        let journal = try PortJournal(directory: folder)
        try journal.write(originals)
        #expect(journal.read(about: Self.link()) == originals)
        #expect(journal.damagedNote(about: 7) == nil)
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

    /// What is said is why the folder can't be made, not that it isn't there.
    @Test func aFolderThatCanNotBeMadeSaysWhy() {
        // sysfs(5) has folders of the kernel's only, and refuses others with EPERM.
        let problem = #expect(throws: StartProblem.self) { try PortJournal(directory: "/sys/here") }
        #expect(problem?.description.contains("/sys/here can't be written (Operation not permitted)") == true)
    }

    /// A file in the folder, of the namespace 5 and the boot "now" unless it says another.
    struct Left: Sendable {
        var namespace: UInt64 = 5
        var boot = "now"
        var text: String?
        var suffix = ""
    }

    /// Whether a note about interface 7 with the address 1 is of use: the interfaces here, those in other namespaces (nil: unknown), and
    /// whether a run has interface 7.
    @Test(
        arguments: [
            ("its interface is there", Left(), [link(mtu: 1516)], [], false, true),
            ("it is gone", Left(), [link(8)], [], false, false),
            ("it was made again under its index", Left(), [link(address: 2)], [], false, false),
            ("it was made again under another index", Left(), [link(9)], [], false, false),
            ("it is back under another index", Left(), [link(9, mtu: 1516)], [], false, true),
            ("it has moved to another namespace", Left(), [link(8)], [link(9, mtu: 1516)], false, true),
            ("it has moved and kept its index", Left(), [], [link(mtu: 1500)], false, true),
            ("another namespace can't be seen", Left(), [link(8)], nil, false, true),
            ("it is gone, and its run goes on", Left(), [], [], true, true),
            ("of another namespace", Left(namespace: 6), [], [], false, true),
            ("of a namespace whose number begins the same", Left(namespace: 55), [], [], false, true),
            ("of an earlier start of the machine", Left(boot: "then"), [link(mtu: 1516)], [], false, false),
            ("of another namespace and an earlier start", Left(namespace: 6, boot: "then"), [], [], false, true),
            ("damaged, its interface is there", Left(text: "{"), [link()], [], false, true),
            ("damaged, its interface is gone", Left(text: "{"), [link(8)], [], false, false),
            ("half written", Left(text: "{", suffix: ".new"), [link()], [], false, false),
            ("being written", Left(text: "{", suffix: ".new"), [link()], [], true, true),
            ("no note", Left(suffix: ".txt"), [], [], false, true),
        ] as [(String, Left, [Link], [Link]?, Bool, Bool)])
    func whatIsStale(_ what: String, _ left: Left, _ here: [Link], _ elsewhere: [Link]?, _ isReserved: Bool, _ stays: Bool) throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try PortJournal(directory: folder, namespace: left.namespace, boot: left.boot).write(Self.originals())
        let path = "\(folder)/\(left.namespace)-7.json"
        if let text = left.text { try Data(text.utf8).write(to: URL(filePath: path)) }
        if !left.suffix.isEmpty { try FileManager.default.moveItem(atPath: path, toPath: path + left.suffix) }
        let journal = try PortJournal(directory: folder, namespace: 5, boot: "now")
        let stale = journal.staleNotes(among: here, elsewhere: elsewhere) { _ in isReserved }
        #expect(stale.map(\.path) == (stays ? [] : [path + left.suffix]), "\(what)")
    }

    @Test func withoutACookieNoNoteIsStale() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let journal = try PortJournal(directory: folder, namespace: 0)
        try journal.write(Self.originals())
        #expect(journal.staleNotes(among: [], elsewhere: []) { _ in false } == [])
    }

    @Test func aNoteOfAnEarlierStartIsNotRead() throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try PortJournal(directory: folder, boot: "then").write(Self.originals())
        #expect(try PortJournal(directory: folder, boot: "now").read(about: Self.link()) == nil)
        #expect(try PortJournal(directory: folder, boot: "then").read(about: Self.link()) == Self.originals())
        // Files that don't say of when they are.
        #expect(try PortJournal(directory: folder, boot: nil).read(about: Self.link()) == Self.originals())
    }
}
