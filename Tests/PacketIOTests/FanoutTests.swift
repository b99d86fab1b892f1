import CLinux
import PacketIO
import Testing

@Suite struct FanoutTests {
    private static let key: UInt32 = 0x9e37_79b1

    /// A packet from the network header on, behind so many tags in the bytes; the kernel knows the first's EtherType apart.
    private static func machine(_ version: Int, _ source: UInt8, _ destination: UInt8, tags: Int, more: [UInt8] = [1, 2, 3, 4])
        -> ClassicMachine
    {
        let type: [UInt8] = version == 4 ? [0x08, 0x00] : [0x86, 0xdd]
        var bytes: [UInt8] = []
        for tag in 0..<tags {
            bytes += [0, UInt8(tag + 5)] + (tag == tags - 1 ? type : [0x81, 0x00])
        }
        if version == 4 {
            bytes += [0x45, 0, 0, 40, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, source, 10, 0, 0, destination]
        } else {
            bytes += [0x60, 0, 0, 0, 0, 8, 17, 64]
            bytes += [0xfd, 0x77] + [UInt8](repeating: 0, count: 13) + [source]
            bytes += [0xfd, 0x77] + [UInt8](repeating: 0, count: 13) + [destination]
        }
        let outer: UInt32 = tags > 0 ? 0x88a8 : version == 4 ? 0x0800 : 0x86dd
        return ClassicMachine(network: bytes + more, networkProtocol: outer)
    }

    @Test(arguments: [4, 6], [0, 1, 2, 7])
    func bothDirectionsAndAllFragmentsGoTogether(_ version: Int, _ tags: Int) throws {
        let program = Fanout.hashOfAddresses(key: Self.key)
        for host in 1..<200 as Range<UInt8> {
            let there = try Self.machine(version, host, 200, tags: tags).run(program)
            let back = try Self.machine(version, 200, host, tags: tags).run(program)
            // What stands behind the addresses is not looked at.
            let fragment = try Self.machine(version, host, 200, tags: tags, more: [0xff]).run(program)
            #expect(there == back)
            #expect(there == fragment)
        }
    }

    /// Tags don't matter: a pair of hosts has one worker whatever the VLAN.
    @Test(arguments: [4, 6])
    func tagsDoNotMatter(_ version: Int) throws {
        let program = Fanout.hashOfAddresses(key: Self.key)
        let hashes = try (0...7).map { try Self.machine(version, 3, 9, tags: $0).run(program) }
        #expect(Set(hashes).count == 1)
        #expect(hashes[0] != 0)
    }

    /// Pairs of a network spread over the workers: none has less than half of its share.
    @Test(arguments: [4, 6], [2, 3, 4, 8])
    func pairsSpread(_ version: Int, _ workers: Int) throws {
        let program = Fanout.hashOfAddresses(key: Self.key)
        var share = [Int](repeating: 0, count: workers)
        for host in 1...240 as ClosedRange<UInt8> {
            share[Int(try Self.machine(version, host, 250, tags: 0).run(program)) % workers] += 1
        }
        #expect(share.allSatisfy { $0 * 2 * workers >= 240 }, "\(share)")
    }

    /// Another key is another spread: which pairs fall together can't be known from outside.
    @Test func theKeyMatters() throws {
        let pairs = (1...64 as ClosedRange<UInt8>).map { Self.machine(4, $0, 250, tags: 0) }
        let one = try pairs.map { try $0.run(Fanout.hashOfAddresses(key: 0x1234_5677)) % 2 }
        let other = try pairs.map { try $0.run(Fanout.hashOfAddresses(key: 0x89ab_cdef)) % 2 }
        #expect(one != other)
    }

