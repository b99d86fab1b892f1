import FrameBuilder
import Foundation
import Testing

extension Chaos {
    /// The next step, by lot.
    func step() -> Step {
        let roll = Int.random(in: 0..<100, using: &random)
        switch roll {
        case 0..<8: return disturbance(named: "stopped", .stopped)
        case 8..<13: return disturbance(named: "killed", .restarted(SIGKILL))
        case 13..<15: return disturbance(named: "ended", .restarted(SIGTERM))
        case 15..<18: return Step(name: "reload", weir: .reloaded)
        default: return change()
        }
    }

    /// Something happens to Weir, and half of the time to a port meanwhile.
    private func disturbance(named name: String, _ kind: Kind) -> Step {
        var step = Bool.random(using: &random) ? change() : Step(name: "")
        step.name = "\(name) \(step.name)"
        step.weir = kind
        if case .restarted(SIGTERM) = kind { step.uncovers = true }
        return step
    }

    /// Something happens to a port.
    private func change() -> Step {
        let port = Int.random(in: 0..<2, using: &random)
        let name = wire.names[port]
        let (host, space) = (Self.hosts[port], port == 0 ? "$N" : "$F")
        let pause = "sleep 0.0\(Int.random(in: 1...9, using: &random))"
        // The name in --ports belongs to the other port.
        let isTaken = wire.names[1 - port] == wire.configured[port]
        let side = Bool.random(using: &random) ? "ingress" : "egress"
        switch Int.random(in: 0..<26, using: &random) {
        case 0, 1:
            return Step(name: "flap \(name)", script: "ip link set \(name) down; \(pause); \(furnish(port))")
        case 2:
            return Step(
                name: "carrier of \(name)", script: "ip -n \(space) link set \(host) down; \(pause); ip -n \(space) link set \(host) up")
        case 3 where !isTaken:
            wire.names[port] = wire.configured[port]
            wire.mtu[port] = 1500
            return Step(
                name: "remake \(name)", script: "ip link delete \(name); \(cable(port)); \(furnish(port))", uncovers: true)
        case 4 where !isTaken:
            wire.names[port] = wire.configured[port]
            wire.mtu[port] = 1500
            let index = "i=$(cat /sys/class/net/\(name)/ifindex)"
            return Step(
                name: "remake \(name) under its index",
                script: "\(index); ip link delete \(name); \(cable(port, index: "index $i")); \(furnish(port))", uncovers: true)
        case 5, 6:
            return Step(
                name: "move \(name) away and back",
                script: "ip link set \(name) netns \(space) && ip -n \(space) link set \(name) netns $W; \(furnish(port))", uncovers: true)
        case 7:
            let names = [wire.configured[port], "lan\(port)", "wan\(port)"].filter { !wire.names.contains($0) }
            let new = names.randomElement(using: &random) ?? name
            wire.names[port] = new
            return Step(name: "rename \(name) \(new)", script: "ip link set \(name) name \(new)")
        case 8:
            let other = wire.names[1 - port]
            wire.names.swapAt(0, 1)
            return Step(
                name: "swap names",
                script: "ip link set \(name) name xx; ip link set \(other) name \(name); ip link set xx name \(other)")
        case 9, 10:
            let mtu = [1280, 1500, 2000, 9000].randomElement(using: &random) ?? 1500
            wire.mtu[port] = mtu
            return Step(name: "MTU \(mtu) of \(name)", script: "ip link set \(name) mtu \(mtu)")
        case 11:
            return Step(
                name: "delete clsact of \(name)",
                script: "tc qdisc del dev \(name) clsact" + (Bool.random(using: &random) ? "; tc qdisc add dev \(name) clsact" : ""),
                uncovers: true)
        case 12:
            return Step(name: "delete all \(side) filters of \(name)", script: "tc filter del dev \(name) \(side)", uncovers: true)
        case 13:
            let answer = Bool.random(using: &random) ? "1,6 0 0 4294967295," : "1,6 0 0 0,"
            return Step(
                name: "foreign \(side) filter on \(name)",
                script: """
                    tc qdisc add dev \(name) clsact 2>/dev/null; tc filter add dev \(name) \(side) pref \(Int.random(in: 1...3, using: &random)) \
                    protocol all bpf da bytecode '\(answer)'; \(pause); tc filter del dev \(name) \(side) protocol all
                    """, uncovers: true)
        case 14:
            let address = ["192.0.2.\(Int.random(in: 1...9, using: &random))/24", "2001:db8::1/64"].randomElement(using: &random) ?? ""
            return Step(
                name: "address of \(name)", script: "ip address add \(address) dev \(name); \(pause); ip address del \(address) dev \(name)"
            )
        case 15:
            return Step(
                name: "\(name) in a bridge",
                script:
                    "ip link add br7 type bridge; ip link set br7 up; ip link set \(name) master br7; \(pause); ip link del br7; \(furnish(port))"
            )
        case 16:
            let keys = [
                "net.ipv4.conf.\(name).proxy_arp", "net.ipv4.conf.\(name).rp_filter", "net.ipv6.conf.\(name).accept_ra",
                "net.ipv6.conf.\(name).forwarding", "net.ipv4.conf.\(name).arp_notify", "net.ipv6.conf.all.forwarding",
            ]
            let key = keys.randomElement(using: &random) ?? keys[0]
            return Step(name: "sysctl \(key)", script: "sysctl -qw \(key)=1; \(pause); sysctl -qw \(key)=0")
        case 17:
            return Step(name: "IPv6 on \(name)", script: "sysctl -qw net.ipv6.conf.\(name).disable_ipv6=0")
        case 18:
            return Step(
                name: "qdisc of \(name)",
                script: "tc qdisc replace dev \(name) root pfifo limit 1000; \(pause); tc qdisc del dev \(name) root")
        case 19:
            return Step(
                name: "macvlan on \(name)",
                script: "ip link add link \(name) name v5 type macvlan mode bridge; ip link set v5 up; \(pause); ip link del v5")
        case 20:
            let (feature, usual, other) =
                [("gro", "off", "on"), ("tso", "on", "off"), ("gso", "on", "off"), ("tx", "on", "off")].randomElement(using: &random)
                ?? ("gro", "off", "on")
            return Step(
                name: "\(feature) of \(name)",
                script: "ethtool -K \(name) \(feature) \(other); \(pause); ethtool -K \(name) \(feature) \(usual)")
        case 21, 22:
            // What TCX_NEXT and TCX_PASS are.
            let answer = Bool.random(using: &random) ? -1 : 0
            let before = Bool.random(using: &random) ? "before" : ""
            return Step(
                name: "TCX program (\(answer) \(before)) at \(side) of \(name)",
                script: "$TCX attach \(name) \(side) \(answer) \(before); \(pause); $TCX detach \(name) \(side) other", uncovers: true)
        case 23:
            return Step(name: "detach TCX programs at \(side) of \(name)", script: "$TCX detach \(name) \(side) weir", uncovers: true)
        default:
            return Step(
                name: "ways of \(name)",
                script: """
                    ip link set \(name) promisc on; ip link set \(name) arp off; ip link property add dev \(name) altname other\(port); \
                    \(pause); ip link property del dev \(name) altname other\(port); ip link set \(name) arp on promisc off
                    """)
        }
    }

