import CAllocationCounter
import Classifier
import Decisions
import Firewall
import Fragments
import FrameBuilder
import Ruleset
import Storage
import Testing
import Wire

#if DEBUG
private let isOptimized = false
#else
private let isOptimized = true
#endif

@Suite struct AllocationTests {
    @Test("the counter sees an allocation", .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func counting() {
        let before = allocations_of_this_thread()
        let block = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 16)
        let after = allocations_of_this_thread()
        block.deallocate()
        #expect(after > before)
    }

    @Test(
        "judging a million frames allocates nothing",
        .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"), arguments: ["ten rules", "keys", "an index"])
    func judging(rules: String) throws {
        let program =
            switch rules {
            case "keys": try keyRules()
            case "an index": try indexedRules()
            default: try tenRules()
            }
        try expectNoAllocation(program)
    }

    @Test(
        "nor does changing them",
        .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func changing() throws {
        let text = """
            table bridge t {
            chain c { type filter hook forward priority 0;
            ip dscp set ef
            ip6 saddr set ip6 daddr
            tcp option maxseg size set 1000
            tcp option maxseg missing udp sport set 9
            sctp chunk data exists sctp sport set 9
            vlan id set 7
            exthdr frag missing counter
            ip option ra missing counter
            }
            chain d { type filter hook forward priority 1; udp sport 9 counter; }
            }

            """
        let ruleset = try Ruleset.read(SourceFile(name: "changes", text: text)).ruleset
        try expectNoAllocation(Program(compiling: ruleset, ports: ["near0", "far0"]))
    }

    @Test(
        "nor do lookups in large sets and maps",
        .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func largeSets() throws {
        let addresses = (0..<400).map { "10.0.\($0 / 100).\($0 % 100 * 2)" }
        let text = """
            table bridge t {
            set addresses { type ipv4_addr; elements = { \(addresses.joined(separator: ", ")) }
            }
            set far { type ipv6_addr; flags interval; elements = { \((1...40).map { "2001:db8:\($0)::/48" }.joined(separator: ", ")) }
            }
            set boxes { type ipv4_addr . inet_service; flags interval; counter
            elements = { \(addresses.enumerated().map { "\($1) . \($0)-\($0 + 5000)" }.joined(separator: ", ")) }
            }
            map verdicts { type ipv4_addr . inet_service : verdict; flags interval
            elements = { \(addresses.enumerated().map { "\($1) . \($0)-\($0 + 9) : continue" }.joined(separator: ", ")), * : continue }
            }
            chain forward {
            type filter hook forward priority 0
            ip saddr @addresses counter
            ip6 saddr @far counter
            tcp dport { \((0..<40).map { String(3 * $0) }.joined(separator: ", ")) } counter
            ip saddr . th dport @boxes counter
            ip daddr . th sport != @boxes counter
            ip saddr . th dport vmap @verdicts
            }
            }

            """
        let ruleset = try Ruleset.read(SourceFile(name: "large", text: text)).ruleset
        try expectNoAllocation(Program(compiling: ruleset, ports: ["near0", "far0"]))
    }

    @Test(
        "nor do sets and maps that rules change",
        .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func remembering() throws {
        let text = """
            table bridge t {
            counter a { }
            set s { type ipv4_addr . inet_service; size 9; flags dynamic,timeout; timeout 1s; }
            set e { typeof ether saddr . iifname; flags dynamic; limit rate 5/second; }
            map m { type ipv4_addr : mark; flags dynamic; }
            chain c { type filter hook forward priority 0;
            add @s { ip saddr . udp dport } counter
            ip saddr . udp dport @s counter
            update @e { ether saddr . iifname } counter
            add @m { ip saddr : meta mark | 3 } counter
            meta mark set ip saddr map @m counter
            numgen inc mod 3 1 meta mark set numgen random mod 5 offset 2 counter
            meta random . ip saddr { 0-9 . 10.0.0.1 } counter
            add @m { ip saddr : numgen inc mod 7 } counter
            meta oiftype ether meta mark set (meta mark & 0xf) << 4 | 1 counter
            meter w { ip6 saddr . ip6 daddr . ether saddr . udp dport limit rate 5/second } counter
            counter name ip saddr map { 10.0.0.1 : "a", * : "a" } counter
            delete @s { ip saddr . udp dport } counter
            }
            }

            """
        let ruleset = try Ruleset.read(SourceFile(name: "sets", text: text)).ruleset
        try expectNoAllocation(Program(compiling: ruleset, ports: ["near0", "far0"]))
    }

    @Test(
        "nor does reading connections and writing into them",
        .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func connections() throws {
        let text = """
            table inet t {
            ct timeout a {
            protocol udp;
            policy = { replied : 5 };
            }
            set counted { type ipv4_addr; size 16; flags dynamic; }
            chain r { type filter hook prerouting priority -300; udp dport 9 notrack; }
            chain c { type filter hook forward priority 0;
            ct state vmap { invalid : drop, untracked : continue, established : continue }
            ct original ip saddr . ct mark { 10.0.0.1 . 3 } counter
            ct reply bytes > 5 ct expiration < 1h ct mark set ct mark & 0xff | 2 ct timeout set "a"
            ct mark set ct state map { new : 1, established : 2 } meta mark set ct mark
            ct count over 3 counter
            add @counted { ip saddr ct count over 2 } counter
            ct status assured ct direction reply meta mark 2 accept
            }
            }

            """
        let ruleset = try Ruleset.read(SourceFile(name: "connections", text: text)).ruleset
        let program = try Program(compiling: ruleset, ports: ["near0", "far0"])
        let hits = HitCounters(for: program)
        func accepts(_ bytes: inout [UInt8], _ round: Int) -> Bool {
            var frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
            var connection = PacketConnection(state: round & 1 == 0 ? .established : .new)
            connection.isFollowed = round & 2 == 0
            connection.networkProtocol = 2
            connection.direction = .reply
            connection.status = .assured
            connection.replyCounts = .init(packets: 1, bytes: 60)
            var span = bytes.mutableSpan
            var raw = span.mutableBytes
            var found = program.classify(
                &raw, &frame, ingress: 0, at: noon, section: .beforeTracking, connection: &connection, hits: hits)
            found = program.classify(
                &raw, &frame, ingress: 0, at: noon, section: .afterTracking, after: found, connection: &connection, hits: hits)
            return found.rule != .none && found.verdict == .accept
        }
        var frames = SampleFrames.all.map(\.frame.bytes)
        var accepted = 0
        let before = allocations_of_this_thread()
        for round in 0..<20_000 {
            for index in frames.indices where accepts(&frames[index], round) { accepted += 1 }
        }
        #expect(allocations_of_this_thread() == before)
        #expect(accepted > 1_000)
    }

    @Test func `nor does following connections`() throws {
        let text = """
            table bridge t {
            chain r { type filter hook prerouting priority -300; udp dport 9 notrack; }
            chain c { type filter hook forward priority 0;
            ct state established,related accept
            ct state invalid drop
            ct original packets > 5 ct mark set 3 accept
            ct status assured counter
            }
            }

            """
        let ruleset = try Ruleset.read(SourceFile(name: "connections", text: text)).ruleset
        try expectNoAllocation(try Program(compiling: ruleset, ports: ["near0", "far0"]))
    }

    private func expectNoAllocation(_ program: Program) throws {
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        var frames =
            SampleFrames.all.map { (bytes: $0.frame.bytes, tag: VLANTag?.none) }
            + SampleFrames.all.compactMap { $0.frame.outOfBand.map { (bytes: $0.bytes, tag: VLANTag?.some($0.tag)) } }
            + SampleFrames.all.map { (bytes: $0.frame.cut(to: 30).bytes, tag: VLANTag?.none) }
        let rounds = 1_000_000 / frames.count + 1

        let before = allocations_of_this_thread()
        for round in 0..<rounds {
            for index in frames.indices {
                _ = firewall.judge(&frames[index].bytes, tag: frames[index].tag, ingress: UInt8(round & 1), at: noon)
                letDepart(&firewall)
            }
        }
        let after = allocations_of_this_thread()
        #expect(after == before)
        let snapshot = counters.snapshot()
        #expect(snapshot.reasons.reduce(0) { $0 + $1.frames } + snapshot.held.frames == UInt64(rounds * frames.count))
    }

    @Test(
        "a million fragments allocate nothing, whatever becomes of them",
        .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"), arguments: FragmentMode.allCases)
    func gathering(mode: FragmentMode) throws {
        let program = try tenRules()
        let counters = FirewallCounters(for: program)
        let limits = FragmentLimits(bytes: 1 << 20, datagrams: 300, bytesPerPair: 1 << 20)
        var firewall = Firewall(program: program, counters: counters, fragments: FragmentGatherer(mode: mode, limits: limits))
        var parts = (0..<4).map { index in
            Frame.ethernet().ipv4(more: index < 3, fragmentOffset: index * 96, protocolNumber: 17).payload(96).bytes
        }
        var instant = noon
        let before = allocations_of_this_thread()
        for datagram in 0..<250_000 {
            for index in 0..<4 {
                // One in eight never becomes whole.
                let isLost = datagram % 8 == 0 && index == 2
                parts[index][18] = UInt8(truncatingIfNeeded: datagram >> 8)
                parts[index][19] = UInt8(truncatingIfNeeded: isLost ? datagram ^ 0x80 : datagram)
                _ = firewall.judge(&parts[index], tag: nil, ingress: 0, at: instant)
                letDepart(&firewall)
            }
            instant.monotonic += 1_000_000
            firewall.expire(at: instant)
            letDepart(&firewall)
        }
        let after = allocations_of_this_thread()
        #expect(after == before)
        let snapshot = counters.snapshot()
        #expect(snapshot.reasons.reduce(0) { $0 + $1.frames } + snapshot.held.frames == 1_000_000)
    }
}
