import FrameBuilder
import Offline
import Regions
import Ruleset
import Testing

/// Random pairs of rule files, held to the plain interpreter on random packets.
@Suite("regions of random rule sets") struct RegionPropertyTests {
    /// States that a packet of IP may have to rules.
    private static let states: [UInt32] = [1, 2, 4, 8]

    private static func read(_ file: RandomRules.File, _ name: String) throws -> Ruleset {
        try Ruleset.read(SourceFile(name: name, text: file.text)).ruleset
    }

    @Test("regions hold every packet that is judged otherwise, and packets of each are", arguments: 0..<120)
    func holds(seed: Int) throws {
        var rules = RandomRules(random: SeededGenerator(seed: UInt64(seed)))
        let file = rules.file()
        let other = rules.random.oneIn(4) ? rules.file() : rules.edited(file)
        let old = try Self.read(file, "old.nft")
        let new = try Self.read(other, "new.nft")
        let difference = try RulesetDifference(old, new, ports: ports)
        let judge = RegionJudge([old, new], ports: ports)
        for entry in difference.entries where entry.region.opaque.isEmpty {
            #expect(entry.example != nil, "no packet of \(RegionText(ports: ports).text(of: entry.region))\n\(file.text)\(other.text)")
        }
        for _ in 0..<150 {
            let packet = ReadPacket(rules.packet(), state: rules.random.pick(Self.states))
            // Limits have to say the same on both sides.
            guard let verdicts = judge.verdicts(of: packet.example) else { continue }
            let regions = difference.entries.map(\.region).filter(packet.isIn)
            if verdicts[0] == verdicts[1] {
                #expect(
                    regions.allSatisfy { !$0.opaque.isEmpty },
                    "\(packet.example.text), \(packet.state): \(regions.map(RegionText(ports: ports).text))\n\(file.text)\(other.text)")
            } else {
                #expect(!regions.isEmpty, "\(packet.example.text), state \(packet.state)\n\(file.text)\(other.text)")
            }
        }
    }

    @Test("no two regions of a difference overlap in a packet", arguments: 300..<340)
    func areApart(seed: Int) throws {
        var rules = RandomRules(random: SeededGenerator(seed: UInt64(seed)))
        let (file, other) = (rules.file(), rules.file())
        let difference = try RulesetDifference(Self.read(file, "old.nft"), Self.read(other, "new.nft"), ports: ports)
        for _ in 0..<100 {
            let packet = ReadPacket(rules.packet(), state: rules.random.pick(Self.states))
            let regions = difference.entries.map(\.region).filter(packet.isIn)
            #expect(regions.count(where: \.opaque.isEmpty) <= 1, "\(packet.example.text): \(regions.map(RegionText(ports: ports).text))")
        }
    }

    @Test("a rule set is the same as itself, whatever its lines", arguments: 400..<430)
    func isReflexive(seed: Int) throws {
        var rules = RandomRules(random: SeededGenerator(seed: UInt64(seed)))
        let file = rules.file()
        let moved = try Ruleset.read(SourceFile(name: "moved.nft", text: "# a line more\n\n" + file.text)).ruleset
        #expect(try RulesetDifference(Self.read(file, "old.nft"), moved, ports: ports).isEmpty)
    }
}
