import Foundation
import Testing

extension Lab {
    /// The index of a port.
    func index(of port: String) throws -> String {
        try require(in: .fw, "cat /sys/class/net/\(port)/ifindex").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The far port goes to the far host's namespace and comes back, under its index.
    func takeFarPortAway() throws {
        try require(in: .fw, "ip link set eth2 netns \(namespace(of: .far))")
        try require(in: .far, "ip link set eth2 netns \(namespace(of: .fw))")
        try require(in: .fw, "ip link set eth2 up")
    }

    /// The cable between `eth2` and `far0`, laid anew under the index of the one before.
    func remakeFarCable() throws {
        let index = try index(of: "eth2")
        let address = try address(of: "eth2")
        try require(in: .fw, "ip link delete eth2")
        try require(
            in: .fw,
            "ip link add eth2 index \(index) address \(address) type veth peer name far0 netns \(namespace(of: .far)) address 02:77:00:00:00:02"
        )
        try require(in: .fw, "ip link set eth2 up")
        try require(in: .far, "ip address add 10.77.0.2/24 dev far0")
        try require(in: .far, "ip link set far0 up")
    }
}

extension UntimedLabTests {
    /// A port is an interface that others may rename, move, remake and set up while Weir holds it.
    @Suite("Ports", .needsWeir)
    struct PortTests {
        private static let ports = [Lab.ports.near, Lab.ports.far]

        private func expectForwarding(_ lab: Lab, within limit: Duration = .seconds(10), _ comment: Comment) throws {
            #expect(
                try eventually(within: limit) { try lab.run(in: .near, ["ping", "-c", "1", "-W", "0.2", "10.77.0.2"]).isSuccess },
                comment)
        }

        enum Absence: String, CaseIterable {
            case moved, remade
        }

