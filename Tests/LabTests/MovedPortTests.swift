import Foundation
import Testing

extension UntimedLabTests {
    /// Ports that are moved to other network namespaces while Weir runs, and don't come back.
    @Suite("Moved ports", .needsWeir)
    struct MovedPortTests {
        /// MTU, guard, and what it was before, of `eth2` in another namespace.
        private static func state(_ lab: Lab, in place: Place) throws -> String {
            let programs = try ["ingress", "egress"].map { try lab.tcx("list eth2 \($0)", in: place) }
            return try lab.require(in: place, "cat /sys/class/net/eth2/mtu") + programs.joined()
                + lab.require(in: place, "ethtool -k eth2").lines.filter { $0.hasPrefix("rx-gro-list") }.joined()
        }

        private static func notes(_ lab: Lab) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: lab.directory.appending(path: "state").path)
        }

        @Test(
            "it is put back where it is at the end, also when another has its name here",
            arguments: [[Place.near], [.near, .far]], [false, true])
        func putBack(places: [Place], isReplaced: Bool) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ethtool -K eth2 rx-gro-list on")
            let weir = try Weir(in: lab)
            var from = Place.fw
            for place in places {
                try lab.require(in: from, "ip link set eth2 netns \(lab.namespace(of: place))")
                from = place
            }
            #expect(eventually(within: .seconds(3)) { weir.log.contains("eth2 is gone") }, "\(weir.log)")
            #expect(try Self.state(lab, in: from).contains("1516\n"), "the test bed")
            if isReplaced {
                try lab.require(in: .fw, "ip link add eth2 type veth peer name other0 netns \(lab.namespace(of: .far))")
                try lab.require(in: .fw, "ip link set eth2 up")
                #expect(try eventually(within: .seconds(3)) { try lab.guardIsFirst(.tcx, on: "eth2") })
                #expect(try Self.notes(lab).count == 3, "the note of the interface that left stays")
            }
            #expect(weir.stop().status == 0)
            #expect(weir.log.contains("eth2 had left; it is in the network namespace /"), "\(weir.log)")
            #expect(weir.log.contains("called eth2, and is as it was before"), "\(weir.log)")
            #expect(try Self.state(lab, in: from) == "1500\nrx-gro-list: on")
            #expect(try Self.notes(lab) == [])
            if isReplaced { #expect(try lab.isWithoutGuard("eth2")) }
        }

        @Test("where it can't be reached, the message says what is left there and what to do")
        func unreachable() throws {
            let lab = try Lab()
            // Without CAP_SYS_ADMIN no namespace can be entered.
            let weir = try Weir(in: lab, guard: .filters)
            try lab.require(in: .fw, "ip link set eth2 netns \(lab.namespace(of: .near))")
            #expect(eventually(within: .seconds(3)) { weir.log.contains("eth2 is gone") }, "\(weir.log)")
            #expect(weir.stop().status == 0)
            #expect(weir.log.contains("eth2 is gone and can't be put back from here"), "\(weir.log)")
            #expect(weir.log.contains("an MTU of 1516 there (it was 1500)") && weir.log.contains("start Weir on it there"), "\(weir.log)")
            #expect(try Self.notes(lab).count == 1)
        }

        @Test("one that was deleted is not missed")
        func deleted() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            try lab.require(in: .fw, "ip link delete eth2")
            #expect(eventually(within: .seconds(3)) { weir.log.contains("eth2 is gone") }, "\(weir.log)")
            #expect(weir.stop().status == 0)
            #expect(!weir.log.contains("had left") && !weir.log.contains("can't be put back"), "\(weir.log)")
            #expect(try Self.notes(lab) == [])
        }

        @Test("where another Weir has it, it is left to that")
        func taken() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            try lab.require(in: .fw, "ip link set eth2 netns \(lab.namespace(of: .far))")
            try lab.require(in: .far, "ip link set eth2 up")
            try lab.require(in: .far, "ip link add spare0 type veth peer name spare1")
            for name in ["spare0", "spare1"] { try lab.require(in: .far, "ip link set \(name) up") }
            let second = try lab.start(
                in: .far,
                [
                    Weir.binary, "run", "--ports", "eth2,spare0", "--rules", lab.write(Weir.passAll, to: "far.nft").path,
                    "--state-directory", lab.directory.appending(path: "other").path,
                ])
            #expect(
                eventually(within: .seconds(15)) { second.errorText.contains("forwarding between eth2 and spare0") }, "\(second.errorText)")
            #expect(weir.stop().status == 0)
            #expect(weir.log.contains("where another Weir has it"), "\(weir.log)")
            #expect(try lab.tcx("list eth2 ingress", in: .far).contains("weir_guard_in"))
            second.signal(SIGTERM)
            #expect(second.wait(limit: .seconds(15)) == 0)
            // It knows what the port was like from the guard that it took over.
            #expect(try Self.state(lab, in: .far).hasPrefix("1500\nrx-gro-list"))
        }

        @Test("a note about a port that went through two namespaces after a crash stays")
        func twice() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            weir.stop(SIGKILL)
            let known = try Set(Self.notes(lab))
            try lab.require(in: .fw, "ip link set eth2 netns \(lab.namespace(of: .near))")
            // One that this namespace has no number for.
            let third = lab.namespace(of: .near).replacing("weir-near", with: "weir-third")
            try Command.require(["ip", "netns", "add", third])
            defer { _ = try? Command.run(["ip", "netns", "delete", third]) }
            try lab.require(in: .near, "ip link set eth2 netns \(third)")
            try lab.require(in: .fw, "ip link add eth2 type veth peer name other0 netns \(lab.namespace(of: .far))")
            try lab.require(in: .fw, "ip link set eth2 up")
            let next = try Weir(in: lab)
            #expect(next.stop().status == 0)
            let left = try Set(Self.notes(lab))
            #expect(left.count == 1 && left.isSubset(of: known), "\(next.log)")
            try Command.require(["ip", "-n", third, "link", "delete", "eth2"])
            let last = try Weir(in: lab)
            #expect(
                eventually(within: .seconds(5)) { last.log.contains("is gone, which a run that was killed had as a port") }, "\(last.log)")
            #expect(last.stop().status == 0)
            #expect(try Self.notes(lab) == [])
        }
    }
}