    /// An even factor would lose the first bit of the addresses.
    @Test(arguments: [4, 6], [0x9e37_79b0, 0x9e37_79b1, 0] as [UInt32])
    func everyKeyKeepsTheFirstBit(_ version: Int, _ key: UInt32) throws {
        let program = Fanout.hashOfAddresses(key: key)
        let one = Self.machine(version, 3, 9, tags: 0)
        var other = one
        other.network[version == 4 ? 12 : 8] ^= 0x80
        #expect(try one.run(program) != other.run(program))
    }

    /// What isn't IP, and what is cut off, goes to the first worker.
    @Test(
        arguments: [
            ("ARP", [0, 1, 8, 0], 0x0806),
            ("IPv4 cut off", [0x45, 0, 0, 40], 0x0800),
            ("a tag cut off", [0], 0x8100),
            (
                "nine tags",
                Array(repeatElement([0, 1, 0x81, 0], count: 8).joined()) + [0, 3, 8, 0, 0x45] + [UInt8](repeating: 1, count: 20), 0x8100
            ),
            ("nothing", [], 0x88cc),
        ] as [(String, [UInt8], UInt32)])
    func allElseGoesToTheFirst(_ what: String, _ bytes: [UInt8], _ type: UInt32) throws {
        let machine = ClassicMachine(network: bytes, networkProtocol: type)
        #expect(try machine.run(Fanout.hashOfAddresses(key: Self.key)) == 0, "\(what)")
    }

    // MARK: ICMP errors

    private static let router: UInt8 = 77

    /// What a router says to `source` of its packet to `destination`, and the same packet by itself.
    private static func error(_ version: Int, type: UInt8, first: [UInt8]? = nil, flags: [UInt8] = [0, 0], tags: Int = 0) throws
        -> (error: UInt32, quoted: UInt32, own: UInt32)
    {
        let program = Fanout.hashOfAddresses(key: key)
        let quoted = machine(version, 3, 200, tags: 0)
        var error = machine(version, router, 3, tags: tags)
        let start = tags * 4
        if version == 4 {
            error.network[start + 9] = 1
            error.network.replaceSubrange(start + 6..<start + 8, with: flags)
            error.network[start] = first?[0] ?? 0x45
        } else {
            error.network[start + 6] = first?[0] ?? 58
        }
        error.network.removeLast(4)
        error.network += [type, 0, 0, 0, 0, 0, 0, 0] + quoted.network
        return try (error.run(program), quoted.run(program), machine(version, router, 3, tags: 0).run(program))
    }

    @Test(
        arguments: [
            (4, 3, 0), (4, 4, 0), (4, 5, 1), (4, 11, 2), (4, 12, 0),
            (6, 1, 0), (6, 2, 1), (6, 3, 2), (6, 4, 0),
        ] as [(Int, UInt8, Int)])
    func errorsGoWhereThePacketGoesThatTheyQuote(_ version: Int, _ type: UInt8, _ tags: Int) throws {
        let hashes = try Self.error(version, type: type, tags: tags)
        #expect(hashes.error == hashes.quoted)
        #expect(hashes.error != hashes.own)
    }

    @Test(
        arguments: [
            ("an echo request", 4, 8, 0x45, [0, 0]),
            ("an echo reply", 4, 0, 0x45, [0, 0]),
            ("a first fragment", 4, 3, 0x45, [0x20, 0]),
            ("a later fragment", 4, 3, 0x45, [0, 4]),
            ("options", 4, 3, 0x46, [0, 0]),
            ("an ICMPv6 echo request", 6, 128, 58, [0, 0]),
            ("an ICMPv6 fragment", 6, 3, 44, [0, 0]),
        ] as [(String, Int, UInt8, UInt8, [UInt8])])
    func whatIsNoWholeErrorGoesByItsOwnAddresses(_ what: String, _ version: Int, _ type: UInt8, _ first: UInt8, _ flags: [UInt8]) throws {
        let hashes = try Self.error(version, type: type, first: [first], flags: flags)
        #expect(hashes.error == hashes.own, "\(what)")
        #expect(hashes.error != hashes.quoted)
    }
}