        /// Nobody who compares indices between two looks sees it.
        @Test(
            "an interface that leaves and returns under its index is guarded and carries frames again", arguments: Absence.allCases,
            [true, false])
        func sameIndex(absence: Absence, isStopped: Bool) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, workers: 2)
            try expectForwarding(lab, "at the start")
            let index = try lab.index(of: "eth2")
            if isStopped { weir.signal(SIGSTOP) }
            switch absence {
            case .moved: try lab.takeFarPortAway()
            case .remade: try lab.remakeFarCable()
            }
            #expect(try lab.index(of: "eth2") == index, "the test bed: the index is the same")
            // The host is to be heard on the far side, if it is.
            try lab.require(in: .fw, "ip address add 10.77.0.254/24 dev eth2")
            if isStopped { weir.signal(SIGCONT) }
            try expectForwarding(lab, "afterwards")
            #expect(try lab.isDeaf("10.77.0.254", from: .far))
            #expect(try lab.sysctl("net.ipv6.conf.eth2.disable_ipv6", in: .fw) == "1")
            #expect(weir.stop().status == 0)
            #expect(try lab.require(in: .fw, "cat /sys/class/net/eth2/mtu") == "1500\n")
            #expect(try lab.isWithoutGuard("eth2"))
            #expect(try lab.sysctl("net.ipv6.conf.eth2.disable_ipv6", in: .fw) == "0")
        }

        @Test("a renamed port goes on, and is put back under the name that it has")
        func renamed() throws {
            let lab = try Lab()
            let before = try Self.ports.map(lab.state)
            let weir = try Weir(in: lab)
            try lab.require(in: .fw, "ip link set eth1 name lan0")
            #expect(eventually(within: .seconds(5)) { weir.log.contains("eth1 was renamed to lan0") }, "\(weir.log)")
            try expectForwarding(lab, "renamed")
            // The name of before is somebody else's now.
            try lab.require(in: .fw, "ip link add eth1 type veth peer name other0")
            try lab.require(in: .fw, "ip link set eth1 up")
            try expectForwarding(lab, "beside an eth1 that is not the port")
            try lab.require(in: .fw, "ip link set lan0 down")
            #expect(eventually(within: .seconds(5)) { weir.log.contains("ip link set lan0 up") }, "\(weir.log)")
            try lab.require(in: .fw, "ip link set lan0 up")
            try expectForwarding(lab, "up again")
            #expect(weir.stop().status == 0)
            try lab.require(in: .fw, "ip link delete eth1")
            try lab.require(in: .fw, "ip link set lan0 name eth1")
            #expect(try Self.ports.map(lab.state) == before)
        }

        @Test("after a run that was killed the MTUs are compared as they were noted", arguments: [false, true])
        func notedMTUs(isRemade: Bool) throws {
            let lab = try Lab()
            try Weir(in: lab).stop(SIGKILL)
            // One is as the operator sets it now, or made anew; the other is as the run left it.
            if isRemade {
                try lab.require(in: .fw, "ip link delete eth2")
                try lab.layFarCable()
            } else {
                try lab.require(in: .fw, "ip link set eth1 mtu 1500")
            }
            let weir = try Weir(in: lab)
            #expect(!weir.log.contains("the MTUs differ"), "\(weir.log)")
            try lab.require(in: .fw, "ip link set eth1 mtu 1400")
            #expect(eventually(within: .seconds(3)) { weir.log.contains("the MTUs differ (eth1 1400, eth2 1500)") }, "\(weir.log)")
            #expect(weir.stop().status == 0)
            let next = try Weir(in: lab)
            #expect(next.log.contains("the MTUs differ (eth1 1400, eth2 1500)"), "\(next.log)")
            next.stop()
        }

        @Test("a link that flaps fills no log")
        func flaps() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            let before = weir.log.lines.count
            let batch = try lab.write(
                String(repeating: "link set eth1 down\nlink set eth1 up\nlink set eth1 mtu 1490\nlink set eth1 mtu 1500\n", count: 300),
                to: "batch")
            try lab.require(in: .fw, "ip -batch \(batch.path)")
            try expectForwarding(lab, "afterwards")
            #expect(weir.stop().status == 0)
            let lines = weir.log.lines.dropFirst(before).filter { $0.contains("eth1") }
            #expect(lines.count < 30 && lines.contains { $0.contains("more times; it is up now") }, "\(lines)")
        }

        @Test("two ports that swap their names", arguments: [SIGTERM, SIGKILL])
        func swapped(signal: Int32) throws {
            let lab = try Lab()
            // Different, so that a mistaken one shows.
            try lab.require(in: .fw, "ip link set eth1 mtu 1400")
            try lab.require(in: .fw, "ethtool -K eth1 rx-gro-list on")
            try lab.require(in: .fw, "sysctl -qw net.ipv6.conf.eth2.disable_ipv6=1")
            let before = try Self.ports.map(lab.state)
            let weir = try Weir(in: lab)
            func swap() throws {
                for (old, new) in [("eth1", "x"), ("eth2", "eth1"), ("x", "eth2")] {
                    try lab.require(in: .fw, "ip link set \(old) name \(new)")
                }
            }
            try swap()
            try expectForwarding(lab, "with swapped names")
            weir.stop(signal)
            if signal == SIGKILL {
                let next = try Weir(in: lab)
                try expectForwarding(lab, "the next run, the other way round")
                #expect(next.stop().status == 0)
            }
            try swap()
            #expect(try Self.ports.map(lab.state) == before)
        }

        @Test("a note about another interface of the same name is not followed")
        func anothersNote() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip address add fd77::fe/64 dev eth2 nodad")
            try lab.require(in: .fw, "ip link set eth2 mtu 1400")
            let killed = try Weir(in: lab)
            killed.stop(SIGKILL)
            try lab.require(in: .fw, "ip link delete eth2")
            try lab.layFarCable()
            let before = try Self.ports.map(lab.state)
            let next = try Weir(in: lab)
            try expectForwarding(lab, "over the new interface")
            #expect(next.stop().status == 0)
            let after = try Self.ports.map(lab.state)
            #expect(after[1] == before[1])
            #expect(try lab.require(in: .fw, "cat /sys/class/net/eth1/mtu") == "1500\n")
        }

        enum Loss: String, CaseIterable {
            case lost, damaged, elsewhere
        }

        /// What is noted on the interface itself is enough.
        @Test("without the notes of the runs that were killed the ports are put back", arguments: Loss.allCases, GuardKind.allCases)
        func withoutNotes(loss: Loss, kind: GuardKind) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip address add fd77::fe/64 dev eth1 nodad")
            try lab.require(in: .fw, "ethtool -K eth1 rx-gro-list on")
            try lab.require(in: .fw, "sysctl -qw net.ipv6.conf.eth2.disable_ipv6=1")
            try lab.require(in: .fw, "ip link set eth2 mtu 1400")
            let before = try Self.ports.map(lab.state)
            for run in 0..<3 {
                let folder = lab.directory.appending(path: loss == .elsewhere ? "state-\(run)" : "state")
                let weir = try Weir(in: lab, options: ["--state-directory", folder.path], guard: kind)
                for (port, mtu) in [("eth1", "1516\n"), ("eth2", "1416\n")] {
                    #expect(try lab.require(in: .fw, "cat /sys/class/net/\(port)/mtu") == mtu, "run \(run)")
                }
                #expect(!weir.log.contains("is taken to have had"), "\(weir.log)")
                let isTold = weir.log.contains("is damaged and is not used; nothing is lost: its guard has the same note")
                #expect(isTold == (loss == .damaged && run > 0), "\(weir.log)")
                if run == 2 {
                    #expect(weir.stop().status == 0)
                    continue
                }
                weir.stop(SIGKILL)
                for note in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
                    switch loss {
                    case .lost: try FileManager.default.removeItem(at: note)
                    case .damaged: try Data("{".utf8).write(to: note)
                    case .elsewhere: break
                    }
                }
            }
            #expect(try Self.ports.map(lab.state) == before)
        }

        @Test("a clsact of somebody else without filters stays", arguments: GuardKind.allCases)
        func emptyHook(kind: GuardKind) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "tc qdisc add dev eth1 clsact")
            let before = try Self.ports.map(lab.state)
            let weir = try Weir(in: lab, guard: kind)
            try expectForwarding(lab, "beside it")
            #expect(weir.stop().status == 0)
            #expect(try Self.ports.map(lab.state) == before)
            // A run that takes over from one that was killed knows it too.
            try Weir(in: lab, guard: kind).stop(SIGKILL)
            try Weir(in: lab, guard: kind).stop()
            #expect(try Self.ports.map(lab.state) == before)
        }

        @Test("what one step of putting back can't do hinders none of the others, and the note stays")
        func aStepFails() throws {
            let lab = try Lab()
            let before = try Self.ports.map(lab.state)
            let weir = try Weir(in: lab)
            // In the mount namespace that ip-netns(8) gives it /proc/sys becomes read-only.
            for command in ["mount --bind /proc/sys /proc/sys", "mount -o remount,bind,ro /proc/sys"] {
                try Command.require(["nsenter", "-m", "-t", "\(weir.processIdentifier)"] + command.split(separator: " ").map(String.init))
            }
            #expect(weir.stop().status == 1)
            for port in Self.ports {
                #expect(weir.log.contains("\(port) is not as it was: open /proc/sys/net/ipv6/conf/\(port)/disable_ipv6"), "\(weir.log)")
                #expect(try lab.require(in: .fw, "cat /sys/class/net/\(port)/mtu") == "1500\n")
                #expect(try lab.require(in: .fw, "tc qdisc show dev \(port)").contains("clsact") == false)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: lab.directory.appending(path: "state").path).count == 2)
            // The next run knows what is left to do.
            let next = try Weir(in: lab)
            #expect(next.stop().status == 0)
            #expect(try Self.ports.map(lab.state) == before)
        }

        /// All that the kernel says of each is "No buffer space available".
        @Test(
            "a hook of somebody else that drops frames on their way out is named",
            arguments: [
                (
                    [
                        "nft add table netdev t",
                        "nft add chain netdev t c { type filter hook egress device eth2 priority 0 ; policy drop ; }",
                    ],
                    "the chain c of nft's table netdev t"
                ),
                (
                    ["tc qdisc add dev eth2 clsact", "tc filter add dev eth2 egress pref 50 protocol all bpf da bytecode 1,6_0_0_2,"],
                    "the tc egress filter of preference 50 (bpf)"
                ),
                (["tc qdisc replace dev eth2 root tbf rate 8bit burst 200 limit 200"], "the qdisc tbf"),
                // TCX_DROP, after the guard.
                (["TCX attach eth2 egress 2"], "\"other\" decides on them there"),
            ])
        func hooks(commands: [String], says: String) throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab)
            for command in commands {
                if command.hasPrefix("TCX ") {
                    try lab.tcx(String(command.dropFirst(4)))
                    continue
                }
                let words = command.split(separator: " ").map { $0.replacingOccurrences(of: "_", with: " ") }
                _ = try lab.run(in: .fw, words)
            }
            let frames = (0..<5).map { _ in OutgoingFrame(from: .near, frame: "near/near4/UDP(dport=9)/data(900)") }
            #expect(try Wiretap(lab).exchange(frames).frames(at: .far).isEmpty)
            let isSaid = eventually(within: .seconds(5)) { weir.log.contains("frames are lost on their way out of eth2") }
            #expect(isSaid && weir.log.contains(says), "\(weir.log)")
        }
    }
}