    /// The ports as they would be without Weir get the names, MTUs and addresses of the beginning.
    func settle() throws {
        var script = ""
        if wire.names == ["eth2", "eth1"] || wire.names[0] == "eth2" || wire.names[1] == "eth1" {
            script += "ip link set \(wire.names[0]) name xx; ip link set \(wire.names[1]) name eth2; ip link set xx name eth1;"
        } else {
            for (port, name) in ["eth1", "eth2"].enumerated() where wire.names[port] != name {
                script += "ip link set \(wire.names[port]) name \(name);"
            }
        }
        wire.names = ["eth1", "eth2"]
        // With a guard of programs a clsact is nobody's but ours.
        for name in wire.names { script += "ip address flush dev \(name) scope global; tc qdisc del dev \(name) clsact;" }
        try perform(Step(name: "settle", script: script, uncovers: true))
    }
}

extension LabTests {
    /// Whatever others do to the ports, in whatever order: nothing passes that no rule saw, the host is neither heard nor does it hear,
    /// frames pass again within two seconds, and after the end the ports are as they were.
    @Suite("Chaos", .needsWeir)
    struct ChaosTests {
        private static func number(_ name: String, _ standard: UInt64) -> UInt64 {
            ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
        }

        /// $CHAOS_STEPS and $CHAOS_SEED ask for others; `tools/chaos` sets them.
        @Test("a wire that others pull at", .timeLimit(.minutes(60)))
        func chaos() throws {
            let seed = Self.number("CHAOS_SEED", 1)
            let count = Int(Self.number("CHAOS_STEPS", 200))
            let chaos = try Chaos(seed: seed)
            let start = ContinuousClock.now
            var failure: String?
            do {
                try chaos.begin()
                for _ in 0..<count where chaos.strangers.isEmpty {
                    try chaos.perform(chaos.step())
                    chaos.judge()
                }
                try chaos.settle()
                chaos.judge()
                try chaos.end()
            } catch {
                failure = "\(error)"
            }
            chaos.judge()
            let told = "seed \(seed), step \(chaos.history.count): \(chaos.history.suffix(6).joined(separator: " | "))"
            #expect(failure == nil, "\(told): \(failure ?? "")")
            #expect(chaos.strangers.isEmpty, "\(told): \(chaos.strangers.prefix(4)); \(chaos.weir.errorText.suffix(1500))")
            let worst = chaos.recoveries.max() ?? 0
            print(
                "chaos: seed \(seed), \(chaos.history.count) steps in \(ContinuousClock.now - start), \(chaos.arrived) datagrams; "
                    + "frames passed again after at most \(worst.formatted(.number.precision(.fractionLength(2)))) s")
            guard failure == nil else { return }
            for (port, mtu) in chaos.wire.mtu.enumerated() {
                let name = chaos.wire.names[port]
                #expect(try chaos.lab.require(in: .fw, "cat /sys/class/net/\(name)/mtu") == "\(mtu)\n", "\(told): the MTU of \(name)")
                try chaos.lab.require(in: .fw, "ip link set \(name) mtu 1500")
            }
            for (port, old) in zip(["eth1", "eth2"], chaos.before) {
                let new = try chaos.lab.state(of: port)
                let difference = new.lines.difference(from: old.lines)
                #expect(difference.isEmpty, "\(told): \(port) is not as it was: \(difference)")
            }
            let notes = try FileManager.default.contentsOfDirectory(atPath: chaos.lab.directory.appending(path: "state").path)
            #expect(notes.isEmpty)
        }
    }
}
